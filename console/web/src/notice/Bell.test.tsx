import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import {
  createMemoryHistory,
  createRootRoute,
  createRouter,
  RouterProvider,
} from "@tanstack/react-router";
import { act, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Account, Notice } from "../api/client";
import { sessionQuery } from "../api/queries";
import { switchLanguage } from "../i18n";
import { AlertStreamProvider } from "../queue/stream";
import { noticeOf } from "../test/notices";
import { Bell } from "./Bell";

class FakeSource extends EventTarget {
  static last: FakeSource;
  static readonly CLOSED = 2;
  readyState = 1;
  constructor() {
    super();
    FakeSource.last = this;
  }
  close() {}
}

const ACCOUNT: Account = {
  id: "1",
  user_name: "lan",
  display_name: "Lan",
  language: "en",
  organisation: { code: "moh", vi: "Bộ Y tế", en: "Ministry of Health" },
  roles: ["analyst"],
  abilities: ["alert:read"],
  passkey_needed: false,
};

beforeEach(() => switchLanguage("en"));
afterEach(() => {
  vi.unstubAllGlobals();
  switchLanguage("vi");
});

/** Shows the bell; the server has what `server.items` has. What it was told that was read. */
function show(server: { items: Notice[] }, account = ACCOUNT) {
  const read: unknown[] = [];
  vi.stubGlobal("EventSource", FakeSource);
  vi.stubGlobal("fetch", async (request: Request) => {
    if (request.method === "POST") {
      read.push(await request.json());
      server.items = server.items.map((item) => ({ ...item, is_read: true }));
    }
    const unread = server.items.filter((item) => !item.is_read).length;
    return Response.json({ items: server.items, unread });
  });
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  client.setQueryData(sessionQuery.queryKey, account);
  const root = createRootRoute({
    component: () => (
      <AlertStreamProvider>
        <Bell />
      </AlertStreamProvider>
    ),
  });
  const router = createRouter({
    routeTree: root,
    history: createMemoryHistory({ initialEntries: ["/"] }),
  });
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={client}>
        {/* biome-ignore lint/suspicious/noExplicitAny: a router of its own, with the bell alone */}
        <RouterProvider router={router as any} />
      </QueryClientProvider>
    </MantineProvider>,
  );
  return read;
}

it("counts what is not read, and looks again when the server says that there is more", async () => {
  const server = { items: [noticeOf({ is_read: true })] };
  show(server);
  expect(await screen.findByRole("button", { name: "Notifications" })).toBeTruthy();
  server.items = [noticeOf({ id: "2" }), ...server.items];
  act(() => void FakeSource.last.dispatchEvent(new MessageEvent("notice", { data: "{}" })));
  expect(await screen.findByRole("button", { name: "Notifications: 1 unread" })).toBeTruthy();
});

it("leads to what each is about, and says that it was read", async () => {
  const server = {
    items: [
      noticeOf(),
      noticeOf({ id: "2", kind: "handover", alert: null, handover: "7" }),
      noticeOf({ id: "3", kind: "more", alert: null, times: 200 }),
    ],
  };
  const read = show(server);
  fireEvent.click(await screen.findByRole("button", { name: "Notifications: 3 unread" }));
  const way = async (name: string) =>
    (await screen.findByRole("link", { name })).getAttribute("href");
  expect(await way("SSH password guessing")).toBe(`/alerts/${"0".repeat(32)}`);
  expect(await way("A shift waits to be taken over")).toBe("/alerts/handover/7");
  expect(await way("and 200 more")).toContain("organisation=moh");
  fireEvent.click(screen.getByRole("link", { name: "SSH password guessing" }));
  await waitFor(() => expect(read).toEqual([{ ids: ["1"] }]));
});

it("marks all as read", async () => {
  const read = show({ items: [noticeOf()] });
  fireEvent.click(await screen.findByRole("button", { name: "Notifications: 1 unread" }));
  fireEvent.click(await screen.findByRole("button", { name: "Mark all as read" }));
  await waitFor(() => expect(read).toEqual([{}]));
  expect(await screen.findByRole("button", { name: "Notifications" })).toBeTruthy();
});

it("is not there for who may see no alerts", async () => {
  show({ items: [] }, { ...ACCOUNT, abilities: [] });
  await waitFor(() => expect(FakeSource.last).toBeTruthy());
  expect(screen.queryByRole("button")).toBeNull();
});
