import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Security, SignInRules } from "../api/client";
import { switchLanguage } from "../i18n";
import { RulesForm } from "./SignInRulesPage";

const SECURITY: Security = {
  can_have_factors: true,
  is_strong: true,
  passkeys: 1,
  has_password: true,
  providers: [],
  recovery_codes_left: 10,
};

const RULES: SignInRules = {
  can_change: true,
  roles: [
    {
      role: "analyst",
      needs_passkey: true,
      is_proposed: false,
      people: 4,
      without_passkey: 0,
    },
    {
      role: "system-administrator",
      needs_passkey: false,
      is_proposed: true,
      people: 2,
      without_passkey: 1,
    },
  ],
};

beforeEach(() => switchLanguage("en"));
afterEach(() => {
  vi.unstubAllGlobals();
  switchLanguage("vi");
});

function show(rules: SignInRules) {
  const asked: Request[] = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    asked.push(request.clone());
    return Response.json(rules);
  });
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={new QueryClient()}>
        <RulesForm rules={rules} security={SECURITY} />
      </QueryClientProvider>
    </MantineProvider>,
  );
  return asked;
}

it("proposes the grave roles, says whom it stops, and saves what is chosen", async () => {
  const asked = show(RULES);
  const save = screen.getByRole("button", { name: "Save" }) as HTMLButtonElement;
  expect(save.disabled).toBe(true);
  expect(screen.queryByRole("status")).toBeNull();
  fireEvent.click(screen.getByRole("button", { name: "Choose those proposed" }));
  expect(screen.getByRole("status").textContent).toContain("System administrator");
  fireEvent.click(save);
  await waitFor(() => expect(asked).toHaveLength(1));
  expect(await asked[0]?.json()).toEqual({
    passkey_roles: ["analyst", "system-administrator"],
    lock_minutes_max: null,
  });
});

it("sets when everybody's session locks by itself at the latest", async () => {
  const asked = show(RULES);
  fireEvent.click(screen.getByRole("radio", { name: "10 minutes" }));
  fireEvent.click(screen.getByRole("button", { name: "Save" }));
  await waitFor(() => expect(asked).toHaveLength(1));
  expect(await asked[0]?.json()).toEqual({ passkey_roles: ["analyst"], lock_minutes_max: 10 });
});

it("shows them to who may only look", () => {
  show({ ...RULES, can_change: false });
  expect(screen.queryByRole("button", { name: "Save" })).toBeNull();
  const analyst = screen.getByRole("checkbox", { name: "Analyst" }) as HTMLInputElement;
  expect(analyst.checked && analyst.disabled).toBe(true);
});
