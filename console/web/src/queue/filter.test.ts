import { describe, expect, it } from "vitest";
import type { AlertQuery } from "../api/queries";
import { alertOf } from "../test/alerts";
import {
  alertQueryOf,
  boundsOf,
  matchesQuery,
  nextSort,
  readQueueSearch,
  sinceSearch,
} from "./filter";

describe("the filter", () => {
  it("reads from the address only what it knows", () => {
    const search = readQueueSearch({ status: "open", q: "", other: "x", severity: 3 });
    expect(search).toEqual({ status: "open" });
  });

  it("leaves closed alerts out unless asked", () => {
    expect(alertQueryOf({}, {}).status).toBe("open,acknowledged");
    expect(alertQueryOf({ status: "closed" }, {}).status).toBe("closed");
  });

  it("shows what is new or changed since somebody was last here, closed or set aside too", () => {
    const query = alertQueryOf(sinceSearch("2026-11-21T02:00:00Z"), {});
    expect(query.changed_from).toBe("2026-11-21T02:00:00Z");
    expect(query.status).toBe("open,acknowledged,closed");
    expect(query.snoozed).toBeUndefined();
    expect(matchesQuery(alertOf({ status: "closed" }), query, "1", Date.now())).toBe(true);
  });

  it("leaves out what an exception hides unless asked", () => {
    const hidden = alertOf({ is_suppressed: true, exception: "7" });
    const has = (search: Record<string, unknown>, alert = hidden) =>
      matchesQuery(alert, alertQueryOf(readQueueSearch(search), {}), "1", Date.now());
    expect(has({})).toBe(false);
    expect(has({ suppressed: "only" })).toBe(true);
    expect(has({ suppressed: "only" }, alertOf())).toBe(false);
    expect(has({ suppressed: "with", exception: "7" })).toBe(true);
    expect(has({ suppressed: "with", exception: "8" })).toBe(false);
  });

  it("means a quick range from now, and exact bounds as they are", () => {
    const now = Date.parse("2026-11-21T12:00:00Z");
    expect(boundsOf({}, now)).toEqual({});
    expect(boundsOf({ range: "1h" }, now)).toEqual({ from: "2026-11-21T11:00:00.000Z" });
    expect(boundsOf({ range: "1h", to: "2026-01-01T00:00:00Z" }, now)).toEqual({
      to: "2026-01-01T00:00:00Z",
    });
  });
});

describe("a live alert", () => {
  const cases: [name: string, query: AlertQuery, expected: boolean][] = [
    ["no filter", {}, true],
    ["its status", { status: "open,acknowledged" }, true],
    ["another status", { status: "closed" }, false],
    ["another severity", { severity: "critical,low" }, false],
    ["its tactic", { tactic: "credential-access" }, true],
    ["another tactic", { tactic: "impact" }, false],
    ["its organisation", { organisation: "tenant" }, true],
    ["another organisation", { organisation: "moh" }, false],
    ["its sensor", { sensor: "tap-01" }, true],
    ["its other side's address", { address: "10.0.0.5" }, true],
    ["an address that only begins alike", { address: "10.0.0" }, false],
    ["raised at the very start", { detected_from: "2026-11-21T10:01:01Z" }, true],
    ["raised at the very end", { detected_to: "2026-11-21T10:01:01Z" }, false],
    ["its technique", { technique: "T1110.001" }, true],
    ["its technique's parent", { technique: "t1110" }, true],
    ["a technique that only begins alike", { technique: "T111" }, false],
    ["a word of its title, in any case", { q: "PASSWORD" }, true],
    ["a word of its title in Vietnamese", { q: "dò MẬT" }, true],
    ["its address", { q: "198.51.100" }, true],
    ["a word it does not have", { q: "tunnel" }, false],
    ["last seen at the very start", { from: "2026-11-21T10:01:00Z" }, true],
    ["last seen before the start", { from: "2026-11-21T10:01:01Z" }, false],
    ["nobody's", { assignee: "me,nobody" }, true],
    ["mine", { assignee: "me" }, false],
    ["its address exactly", { src: "198.51.100.7", dst: "10.0.0.5" }, true],
    ["another address exactly", { src: "198.51.100" }, false],
    ["a tag it lacks", { tag: "vpn" }, false],
    ["a verdict it lacks", { verdict: "duplicate" }, false],
    ["not set aside", { snoozed: "without" }, true],
    ["set aside", { snoozed: "only" }, false],
    ["first seen at the end, which is excluded", { to: "2026-11-21T10:00:00Z" }, false],
  ];
  it.each(cases)("%s", (_, query, expected) => {
    const alert = alertOf({ rule_title_vi: "Dò mật khẩu" });
    expect(matchesQuery(alert, query, "7", Date.parse("2026-11-21T12:00:00Z"))).toBe(expected);
  });
});

it("knows its own alerts, tags and what is set aside", () => {
  const now = Date.parse("2026-11-21T12:00:00Z");
  const alert = alertOf({
    assignee: { id: "7", display_name: "Lan" },
    tags: ["apt", "vpn"],
    verdict: "duplicate",
    snoozed_until: "2026-11-21T12:00:01Z",
  });
  const all = { assignee: "me", tag: "vpn,apt", verdict: "duplicate", snoozed: "only" };
  expect(matchesQuery(alert, all, "7", now)).toBe(true);
  expect(matchesQuery(alert, all, "8", now)).toBe(false);
  expect(matchesQuery(alert, all, "7", now + 1_000)).toBe(false);
  expect(matchesQuery(alertOf({ snoozed_until: "again" }), { snoozed: "without" }, "7", now)).toBe(
    false,
  );
});

it("a heading sorts the largest first, then the smallest, then as usual", () => {
  expect(nextSort(undefined, "severity")).toBe("-severity");
  expect(nextSort("-severity", "severity")).toBe("severity");
  expect(nextSort("severity", "severity")).toBeUndefined();
  expect(nextSort("-severity", "count")).toBe("-count");
  expect(nextSort(undefined, "time")).toBe("detected_at");
  expect(nextSort("detected_at", "time")).toBeUndefined();
});
