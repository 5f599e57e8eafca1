import { expect, it } from "vitest";
import { columnsOf, columnsParameter, nextGroup, toggleColumn } from "./columns";

it("keeps columns in their order, and the title among them", () => {
  expect(columnsOf("count,severity,nonsense")).toEqual(["severity", "title", "count"]);
  expect(columnsParameter(columnsOf(undefined))).toBeUndefined();
  const without = toggleColumn(columnsOf(undefined), "sensor");
  expect(without).not.toContain("sensor");
  expect(columnsOf(columnsParameter(without))).toEqual(without);
  expect(columnsParameter(toggleColumn(without, "sensor"))).toBeUndefined();
});

it("goes through the groupings and back to none", () => {
  expect(nextGroup(undefined)).toBe("rule");
  expect(nextGroup("technique")).toBeUndefined();
});
