import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  Outlet,
  RouterProvider,
} from "@tanstack/react-router";
import { fireEvent, render, screen, waitFor, within } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { AlertDetail, Exception, ExceptionPreview } from "../api/client";
import { switchLanguage } from "../i18n";
import { parseSearch, stringifySearch } from "../lib/search-params";
import { alertOf } from "../test/alerts";
import { AlertExceptions } from "./AlertExceptions";
import { ExceptionDialog } from "./ExceptionDialog";
import { ExceptionsPage } from "./ExceptionsPage";
import { readExceptionsSearch } from "./search";

const MAI = { id: "1", display_name: "Trần Mai" };
const MOH = { code: "moh", vi: "Bộ Y tế", en: "Ministry of Health" };

function exceptionOf(changes: Partial<Exception> = {}): Exception {
  return {
    id: "7",
    organisation: MOH,
    with_beneath: false,
    rule_id: "rule-1",
    rule_title: "SSH password guessing",
    rule_title_vi: null,
    alert: "0".repeat(32),
    conditions: [{ on: "src", name: null, value: "10.0.0.0/24" }],
    effect: "hide",
    severity: null,
    reason: "security_test",
    verdict: "benign_true_positive",
    made: { by: MAI, at: "2026-01-01T00:00:00Z", note: "Ordered by the lead" },
    expires_at: "2036-01-31T00:00:00Z",
    state: "active",
    needs_approval: false,
    approved: null,
    extension: null,
    ended: null,
    hits: 1234,
    events: 5000,
    last_hit_at: "2026-01-02T00:00:00Z",
    hits_week: 40,
    hits_week_before: 3,
    signs: ["growing"],
    actions: ["extend", "end"],
    ...changes,
  };
}

const DETAIL: AlertDetail = {
  ...alertOf({ tenant: "moh-it" }),
  rule_text: "",
  rule_description: null,
  rule_description_vi: null,
  group: {},
  event_ids: [],
  flow_ids: [],
  continues: null,
  continued_by: null,
  activity: [],
  exceptions: [],
  offered: [
    { on: "src", name: null, value: "198.51.100.7" },
    { on: "field", name: "query", value: "a.scan.example.com" },
    { on: "port", name: null, value: "22" },
  ],
};

const PREVIEW: ExceptionPreview = {
  is_whole: false,
  needs_approval: false,
  days: [{ from: "2026-01-01T00:00:00Z", alerts: 9, caught: 5, events: 70 }],
  alerts: 9,
  caught: 5,
  events: 70,
  verdicts: { true_positive: 2, false_positive: 1 },
  open: 3,
  items: [alertOf({ summary: "25 attempts in 60 s" })],
  is_more: false,
};

beforeEach(() => switchLanguage("en"));
afterEach(() => {
  vi.unstubAllGlobals();
  switchLanguage("vi");
});

/** Shows something at an address; the server answers each path with what is given. What it was asked to do. */
function show(what: ReactNode, at: string, answers: Record<string, unknown>) {
  const asked: { path: string; body: Record<string, unknown> | null }[] = [];
  const known: Record<string, unknown> = {
    "GET /api/v1/session": { abilities: ["rule:read", "rule:create"], organisation: MOH },
    "GET /api/v1/account/security": {
      can_have_factors: true,
      is_strong: true,
      passkeys: 1,
      has_password: true,
      providers: [],
      recovery_codes_left: 1,
    },
    ...answers,
  };
  vi.stubGlobal("fetch", async (request: Request) => {
    const path = new URL(request.url).pathname;
    if (request.method !== "GET") {
      const text = await request.text();
      asked.push({ path, body: text === "" ? null : JSON.parse(text) });
    }
    return Response.json(known[`${request.method} ${path}`] ?? {});
  });
  const root = createRootRoute({ component: Outlet });
  const app = createRoute({ getParentRoute: () => root, id: "app", component: Outlet });
  const pageOf = (path: string) =>
    createRoute({
      getParentRoute: () => app,
      path,
      component: () => what,
      validateSearch: readExceptionsSearch,
    });
  const router = createRouter({
    routeTree: root.addChildren([
      app.addChildren([pageOf("/alerts"), pageOf("/alerts/exceptions"), pageOf("/alerts/$id")]),
    ]),
    history: createMemoryHistory({ initialEntries: [at] }),
    parseSearch,
    stringifySearch,
  });
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={new QueryClient()}>
        {/* biome-ignore lint/suspicious/noExplicitAny: a router of its own, with this page alone */}
        <RouterProvider router={router as any} />
      </QueryClientProvider>
    </MantineProvider>,
  );
  return asked;
}

const ALERT_PATH = `GET /api/v1/alerts/${DETAIL.id}`;

