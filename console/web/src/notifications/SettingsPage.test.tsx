import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { NotificationSettings, Security } from "../api/client";
import { switchLanguage } from "../i18n";
import { SettingsPage } from "./SettingsPage";

beforeEach(() => switchLanguage("en"));
afterEach(() => {
  vi.unstubAllGlobals();
  switchLanguage("vi");
});

const SETTINGS: NotificationSettings = {
  mail: {
    is_on: true,
    host: "mail.example",
    port: 587,
    security: "starttls",
    user: "soc",
    from: "soc@vn.example",
    from_name: "Vọng Gác",
  },
  has_password: true,
  can_keep_password: true,
  webhooks: { is_on: true, hosts: ["hooks.example"], networks: [], allows_http: false },
  has_links: true,
  changed_at: "2026-11-21T10:00:00Z",
  may_change: true,
};

const SECURITY: Security = {
  can_have_factors: true,
  has_password: true,
  is_strong: true,
  passkeys: 0,
  providers: [],
  recovery_codes_left: 10,
};

/** The page of these settings, whose changes are answered so. */
function show(settings: NotificationSettings, answer: () => Response) {
  const asked: { method: string; path: string; body: unknown }[] = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    const path = new URL(request.url).pathname;
    if (request.method === "GET" && path === "/api/v1/notification-settings") {
      return Response.json(settings);
    }
    if (request.method === "GET") return Response.json(SECURITY);
    asked.push({ method: request.method, path, body: JSON.parse(await request.text()) });
    return answer();
  });
  render(
    <MantineProvider env="test">
      <Notifications />
      <QueryClientProvider client={new QueryClient()}>
        <SettingsPage />
      </QueryClientProvider>
    </MantineProvider>,
  );
  return asked;
}

it("keeps the password unless another is typed, and chooses the usual port", async () => {
  const asked = show(SETTINGS, () => Response.json(SETTINGS));
  const host = await screen.findByRole("textbox", { name: "Name or address of the server" });
  fireEvent.change(host, { target: { value: "smtp.example" } });
  fireEvent.change(screen.getByRole("textbox", { name: "Hosts that are allowed" }), {
    target: { value: "hooks.example\n*.gov.example" },
  });
  fireEvent.click(screen.getByRole("button", { name: "Save the settings" }));
  await waitFor(() => expect(asked).toHaveLength(1));
  expect(asked[0]).toEqual({
    method: "PUT",
    path: "/api/v1/notification-settings",
    body: {
      mail: { ...SETTINGS.mail, host: "smtp.example" },
      webhooks: { ...SETTINGS.webhooks, hosts: ["hooks.example", "*.gov.example"] },
    },
  });
  fireEvent.change(screen.getByLabelText("Password"), { target: { value: "mật khẩu" } });
  fireEvent.click(screen.getByRole("button", { name: "Save the settings" }));
  await waitFor(() => expect(asked).toHaveLength(2));
  expect(asked[1]?.body).toMatchObject({ password: "mật khẩu" });
});

it("shows what is wrong at its field", async () => {
  const error = {
    code: "invalid",
    field: "hosts",
    message: "a b is no host such as hooks.example, *.example or hooks.example:8443",
  };
  show(SETTINGS, () => Response.json({ error }, { status: 400 }));
  fireEvent.click(await screen.findByRole("button", { name: "Save the settings" }));
  expect(await screen.findByText(/a b is no host/)).toBeTruthy();
});

it("sends a test and shows what the server answered", async () => {
  const answer = { is_sent: true, answer: "250 2.0.0 Ok: queued as 1" };
  const asked = show(SETTINGS, () => Response.json(answer));
  fireEvent.change(await screen.findByRole("textbox", { name: /To/ }), {
    target: { value: "lan@moh.example" },
  });
  fireEvent.click(screen.getByRole("button", { name: "Send a test" }));
  expect(await screen.findByText("250 2.0.0 Ok: queued as 1")).toBeTruthy();
  expect(asked[0]?.body).toEqual({ address: "lan@moh.example" });
});

it("shows them to who may not change them, without a button to", async () => {
  show({ ...SETTINGS, may_change: false, has_links: false }, () => Response.json(SETTINGS));
  const host = await screen.findByRole<HTMLInputElement>("textbox", {
    name: "Name or address of the server",
  });
  expect(host.disabled).toBe(true);
  expect(screen.queryByRole("button", { name: "Save the settings" })).toBeNull();
  expect(screen.queryByRole("button", { name: "Send a test" })).toBeNull();
  expect(screen.getByText(/cannot link to alerts/)).toBeTruthy();
});

it("warns of a way that is not encrypted, in Vietnamese too", async () => {
  switchLanguage("vi");
  const plain = { ...SETTINGS, mail: { ...SETTINGS.mail, security: "plain" as const } };
  show(plain, () => Response.json(SETTINGS));
  expect(await screen.findByText(/Thư đi không mã hóa/)).toBeTruthy();
});
