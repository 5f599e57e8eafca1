import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  RouterProvider,
} from "@tanstack/react-router";
import { act, cleanup, fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { SessionLock } from "../api/client";
import { switchLanguage } from "../i18n";
import { resetKeys } from "../lib/commands";
import { leaveFor } from "../lib/leave";
import { parseSearch, pick, stringifySearch } from "../lib/search-params";
import { LockCard } from "./LockCard";
import { LockPage } from "./LockPage";
import { watchPresence } from "./presence";

vi.mock("../lib/leave", () => ({ leaveFor: vi.fn() }));

const SHUT: SessionLock = {
  is_locked: true,
  user_name: "lan@example.vn",
  display_name: "Nguyễn Thị Lan",
  language: "en",
  has_password: true,
  has_passkey: false,
  providers: [{ id: "1", name: "Cổng định danh" }],
};
const MINUTE_MS = 60_000;

beforeEach(() => {
  localStorage.clear();
  switchLanguage("en");
});
afterEach(() => {
  cleanup();
  resetKeys();
  vi.useRealTimers();
  vi.unstubAllGlobals();
  switchLanguage("vi");
});

interface Asked {
  call: string;
  body: unknown;
}

/** Answers from `lock` as it is at that moment, and to the rest from `answers`; what was asked that changes something. */
function serve(lock: () => SessionLock, answers: Record<string, Response> = {}): Asked[] {
  const asked: Asked[] = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    const call = `${request.method} ${new URL(request.url).pathname}`;
    if (call === "GET /api/v1/session/lock") return Response.json(lock());
    const text = await request.clone().text();
    asked.push({ call, body: text ? JSON.parse(text) : null });
    return answers[call]?.clone() ?? new Response(null, { status: 204 });
  });
  return asked;
}

function show(address = "/lock?return=%2Falerts%3Fstatus%3Dopen") {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  client.setQueryData(["alerts", {}], { secret: "198.51.100.7" });
  const root = createRootRoute();
  const page = createRoute({
    getParentRoute: () => root,
    path: "/lock",
    component: LockPage,
    validateSearch: (search: Record<string, unknown>) =>
      pick(search, ["return", "problem", "provider"]),
  });
  const alerts = createRoute({
    getParentRoute: () => root,
    path: "/alerts",
    component: () => <h1>The queue</h1>,
  });
  const signIn = createRoute({
    getParentRoute: () => root,
    path: "/sign-in",
    component: () => <h1>The door</h1>,
  });
  const history = createMemoryHistory({ initialEntries: [address] });
  const routeTree = root.addChildren([page, alerts, signIn]);
  const router = createRouter({ routeTree, history, parseSearch, stringifySearch });
  render(
    <MantineProvider env="test">
      <Notifications />
      <QueryClientProvider client={client}>
        <RouterProvider router={router as never} />
      </QueryClientProvider>
    </MantineProvider>,
  );
  return { client, history };
}

const password = () => screen.findByLabelText("Password");

it("says whose session it is, forgets what was asked for, and leads back to where one was", async () => {
  let lock = SHUT;
  const asked = serve(() => lock);
  const { client, history } = show();
  const field = await password();
  expect(document.activeElement).toBe(field);
  expect(document.title).toContain("The screen is locked");
  expect(screen.getByText(/Nguyễn Thị Lan/).textContent).toContain("lan@example.vn");
  expect(
    JSON.stringify(
      client
        .getQueryCache()
        .getAll()
        .map((one) => one.state),
    ),
  ).not.toContain("198.51.100.7");
  fireEvent.change(field, { target: { value: "right" } });
  lock = { ...SHUT, is_locked: false };
  fireEvent.click(screen.getByRole("button", { name: "Unlock" }));
  await screen.findByRole("heading", { name: "The queue" });
  expect(history.location.href).toBe("/alerts?status=open");
  expect(asked).toEqual([{ call: "POST /api/v1/session/unlock", body: { password: "right" } }]);
});

it("stays after a wrong password, which is not kept in its field", async () => {
  const wrong = Response.json({ error: { code: "wrong_password" } }, { status: 403 });
  serve(() => SHUT, { "POST /api/v1/session/unlock": wrong });
  show();
  const field = (await password()) as HTMLInputElement;
  fireEvent.change(field, { target: { value: "wrong" } });
  fireEvent.click(screen.getByRole("button", { name: "Unlock" }));
  expect((await screen.findByRole("alert")).textContent).toBe("The password is not right.");
  expect(field.value).toBe("");
  expect(document.activeElement).toBe(field);
});

