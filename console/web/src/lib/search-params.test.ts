import { describe, expect, it } from "vitest";
import { parseSearch, safeReturn, stringifySearch, toggleInList } from "./search-params";

describe("the address bar", () => {
  it("holds plain text, also what looks like a number or JSON", () => {
    const search = { q: 'dport:443 AND host:"a b"', technique: "1", from: "2026-11-20T22:54:07Z" };
    expect(parseSearch(stringifySearch(search).slice(1))).toEqual(search);
  });

  it("has nothing for what is empty", () => {
    expect(stringifySearch({ q: "", status: undefined })).toBe("");
  });
});

it("a list is toggled in its own order", () => {
  const all = ["a", "b", "c"] as const;
  expect(toggleInList("c", "a", all)).toBe("a,c");
  expect(toggleInList("a,c", "a", all)).toBe("c");
  expect(toggleInList("a", "a", all)).toBeUndefined();
  expect(toggleInList("unknown", "b", all)).toBe("b");
});

it.each([
  ["/search?q=a", "/search?q=a"],
  [undefined, "/"],
  ["https://evil.example/", "/"],
  ["//evil.example/", "/"],
  ["/\\evil.example/", "/"],
  ["/sign-in?return=/sign-in", "/"],
  ["/lock?return=/alerts", "/"],
])("after sign-in %s leads to %s", (asked, path) => {
  expect(safeReturn(asked)).toBe(path);
});
