import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { AccountPlace, Invitation, Security } from "../api/client";
import { switchLanguage } from "../i18n";
import { InviteDialog } from "./InviteDialog";
import { plain } from "./plain";

const SECURITY: Security = {
  can_have_factors: true,
  is_strong: true,
  passkeys: 1,
  has_password: true,
  providers: [],
  recovery_codes_left: 10,
};

const PLACES: AccountPlace[] = [
  {
    organisation: { code: "ha-noi", vi: "Thành phố Hà Nội", en: "Ha Noi City" },
    can_invite: true,
    gifts: [
      { role: "analyst", waits: false },
      { role: "response-coordinator", waits: true },
    ],
  },
  {
    organisation: { code: "hue", vi: "Thành phố Huế", en: "Hue City" },
    can_invite: false,
    gifts: [],
  },
];

beforeEach(() => switchLanguage("en"));
afterEach(() => {
  vi.unstubAllGlobals();
  switchLanguage("vi");
});

/** Shows the form; the server answers with these in turn. What it was asked, and who was invited. */
function show(...answers: [number, unknown][]) {
  const asked: Request[] = [];
  const invited: Invitation[] = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    asked.push(request.clone());
    const [status, body] = answers.shift() ?? [500, {}];
    return Response.json(body, { status });
  });
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={new QueryClient()}>
        <InviteDialog
          opened
          places={PLACES}
          security={SECURITY}
          onClose={() => undefined}
          onInvited={(invitation) => invited.push(invitation)}
        />
      </QueryClientProvider>
    </MantineProvider>,
  );
  return { asked, invited };
}

function write(label: string, value: string) {
  fireEvent.change(screen.getByRole("textbox", { name: label }), { target: { value } });
}

function choose(label: string, option: string) {
  fireEvent.click(screen.getByRole("combobox", { name: label }));
  fireEvent.click(screen.getByRole("option", { name: option }));
}

it("offers where one may invite and the roles that one may give there, and invites", async () => {
  const link = { path: "/welcome#ab", expires_at: "2026-01-04T00:00:00Z" };
  const { asked, invited } = show([201, { account: { id: "7" }, link }]);
  write("User name", "lan");
  write("Name", "Nguyễn Lan");
  fireEvent.click(screen.getByRole("combobox", { name: "Organisation" }));
  expect(screen.getAllByRole("option").map((option) => option.textContent)).toEqual([
    "Ha Noi City",
  ]);
  fireEvent.click(screen.getByRole("combobox", { name: "Role" }));
  expect(screen.queryByRole("option", { name: "Auditor" })).toBeNull();
  fireEvent.click(screen.getByRole("option", { name: /response coordinator/i }));
  expect(screen.getByText(/once a second person has agreed/)).toBeTruthy();
  choose("Role", "Analyst");
  fireEvent.click(screen.getByRole("button", { name: "Make the invitation" }));
  await waitFor(() => expect(invited).toHaveLength(1));
  expect(invited[0]?.link).toEqual(link);
  expect(await asked[0]?.json()).toEqual({
    user_name: "lan",
    display_name: "Nguyễn Lan",
    language: "vi",
    organisation: "ha-noi",
    memberships: [{ role: "analyst", organisation: "ha-noi", from: null, until: null }],
  });
});

it("puts what is wrong at its field, and asks who sits there when the server wants to know", async () => {
  const taken = { error: { code: "invalid", field: "user_name", message: "user_name is taken" } };
  const { asked } = show([400, taken], [403, { error: { code: "confirm_first", message: "" } }]);
  write("User name", "lan");
  write("Name", "Lan");
  const submit = () => fireEvent.click(screen.getByRole("button", { name: "Make the invitation" }));
  submit();
  expect(await screen.findByText("user_name is taken")).toBeTruthy();
  submit();
  await waitFor(() => expect(screen.getAllByRole("dialog")).toHaveLength(2));
  expect(asked).toHaveLength(2);
});

it("finds names that are typed without their marks", () => {
  expect(plain("Đắk Lắk ")).toBe("dak lak");
  expect(plain("Thành phố Huế")).toContain(plain("hue"));
});
