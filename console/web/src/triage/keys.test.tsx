/** An alert triaged by keyboard alone, on the console's own pages over a server that is a table of alerts. */
import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { cleanup, render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Alert } from "../api/client";
import { chooseKey, resetKeys, switchSingleKeys } from "../lib/commands";
import { createConsole } from "../router";
import { alertOf } from "../test/alerts";

const ME = {
  id: "7",
  user_name: "lan",
  display_name: "Lan",
  organisation: { code: "moh", vi: "Bộ Y tế", en: "Ministry of Health" },
  roles: ["analyst"],
  abilities: ["alert:read", "alert:work", "event-search:read"],
  language: "vi",
};

let alerts: Alert[];
let sent: Record<string, unknown>[];

function answerTo(path: string, body: Record<string, unknown>): unknown {
  if (path === "/api/v1/session") return ME;
  if (path === "/api/v1/alerts") {
    const items = alerts.filter((alert) => alert.status !== "closed");
    return { items, next_cursor: null, total: items.length, seen_at: "2026-11-21T10:02:00Z" };
  }
  if (path === "/api/v1/alerts/counts") return { by_severity: {}, by_status: {}, wakes_at: null };
  if (path === "/api/v1/alerts/bulk") {
    sent.push(body);
    return { updated: 1, operation: "5", failed: [] };
  }
  if (path === "/api/v1/operations/5/undo") {
    sent.push({ undo: 5 });
    return { restored: 1, left: 0 };
  }
  if (path === "/api/v1/health") return { alerts_behind_s: 0, parts: [], sensors: [] };
  if (path.endsWith("/events")) return { items: [] };
  const alert = alerts.find((each) => path === `/api/v1/alerts/${each.id}`);
  return {
    ...alert,
    rule_text: "",
    group: {},
    event_ids: [],
    flow_ids: [],
    continues: null,
    continued_by: null,
    activity: [],
  };
}

beforeEach(() => {
  sent = [];
  alerts = [1, 2, 3].map((number) =>
    alertOf({ id: String(number).repeat(32), rule_title: `Alert ${number}` }),
  );
  vi.stubGlobal(
    "EventSource",
    class {
      addEventListener() {}
      close() {}
    },
  );
  vi.stubGlobal("fetch", async (request: Request) => {
    const text = await request.text();
    const body = text ? (JSON.parse(text) as Record<string, unknown>) : {};
    return Response.json(answerTo(new URL(request.url).pathname, body));
  });
});

afterEach(() => {
  cleanup();
  resetKeys();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

async function openQueue() {
  window.history.replaceState(null, "", "/alerts");
  const { router, client } = createConsole();
  render(
    <MantineProvider env="test">
      <Notifications />
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>,
  );
  // Rows are mounted as far as they are in view, and this browser has no screen.
  const rows = () => screen.getByRole("grid").getAttribute("aria-rowcount");
  await waitFor(() => expect(rows()).toBe(String(alerts.length + 1)));
  const user = userEvent.setup();
  let keys = 0;
  return {
    router,
    keys: () => keys,
    press: (key: string) => {
      keys += 1;
      return user.keyboard(key);
    },
  };
}

it("opens, judges with a reason and goes on to the next alert with five keys", async () => {
  const { router, press, keys } = await openQueue();
  await press("j");
  const before = keys();
  await press("{Enter}");
  await screen.findByRole("heading", { level: 1, name: "Alert 1" });
  await press("c");
  await screen.findByRole("dialog");
  await press("2");
  await press("a");
  await press("{Enter}");
  await screen.findByRole("heading", { level: 1, name: "Alert 2" });
  expect(router.state.location.pathname).toBe(`/alerts/${"2".repeat(32)}`);
  expect(sent).toEqual([
    {
      ids: ["1".repeat(32)],
      action: "close",
      verdict: "benign_true_positive",
      reason: "security_test",
    },
  ]);
  expect(keys() - before).toBeLessThanOrEqual(5);
});

it("does the same from the queue, and takes it back with one key", async () => {
  const { press, keys } = await openQueue();
  for (const key of ["j", "c"]) await press(key);
  await screen.findByRole("dialog");
  for (const key of ["3", "a", "{Enter}"]) await press(key);
  await waitFor(() => expect(sent).toHaveLength(1));
  expect(keys()).toBeLessThanOrEqual(5);
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
  await press("U");
  await waitFor(() => expect(sent.at(-1)).toEqual({ undo: 5 }));
});

it("does one thing to all that match, and says until when they had been seen", async () => {
  const { press, keys } = await openQueue();
  await press("X");
  await press("c");
  await screen.findByRole("dialog");
  await press("3");
  await press("{Enter}");
  await waitFor(() => expect(sent).toHaveLength(1));
  expect(keys()).toBe(4);
  expect(sent[0]).toEqual({
    filter: { status: "open,acknowledged", snoozed: "without" },
    seen_at: "2026-11-21T10:02:00Z",
    action: "close",
    verdict: "false_positive",
    reason: null,
  });
});

it("asks before it takes an alert from somebody else", async () => {
  alerts = alerts.map((alert) => ({ ...alert, assignee: { id: "8", display_name: "Minh" } }));
  const { press } = await openQueue();
  await press("j");
  await press("a");
  const dialog = await screen.findByRole("dialog");
  expect(dialog.textContent).toContain("Minh");
  expect(sent).toEqual([]);
  await press("{Control>}{Enter}{/Control}");
  await waitFor(() => expect(sent).toHaveLength(1));
  expect(sent[0]).toMatchObject({ action: "acknowledge", take_over: true });
});

it("obeys other keys when they were chosen, and none when they are off", async () => {
  const { press } = await openQueue();
  chooseKey("queue.acknowledge", "é");
  await press("j");
  await press("a");
  expect(sent).toEqual([]);
  await press("é");
  await waitFor(() => expect(sent).toHaveLength(1));
  switchSingleKeys(true);
  await press("é");
  expect(sent).toHaveLength(1);
});
