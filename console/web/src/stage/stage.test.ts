import { expect, test } from "vitest";
import type { Account, Exercise } from "../api/client";
import { within } from "./abilities";
import { basePathOf, exerciseIn } from "./stage";
import { isStaged, onStage } from "./staged";

test("the exercise stands in front of the path, and nowhere else", () => {
  expect(exerciseIn("/exercise/7/alerts")).toBe("7");
  expect(exerciseIn("/exercise/7")).toBe("7");
  for (const path of [
    "/alerts",
    "/exercises",
    "/exercise/",
    "/exercise/07",
    "/x/exercise/7",
    "/exercise/7x",
  ]) {
    expect(exerciseIn(path)).toBeNull();
  }
  expect(exerciseIn(`${basePathOf("12")}/search`)).toBe("12");
  expect(basePathOf(null)).toBe("/");
});

test("what is of the stage is asked with the exercise, and nothing else is", () => {
  expect(onStage("/api/v1/alerts", "http://h:1/api/v1/alerts?q=a%20b", "7")).toBe(
    "http://h:1/api/v1/alerts?q=a+b&exercise=7",
  );
  expect(onStage("/api/v1/alerts/stream", "/api/v1/alerts/stream", "7")).toBe(
    "/api/v1/alerts/stream?exercise=7",
  );
  expect(onStage("/api/v1/alerts/since", "/api/v1/alerts/since", "7")).toBe("/api/v1/alerts/since");
  expect(onStage("/api/v1/alerts", "/api/v1/alerts", null)).toBe("/api/v1/alerts");
  expect(isStaged("/api/v1/watch")).toBe(false);
});

test("within an exercise one may what it allows, and nothing that one may in real work", () => {
  const account = {
    id: "1",
    abilities: ["alert:work", "rule:create", "audit-log:read"],
  } as unknown as Account;
  const abilities = (actions: Exercise["actions"]) =>
    within(account, { actions } as Exercise).abilities;
  expect(abilities([])).toEqual(["alert:read", "event-search:read"]);
  expect(abilities(["work"])).toContain("alert:work");
  expect(abilities(["work"])).not.toContain("sensor:read");
  expect(abilities(["change", "sensors"])).toContain("sensor:create");
  expect(abilities(["change", "sensors"])).not.toContain("rule:create");
});
