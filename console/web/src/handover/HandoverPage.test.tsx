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
import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { HandoverDetail } from "../api/client";
import { switchLanguage } from "../i18n";
import { factsOf, handoverOf } from "../test/handover";
import { HandoverPage } from "./HandoverPage";

beforeEach(() => switchLanguage("en"));
afterEach(() => {
  vi.unstubAllGlobals();
  switchLanguage("vi");
});

/** Shows the page; the server answers each path with what is given. What it was asked to change. */
function show(handover: HandoverDetail, answers: Record<string, unknown> = {}) {
  const asked: { method: string; path: string; body: unknown }[] = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    const path = new URL(request.url).pathname;
    if (path === "/api/v1/session") return Response.json({ abilities: ["handover:read"] });
    if (request.method === "GET") return Response.json(handover);
    asked.push({ method: request.method, path, body: await request.json() });
    return Response.json(answers[`${request.method} ${path}`] ?? handover);
  });
  const root = createRootRoute({ component: Outlet });
  const app = createRoute({ getParentRoute: () => root, id: "app", component: Outlet });
  const page = createRoute({
    getParentRoute: () => app,
    path: "/alerts/handover/$id",
    component: HandoverPage,
  });
  const router = createRouter({
    routeTree: root.addChildren([app.addChildren([page])]),
    history: createMemoryHistory({ initialEntries: ["/alerts/handover/7"] }),
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

const ALERT = {
  id: "0".repeat(32),
  organisation: "moh",
  title: "Beaconing",
  title_vi: null,
  severity: "high",
  status: "open",
  holder: null,
  detected_at: "2026-11-21T09:00:00Z",
  count: 3,
  wakes_at: null,
} as const;

it("saves what was written before it hands over", async () => {
  const draft = handoverOf({ facts: factsOf({ urgent: [ALERT] }) });
  const saved = { ...draft, version: 2, note: "VPN" };
  const asked = show(draft, { "PUT /api/v1/handovers/7": saved });
  const note = await screen.findByRole("textbox", { name: "What the next lead should know" });
  expect(screen.getByRole("link", { name: "Beaconing" })).toBeTruthy();
  fireEvent.change(note, { target: { value: "VPN" } });
  fireEvent.click(screen.getByRole("button", { name: "Hand over" }));
  await waitFor(() => expect(screen.getAllByRole("button", { name: "Hand over" })).toHaveLength(2));
  fireEvent.click(screen.getAllByRole("button", { name: "Hand over" })[1] as HTMLElement);
  await waitFor(() => expect(asked).toHaveLength(2));
  expect(asked[0]?.body).toEqual({
    version: 1,
    note: "VPN",
    from: "2026-11-21T02:00:00.000Z",
    to: "2026-11-21T10:00:00.000Z",
    next_to: "2026-11-21T18:00:00.000Z",
  });
  expect(asked[1]).toMatchObject({ path: "/api/v1/handovers/7/hand", body: { version: 2 } });
});

it("lets the next lead take over, and shows what was written as it was", async () => {
  const handed = handoverOf({
    state: "handed",
    note: "Watch the VPN",
    handed_at: "2026-11-21T10:00:00Z",
    actions: ["acknowledge"],
  });
  const asked = show(handed);
  expect(await screen.findByText("Watch the VPN")).toBeTruthy();
  expect(screen.queryByRole("button", { name: "Save the draft" })).toBeNull();
  fireEvent.change(screen.getByRole("textbox", { name: "Remarks on taking over" }), {
    target: { value: "Seen" },
  });
  fireEvent.click(screen.getByRole("button", { name: "Take over" }));
  await waitFor(() => expect(asked).toHaveLength(1));
  expect(asked[0]).toMatchObject({
    path: "/api/v1/handovers/7/acknowledge",
    body: { remarks: "Seen" },
  });
});

it("offers nothing to who only reads", async () => {
  show(handoverOf({ actions: [] }));
  expect(await screen.findByText(/Begun by Lan/)).toBeTruthy();
  expect(screen.queryByRole("textbox")).toBeNull();
  expect(screen.queryByRole("button", { name: "Hand over" })).toBeNull();
});
