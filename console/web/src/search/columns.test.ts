import { describe, expect, it } from "vitest";
import type { EventRow } from "../api/client";
import { COLUMNS_MAX, cellText, choosable, columnsOf } from "./columns";

const EVENT: EventRow = {
  event_id: "1",
  class: "dns",
  ts: "2026-01-01T00:00:00Z",
  sensor: "tap-1",
  tenant: "moh",
  flow_id: "7",
  community_id: "",
  src: "10.0.0.1",
  sport: 50_000,
  dst: null,
  dport: 53,
  proto: "udp",
  exercise_id: 0,
  fields: { query: "example.vn" },
};

describe("the columns", () => {
  it("are those that the address names, after the time", () => {
    const names = columnsOf("dns", "query,dport,class").map((column) =>
      column.kind === "field" ? column.field : column.kind,
    );
    expect(names).toEqual(["time", "query", "dport", "class"]);
  });

  it("fit the class when none are named, and have a bound", () => {
    expect(columnsOf("dns", undefined)).toEqual(columnsOf("dns", ""));
    const many = Array.from({ length: 50 }, (_, index) => `f${index}`).join(",");
    expect(columnsOf("dns", many)).toHaveLength(COLUMNS_MAX + 1);
  });

  it("may be any field of the chosen classes, each once", () => {
    const names = choosable("dns");
    expect(names).toContain("query");
    expect(names).toContain("src");
    expect(names).not.toContain("user_agent");
    expect(new Set(names).size).toBe(names.length);
    expect(choosable(undefined)).toContain("user_agent");
  });

  it("show what the class has, what every event has, and a dash for neither", () => {
    expect(["query", "dport", "dst", "uri"].map((name) => cellText(EVENT, name))).toEqual([
      "example.vn",
      "53",
      "—",
      "—",
    ]);
  });
});
