import { describe, expect, it } from "vitest";
import type { Overview } from "../api/client";
import { alertQueryOf, DEFAULT_STATUS } from "../queue/filter";
import { ageRows, matrix, organisationRows, severityRows, timeRows, total } from "./rows";

const NONE = { open: 0, acknowledged: 0, closed: 0 };
const FROM = "2026-11-27T10:07:00Z";
const TO = "2026-11-27T11:00:00Z";

const OVERVIEW: Overview = {
  at: TO,
  from: FROM,
  to: TO,
  by_severity: [{ severity: "critical", alerts: { open: 2, acknowledged: 1, closed: 3 } }],
  organisations: [{ organisation: "moh", alerts: { ...NONE, open: 2 } }],
  organisations_total: 1,
  techniques: [
    { tactic: "discovery", technique: "T1046", alerts: { ...NONE, closed: 4 } },
    { tactic: "discovery", technique: "", alerts: { ...NONE, open: 1 } },
    { tactic: "magic", technique: "T1", alerts: { ...NONE, open: 1 } },
  ],
  bucket_us: 30 * 60 * 1_000_000,
  buckets: [
    { start: "2026-11-27T10:00:00Z", by_severity: { high: 1 } },
    { start: "2026-11-27T10:30:00Z", by_severity: {} },
  ],
  waiting: {
    count: 3,
    unassigned: 2,
    oldest: FROM,
    ages: [
      { detected_from: FROM, detected_to: TO, from_s: 0, to_s: 3600, by_severity: { high: 1 } },
      {
        detected_from: null,
        detected_to: FROM,
        from_s: 3600,
        to_s: null,
        by_severity: { low: 2 },
      },
    ],
  },
  acknowledge: { count: 0, median_s: null, p90_s: null },
  close: { count: 0, median_s: null, p90_s: null },
  alerts_behind_s: 0,
  parts_troubled: 0,
  sensors: [],
  sensors_total: 0,
  sensors_troubled: 0,
};

describe("the overview's bars", () => {
  it("lead to the list that has just as many alerts", () => {
    const [critical] = severityRows(OVERVIEW);
    expect(total(critical?.values ?? {})).toBe(6);
    expect(critical?.search).toEqual({
      severity: "critical",
      status: "open,acknowledged,closed",
      detected_from: FROM,
      detected_to: TO,
    });
    expect(organisationRows(OVERVIEW)[0]?.search.organisation).toBe("moh");
  });

  it("of time keep within the time that is told of", () => {
    const [first, second] = timeRows(OVERVIEW);
    expect(first?.search).toMatchObject({
      detected_from: FROM,
      detected_to: "2026-11-27T10:30:00.000Z",
    });
    expect(second?.search).toMatchObject({
      detected_from: "2026-11-27T10:30:00Z",
      detected_to: "2026-11-27T11:00:00.000Z",
    });
  });

  it("of age lead to what is not closed, the oldest without an earlier end", () => {
    const [young, old] = ageRows(OVERVIEW);
    expect(young?.search).toEqual({ detected_from: FROM, detected_to: TO });
    expect(old?.search).toEqual({ detected_to: FROM });
    expect(alertQueryOf(old?.search ?? {}, {})).toMatchObject({
      status: DEFAULT_STATUS,
      detected_to: FROM,
    });
  });
});

describe("the matrix", () => {
  it("has every tactic of ATT&CK, in its order, and no other", () => {
    const columns = matrix(OVERVIEW);
    expect(columns.map(({ tactic }) => tactic).slice(0, 3)).toEqual([
      "reconnaissance",
      "resource-development",
      "initial-access",
    ]);
    expect(columns).toHaveLength(14);
    const found = columns.find(({ tactic }) => tactic === "discovery")?.cells ?? [];
    expect(found.map(({ technique }) => technique)).toEqual(["T1046", ""]);
    expect(found[0]?.search).toMatchObject({ tactic: "discovery", technique: "T1046" });
    expect(found[1]?.search.technique).toBeUndefined();
  });
});
