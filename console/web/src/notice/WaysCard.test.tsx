import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { NoticeWayList } from "../api/client";
import { switchLanguage } from "../i18n";
import { wayOf } from "../test/notices";
import { WaysCard } from "./WaysCard";

beforeEach(() => switchLanguage("en"));
afterEach(() => {
  vi.unstubAllGlobals();
  switchLanguage("vi");
});

interface Stage {
  abilities?: string[];
  answers?: Record<string, unknown>;
}

function show(
  list: Partial<NoticeWayList>,
  { abilities = ["alert:read"], answers = {} }: Stage = {},
) {
  const asked: { method: string; path: string; body: unknown }[] = [];
  const known: NoticeWayList = { items: [], has_mail: true, has_webhooks: true, ...list };
  vi.stubGlobal("fetch", async (request: Request) => {
    const path = new URL(request.url).pathname;
    if (path === "/api/v1/session") return Response.json({ abilities });
    if (request.method === "GET") return Response.json(known);
    const text = await request.text();
    asked.push({ method: request.method, path, body: text === "" ? null : JSON.parse(text) });
    return Response.json(answers[path] ?? known);
  });
  render(
    <MantineProvider env="test">
      <Notifications />
      <QueryClientProvider client={new QueryClient()}>
        <WaysCard />
      </QueryClientProvider>
    </MantineProvider>,
  );
  return asked;
}

it("adds an address and takes the code that was sent there", async () => {
  const added = wayOf({ is_confirmed: false });
  const path = "/api/v1/notice-ways/mail";
  const asked = show({}, { answers: { [path]: { items: [added] } } });
  fireEvent.click(await screen.findByRole("button", { name: "Add an e-mail address" }));
  fireEvent.change(await screen.findByRole("textbox", { name: /E-mail address/ }), {
    target: { value: " lan@moh.example" },
  });
  fireEvent.click(screen.getByRole("button", { name: "Send the code" }));
  fireEvent.change(await screen.findByRole("textbox", { name: /Code/ }), {
    target: { value: "12345678" },
  });
  fireEvent.click(screen.getByRole("button", { name: "Confirm" }));
  await waitFor(() => expect(asked).toHaveLength(2));
  expect(asked).toEqual([
    { method: "POST", path, body: { address: "lan@moh.example" } },
    { method: "POST", path: "/api/v1/notice-ways/7/confirm", body: { code: "12345678" } },
  ]);
});

it("offers webhooks to who may export alerts, and shows the secret once", async () => {
  const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const path = "/api/v1/notice-ways/webhooks";
  const asked = show(
    {},
    { abilities: ["alert:read", "alert:export"], answers: { [path]: { id: "9", secret } } },
  );
  fireEvent.click(await screen.findByRole("button", { name: "Add a webhook" }));
  fireEvent.change(await screen.findByRole("textbox", { name: /Name/ }), {
    target: { value: "Chat" },
  });
  fireEvent.change(screen.getByRole("textbox", { name: /Address of the webhook/ }), {
    target: { value: "https://hooks.example/x" },
  });
  const [, submit] = screen.getAllByRole("button", { name: "Add a webhook", hidden: true });
  if (submit) fireEvent.click(submit);
  const shown = await screen.findByRole<HTMLTextAreaElement>("textbox", { name: "Secret" });
  expect(shown.value).toBe(secret);
  expect(asked[0]?.body).toEqual({ name: "Chat", url: "https://hooks.example/x" });
  fireEvent.click(screen.getByRole("button", { name: "I have kept it" }));
  await waitFor(() => expect(screen.queryByDisplayValue(secret)).toBeNull());
});

it("hides webhooks from others, and says when there is no way out at all", async () => {
  show({ has_mail: false });
  expect(await screen.findByText(/the administrator has not set it up/)).toBeTruthy();
  expect(screen.queryByRole("button", { name: "Add a webhook" })).toBeNull();
  expect(screen.queryByRole("button", { name: "Add an e-mail address" })).toBeNull();
});

it("says why a way is paused and how much was lost, and resumes it", async () => {
  const paused = wayOf({
    kind: "webhook",
    name: "Chat",
    target: "https://hooks.example/x",
    failing_since: "2026-11-20T10:00:00Z",
    paused_since: "2026-11-21T10:00:00Z",
    last_error: "it answered 410: it wants nothing more",
    lost: 3,
  });
  const asked = show({ items: [paused, wayOf({ id: "8", waiting: 2 })] });
  expect(await screen.findByText(/it answered 410/)).toBeTruthy();
  expect(screen.getByText("3 notifications never arrived")).toBeTruthy();
  expect(screen.getByText("2 notifications wait")).toBeTruthy();
  fireEvent.click(screen.getByRole("button", { name: "Send again to Chat" }));
  await waitFor(() => expect(asked).toHaveLength(1));
  expect(asked[0]).toMatchObject({ method: "POST", path: "/api/v1/notice-ways/7/resume" });
});

it("tells what became of a test", async () => {
  const answers = {
    "/api/v1/notice-ways/7/test": { is_sent: false, answer: "the mail server does not answer" },
  };
  show({ items: [wayOf()] }, { answers });
  fireEvent.click(await screen.findByRole("button", { name: "Send a test to lan@moh.example" }));
  expect(await screen.findByText("No test could be sent to lan@moh.example")).toBeTruthy();
  expect(screen.getByText("the mail server does not answer")).toBeTruthy();
});
