import { describe, expect, it } from "vitest";
import { alertOf } from "../test/alerts";
import {
  type AlertPages,
  changeAlert,
  mergeAlerts,
  removeAlerts,
  rowsOf,
  standingOf,
} from "./pages";

function pagesOf(...pages: string[][]): AlertPages {
  const total = pages.flat().length;
  return {
    pageParams: pages.map(String),
    pages: pages.map((ids) => ({
      items: ids.map((id) => alertOf({ id })),
      next_cursor: null,
      seen_at: "2026-11-21T10:02:00Z",
      total,
      total_has_more: false,
    })),
  };
}

const idsOf = (pages: AlertPages) => rowsOf(pages).map((alert) => alert.id);

describe("the queue's pages", () => {
  it("put new alerts on top, the last that came first", () => {
    const merged = mergeAlerts(pagesOf(["a"], ["b"]), [alertOf({ id: "c" }), alertOf({ id: "d" })]);
    expect(idsOf(merged)).toEqual(["d", "c", "a", "b"]);
    expect(merged.pages[0]?.total).toBe(4);
  });

  it("change a known alert where it stands", () => {
    const merged = mergeAlerts(pagesOf(["a"], ["b"]), [alertOf({ id: "b", count: 9 })]);
    expect(idsOf(merged)).toEqual(["a", "b"]);
    expect(rowsOf(merged)[1]?.count).toBe(9);
    expect(merged.pages[0]?.total).toBe(2);
  });

  it("are the same after the same alert came twice", () => {
    const incoming = [alertOf({ id: "c" }), alertOf({ id: "c", count: 4 })];
    const once = mergeAlerts(pagesOf(["a"]), incoming);
    expect(idsOf(once)).toEqual(["c", "a"]);
    expect(rowsOf(once)[0]?.count).toBe(4);
    expect(mergeAlerts(once, incoming)).toEqual(once);
  });

  it("have counted what came well before they were read, and not what came well after", () => {
    const pages = pagesOf(["a"]);
    const came = (arrived_at: string) => standingOf(alertOf({ id: "z", arrived_at }), pages);
    expect(came("2026-11-21T10:01:50Z")).toBe("counted");
    expect(came("2026-11-21T10:01:57Z")).toBe("unsure");
    expect(came("2026-11-21T10:02:03Z")).toBe("unsure");
    expect(came("2026-11-21T10:02:10Z")).toBe("new");
  });

  it("lose what was closed, and count it off", () => {
    const left = removeAlerts(pagesOf(["a", "b"], ["c"]), new Set(["b", "c", "unknown"]));
    expect(idsOf(left)).toEqual(["a"]);
    expect(left.pages[0]?.total).toBe(1);
  });

  it("change one alert and leave the other pages untouched", () => {
    const before = pagesOf(["a"], ["b"]);
    const after = changeAlert(before, "b", (alert) => ({ ...alert, status: "closed" }));
    expect(rowsOf(after)[1]?.status).toBe("closed");
    expect(after.pages[0]).toBe(before.pages[0]);
  });
});