it("unlocks at a provider, and says why a way there came to nothing", async () => {
  const away = Response.json({ url: "https://id.example/auth" });
  const asked = serve(() => ({ ...SHUT, has_password: false }), {
    "POST /api/v1/openid/unlock": away,
  });
  show("/lock?return=%2Falerts%3Fstatus%3Dopen&problem=another&provider=1");
  fireEvent.click(await screen.findByRole("button", { name: "Unlock with Cổng định danh" }));
  await waitFor(() => expect(leaveFor).toHaveBeenCalledWith("https://id.example/auth"));
  expect(asked[0]?.body).toEqual({ provider: "1", return: "/alerts?status=open" });
  expect(screen.getByRole("alert").textContent).toContain("Cổng định danh");
  expect(screen.queryByLabelText("Password"), "the account has none").toBeNull();
});

it("lets somebody else in", async () => {
  const asked = serve(() => SHUT);
  show();
  fireEvent.click(await screen.findByRole("button", { name: /Sign out/ }));
  await screen.findByRole("heading", { name: "The door" });
  expect(asked.map((one) => one.call)).toEqual(["DELETE /api/v1/session"]);
});

it("in Vietnamese, as the account has it", async () => {
  serve(() => ({ ...SHUT, language: "vi" }));
  show();
  expect(await screen.findByRole("heading", { name: "Màn hình đã khóa" })).toBeTruthy();
});

it("goes on when another tab has unlocked", async () => {
  let lock = SHUT;
  serve(() => lock);
  show();
  await password();
  lock = { ...SHUT, is_locked: false };
  const other = new BroadcastChannel("vonggac-lock");
  other.postMessage("unlocked");
  await screen.findByRole("heading", { name: "The queue" });
  other.close();
});

function watch(entered: string, minutes = 15) {
  const onGone = vi.fn();
  const stop = watchPresence(entered, minutes * MINUTE_MS, onGone);
  return { onGone, stop };
}

it("nobody is there after fifteen minutes without a key or pointer, and not before", () => {
  vi.useFakeTimers();
  const { onGone, stop } = watch("a");
  vi.advanceTimersByTime(14 * MINUTE_MS);
  fireEvent.keyDown(window, { key: "j" });
  vi.advanceTimersByTime(14 * MINUTE_MS);
  fireEvent.pointerMove(window);
  vi.advanceTimersByTime(14.9 * MINUTE_MS);
  expect(onGone).not.toHaveBeenCalled();
  vi.advanceTimersByTime(MINUTE_MS);
  expect(onGone).toHaveBeenCalledTimes(1);
  stop();
});

it("who wakes a computer that slept too long is not let in by the key that woke it", () => {
  vi.useFakeTimers();
  const { onGone, stop } = watch("a");
  vi.setSystemTime(Date.now() + 20 * MINUTE_MS);
  fireEvent.keyDown(window, { key: "Enter" });
  expect(onGone).toHaveBeenCalledTimes(1);
  stop();
});

it("who is in one tab is there for all, and a tab that is opened late knows when somebody was", () => {
  vi.useFakeTimers();
  const first = watch("a");
  vi.advanceTimersByTime(10 * MINUTE_MS);
  // Another tab writes down that somebody is there.
  localStorage.setItem("vonggac-active", JSON.stringify({ entered: "a", at: Date.now() }));
  vi.advanceTimersByTime(10 * MINUTE_MS);
  expect(first.onGone).not.toHaveBeenCalled();
  first.stop();
  vi.advanceTimersByTime(10 * MINUTE_MS);
  const late = watch("a");
  expect(late.onGone, "twenty minutes").toHaveBeenCalledTimes(1);
  late.stop();
  const anew = watch("b");
  expect(anew.onGone, "who was let in since is there").not.toHaveBeenCalled();
  anew.stop();
});

it("one chooses when one's sessions lock, within the rules", async () => {
  const setting = { own_minutes: 5, minutes_max: 10, after_minutes: 5, entered_at: "x" };
  const asked = serve(() => ({ ...SHUT, is_locked: false, setting }));
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={new QueryClient()}>
        <LockCard />
      </QueryClientProvider>
    </MantineProvider>,
  );
  const radio = (name: string) => screen.findByRole("radio", { name });
  expect(((await radio("5 minutes")) as HTMLInputElement).checked).toBe(true);
  expect(((await radio("30 minutes")) as HTMLInputElement).disabled).toBe(true);
  expect(((await radio("Does not lock")) as HTMLInputElement).disabled).toBe(true);
  await act(async () => fireEvent.click(await radio("10 minutes")));
  await waitFor(() => expect(asked[0]?.body).toEqual({ minutes: 10 }));
});
