import { describe, expect, it } from "vitest";
import {
  formatAxis,
  formatDay,
  formatDuration,
  formatFull,
  formatSecond,
  formatShort,
  formatUtc,
  fromLocalInput,
  resolveRange,
  toLocalInput,
} from "./time";

const AT = "2026-11-20T22:54:07.123456Z";

describe("times", () => {
  it("show a day of the API as people here write it", () => {
    expect(formatDay("2026-01-31")).toBe("31/01/2026");
    expect(formatDay("")).toBe("");
  });

  it("are shown in Vietnamese time, across midnight and the year", () => {
    expect(formatShort(AT, Date.parse(AT))).toBe("21/11 05:54:07");
    expect(formatShort("2025-12-31T16:59:59Z", Date.parse(AT))).toBe("31/12/2025 23:59:59");
    expect(formatShort("2025-12-31T17:00:00Z", Date.parse(AT))).toBe("01/01 00:00:00");
  });

  it("keep their microseconds, which dates do not hold", () => {
    expect(formatFull(AT)).toBe("21/11/2026 05:54:07.123456");
    expect(formatSecond(AT)).toBe("21/11/2026 05:54:07");
    expect(formatUtc(AT)).toBe("2026-11-20 22:54:07.123456 UTC");
  });

  it("that are none are shown as they came", () => {
    expect(formatShort("soon", 0)).toBe("soon");
    expect(formatUtc("soon")).toBe("soon");
  });

  it("go through an input and back", () => {
    expect(toLocalInput("2026-11-20T22:54:07Z")).toBe("2026-11-21T05:54:07");
    expect(fromLocalInput("2026-11-21T05:54:07")).toBe("2026-11-20T22:54:07.000Z");
    expect(toLocalInput(undefined)).toBe("");
    expect(fromLocalInput("")).toBeUndefined();
    expect(fromLocalInput("not a time")).toBeUndefined();
  });

  it("on an axis are as long as its span needs", () => {
    expect(formatAxis(AT, 60_000)).toBe("05:54:07");
    expect(formatAxis(AT, 3_600_000)).toBe("05:54");
    expect(formatAxis(AT, 86_400_000)).toBe("21/11 05:54");
    expect(formatAxis(AT, 400 * 86_400_000)).toBe("21/11/2026");
  });
});

it.each([
  [12, "12 µs"],
  [340_000, "340 ms"],
  [12_400_000, "12.4 s"],
  [200_000_000, "3 m 20 s"],
  [1_080_000_000, "18 m"],
  [7_500_000_000, "2 h 5 m"],
])("a duration of %i µs is %s", (us, text) => {
  expect(formatDuration(us)).toBe(text);
});

it("a range that is not known means the fallback", () => {
  const now = Date.parse("2026-11-21T00:00:00Z");
  expect(resolveRange({ range: "9y" }, "24h", now)).toEqual({ from: "2026-11-20T00:00:00.000Z" });
  expect(resolveRange({ range: "all" }, "24h", now)).toEqual({});
});