it("makes an exception only after it was looked at, and warns of real attacks", async () => {
  const closed = vi.fn();
  const asked = show(<ExceptionDialog alert={DETAIL.id} onClose={closed} />, "/alerts", {
    [ALERT_PATH]: DETAIL,
    "POST /api/v1/exceptions/preview": PREVIEW,
    "POST /api/v1/exceptions": { exception: exceptionOf(), closed: 3, operation: "5" },
  });
  // The source is chosen already, and can be made wider; the rest can be added.
  const source = await screen.findByRole("textbox", { name: "Value: Source" });
  fireEvent.change(source, { target: { value: "198.51.100.0/24" } });
  fireEvent.click(screen.getByRole("checkbox", { name: "Field query" }));
  fireEvent.click(screen.getByRole("checkbox", { name: "With subdomains" }));
  const save = screen.getByRole<HTMLButtonElement>("button", { name: "Make the exception" });
  fireEvent.change(screen.getByRole("textbox", { name: /Explanation/ }), {
    target: { value: "Ordered" },
  });
  expect(save.disabled).toBe(true);

  fireEvent.click(screen.getByRole("button", { name: "Preview" }));
  const warning = await screen.findByRole("alert");
  expect(warning.textContent).toMatch(/WARNING: 2 of these alerts were closed as real attacks/);
  expect(screen.getByText(/5 of the rule’s 9 alerts \(70 events\); 4 would remain/)).toBeTruthy();
  expect(screen.getByRole("link", { name: "25 attempts in 60 s" })).toBeTruthy();
  expect(asked[0]?.body).toMatchObject({
    alert: DETAIL.id,
    organisation: "moh-it",
    with_beneath: false,
    effect: "hide",
    conditions: [
      { on: "src", name: null, value: "198.51.100.0/24" },
      { on: "domain", name: "query", value: "a.scan.example.com" },
    ],
  });
  // Thirty days, when nothing else is said.
  const days = (Date.parse(String(asked[0]?.body?.expires_at)) - Date.now()) / 86_400_000;
  expect(Math.round(days)).toBe(30);

  fireEvent.click(screen.getByRole("checkbox", { name: /Also close the 3 open alerts/ }));
  expect(save.disabled).toBe(false);
  fireEvent.click(save);
  await waitFor(() => expect(closed).toHaveBeenCalled());
  expect(asked[1]).toMatchObject({
    path: "/api/v1/exceptions",
    body: { note: "Ordered", close_open: true, reason: "expected_application" },
  });
});

it("says that no condition means the whole rule, and looks again at what has changed", async () => {
  show(<ExceptionDialog alert={DETAIL.id} onClose={() => undefined} />, "/alerts", {
    [ALERT_PATH]: DETAIL,
    "POST /api/v1/exceptions/preview": { ...PREVIEW, is_whole: true, needs_approval: true },
  });
  fireEvent.click(await screen.findByRole("button", { name: "Preview" }));
  expect(await screen.findByText(/a second person must approve/)).toBeTruthy();
  // What waits closes nothing.
  expect(screen.queryByRole("checkbox", { name: /Also close/ })).toBeNull();
  fireEvent.click(screen.getByRole("checkbox", { name: "Source" }));
  expect(screen.getByText(/about the whole rule/)).toBeTruthy();
  expect(screen.queryByText(/a second person must approve/)).toBeNull();
});

it("lists those in force with what they caught, and shows the others when asked", async () => {
  const over = exceptionOf({ id: "8", rule_title: "Port scan", state: "expired", signs: [] });
  show(<ExceptionsPage />, "/alerts/exceptions", {
    "GET /api/v1/exceptions": { items: [exceptionOf(), over] },
  });
  const row = await screen.findByRole("row", { name: /SSH password guessing/ });
  expect(row.textContent).toMatch(/Source 10\.0\.0\.0\/24/);
  expect(row.textContent).toMatch(/In force · Catches more and more/);
  expect(row.textContent).toMatch(/1,234.*40.*before: 3/);
  expect(screen.queryByText("Port scan")).toBeNull();
  fireEvent.click(screen.getByRole("button", { name: /Expired/ }));
  expect(await screen.findByRole("button", { name: "Port scan" })).toBeTruthy();
  expect(screen.queryByRole("row", { name: /SSH password guessing/ })).toBeNull();
});

it("ends an exception with a reason, and offers only what one may", async () => {
  const waiting = exceptionOf({ state: "waiting", needs_approval: true, actions: ["approve"] });
  const asked = show(<ExceptionsPage />, "/alerts/exceptions?exception=7", {
    "GET /api/v1/exceptions": { items: [exceptionOf()] },
    "POST /api/v1/exceptions/7/end": waiting,
  });
  const panel = await screen.findByRole("complementary", { name: "SSH password guessing" });
  expect(within(panel).getByText(/Ordered by the lead/)).toBeTruthy();
  expect(within(panel).queryByRole("button", { name: "Approve" })).toBeNull();
  fireEvent.click(within(panel).getByText("End…"));
  const dialog = await screen.findByRole("dialog", { name: "End…" });
  fireEvent.change(within(dialog).getByRole("textbox", { name: /Explanation/ }), {
    target: { value: "The scan is over" },
  });
  const end = within(dialog).getByText("End").closest("button");
  expect(end?.disabled).toBe(false);
  if (end) fireEvent.click(end);
  await waitFor(() => expect(asked).toHaveLength(1));
  expect(asked[0]).toEqual({
    path: "/api/v1/exceptions/7/end",
    body: { note: "The scan is over" },
  });
});

it("tells at the alert what hides it, what once did and what would", async () => {
  const alert: AlertDetail = {
    ...DETAIL,
    is_suppressed: true,
    exceptions: [
      { ...exceptionOf(), did: true },
      { ...exceptionOf({ id: "9" }), did: false },
    ],
  };
  show(<AlertExceptions alert={alert} />, "/alerts", {});
  const items = await screen.findAllByRole("listitem");
  expect(items[0]?.textContent).toMatch(/An exception hides this alert/);
  expect(items[0]?.textContent).toMatch(/Ministry of Health/);
  expect(items[1]?.textContent).toMatch(/would apply if it came now/);
  expect(await screen.findAllByRole("link", { name: "See the exception" })).toHaveLength(2);
});
