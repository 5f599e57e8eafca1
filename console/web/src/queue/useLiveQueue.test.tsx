import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, renderHook } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { alertsQuery } from "../api/queries";
import { alertOf } from "../test/alerts";
import { type AlertPages, rowsOf } from "./pages";
import { AlertStreamProvider } from "./stream";
import { useLiveQueue } from "./useLiveQueue";

class FakeSource extends EventTarget {
  static readonly CLOSED = 2;
  static last: FakeSource;
  readyState = 1;
  constructor() {
    super();
    FakeSource.last = this;
  }
  close() {}
  alert(id: string, arrived_at: string) {
    const data = JSON.stringify(alertOf({ id, arrived_at }));
    this.dispatchEvent(new MessageEvent("alert", { data }));
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("EventSource", FakeSource);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const QUERY = { status: "open" };
const { queryKey } = alertsQuery(QUERY);

/** A queue of 500 alerts of which one is loaded; says what is in it, how often it was drawn and how often asked for. */
function queue(held = false) {
  const client = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity } } });
  const asked = vi.spyOn(client, "invalidateQueries");
  const page = { items: [alertOf({ id: "a" })], next_cursor: "more", total: 500 };
  client.setQueryData<AlertPages>(queryKey, {
    pageParams: [""],
    pages: [{ ...page, seen_at: "2026-11-21T10:02:00Z" }],
  } as AlertPages);
  let drawn = 0;
  const wrapper = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={client}>
      <AlertStreamProvider>{children}</AlertStreamProvider>
    </QueryClientProvider>
  );
  const hook = renderHook(
    () => {
      drawn += 1;
      return useLiveQueue(QUERY, held, "1");
    },
    { wrapper },
  );
  const pages = () => client.getQueryData<AlertPages>(queryKey);
  return {
    hook,
    drawn: () => drawn,
    ids: () => rowsOf(pages()).map((row) => row.id),
    total: () => pages()?.pages[0]?.total,
    asked: () => asked.mock.calls.filter(([what]) => what?.queryKey?.[0] === "alerts").length,
  };
}

const batch = () => act(() => vi.advanceTimersByTimeAsync(1_000));

it("rests while nothing happens", async () => {
  const { drawn } = queue();
  const before = drawn();
  await act(() => vi.advanceTimersByTimeAsync(10_000));
  expect(drawn() - before).toBe(0);
  expect(before).toBeLessThan(5);
});

it("puts on top what came since, and counts nothing twice that stands further down", async () => {
  const { ids, total, asked } = queue();
  FakeSource.last.alert("new", "2026-11-21T10:03:00Z");
  FakeSource.last.alert("old", "2026-11-21T09:00:00Z");
  await batch();
  expect(ids()).toEqual(["new", "a"]);
  expect(total()).toBe(501);
  expect(asked()).toBe(0);
});

it("asks anew, once, where it cannot be said whether it is counted", async () => {
  const { ids, total, asked } = queue();
  for (let number = 0; number < 50; number += 1) {
    FakeSource.last.alert(`b${number}`, "2026-11-21T10:02:01Z");
  }
  await batch();
  expect(ids()).toEqual(["a"]);
  expect(total()).toBe(500);
  expect(asked()).toBe(1);
});

it("lets only what came since wait for who has scrolled down", async () => {
  const { hook } = queue(true);
  FakeSource.last.alert("new", "2026-11-21T10:03:00Z");
  FakeSource.last.alert("old", "2026-11-21T09:00:00Z");
  await batch();
  expect(hook.result.current.waiting).toBe(1);
});
