import { render, screen } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";
import { LongText } from "./LongText";

afterEach(() => vi.restoreAllMocks());

/** As a browser lays a text out that needs so much height where there are 200. */
function height(needed: number) {
  vi.spyOn(HTMLElement.prototype, "scrollHeight", "get").mockReturnValue(needed);
  vi.spyOn(HTMLElement.prototype, "clientHeight", "get").mockReturnValue(Math.min(needed, 200));
}

test("a text that scrolls is reached by the keyboard", () => {
  height(900);
  render(
    <LongText label="payload" className="">
      GET / …
    </LongText>,
  );
  expect(screen.getByRole("group", { name: "payload" }).tabIndex).toBe(0);
});

test("a text that is whole stops nobody on the way", () => {
  height(20);
  render(
    <LongText label="payload" className="">
      GET /
    </LongText>,
  );
  expect(screen.queryByRole("group")).toBeNull();
  expect(screen.getByText("GET /").hasAttribute("tabindex")).toBe(false);
});
