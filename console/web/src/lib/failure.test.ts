import i18next from "i18next";
import { expect, it } from "vitest";
import { ApiFailure } from "../api/client";
import vi from "../i18n/vi.json";
import { failureText } from "./failure";

const told = (status: number, code: string, message: string) =>
  failureText(new ApiFailure(status, { code, message }), i18next.t);

it("adds the server's words to what to do", () => {
  expect(told(409, "conflict", "Tên đăng nhập đã có người dùng")).toEqual({
    hint: vi.error.conflict,
    detail: "Tên đăng nhập đã có người dùng",
  });
});

it.each([
  [403, "wrong_password", "Mật khẩu không đúng", vi.account.wrong_password],
  [404, "not_found", "Không tìm thấy", vi.error.not_found],
  [401, "unauthenticated", "Hãy đăng nhập trước", vi.error.signed_out],
])("says nothing twice: %i %s", (status, code, message, hint) => {
  expect(told(status, code, message)).toEqual({ hint, detail: "" });
});

it("tells what a mail server answered", () => {
  const message = "Máy chủ thư từ chối thư: 550";
  expect(told(502, "not_sent", message)).toEqual({ hint: vi.notice.not_sent, detail: message });
});
