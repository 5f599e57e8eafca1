import { describe, expect, it } from "vitest";
import { lastHours, term, valueAt, withTerm, wordAt } from "./query";

describe("a term", () => {
  it.each([
    ["src", "10.0.0.5", "src:10.0.0.5"],
    ["src", "2001:db8::1", "src:2001:db8::1"],
    ["dport", 443, "dport:443"],
    [
      "community_id",
      "1:wCb3OG7yAFWelaUydu0D+125CLM=",
      'community_id:"1:wCb3OG7yAFWelaUydu0D+125CLM="',
    ],
    ["uri", "/a b", 'uri:"/a b"'],
    ["uri", "/a*", 'uri:"/a*"'],
    ["query", "and", 'query:"and"'],
    ["user_agent", 'a"b\\c', 'user_agent:"a\\"b\\\\c"'],
    ["host", "", 'host:""'],
  ])("%s = %s", (field, value, text) => {
    expect(term(field, value)).toBe(text);
  });

  it("is added with AND, around an OR in brackets", () => {
    expect(withTerm("", "a:1", "and")).toBe("a:1");
    expect(withTerm("", "a:1", "not")).toBe("NOT a:1");
    expect(withTerm("b:2", "a:1", "not")).toBe("b:2 AND NOT a:1");
    expect(withTerm("b:2 OR c:3", "a:1", "and")).toBe("(b:2 OR c:3) AND a:1");
  });
});

describe("the word at the caret", () => {
  it.each([
    ["que", 3, { start: 0, word: "que" }],
    ["a:1 AND (ho", 11, { start: 9, word: "ho" }],
    ["query:ex", 8, null],
    ['"que', 4, null],
    ["query", 2, null],
    ["", 0, null],
  ])("%s at %i", (text, caret, expected) => {
    expect(wordAt(text, caret)).toEqual(expected);
  });
});

describe("a value is offered", () => {
  it.each([
    ["src:10.", { start: 4, field: "src", prefix: "10." }],
    ["a OR (query:exa", { start: 12, field: "query", prefix: "exa" }],
    ['user_agent:"cu', { start: 11, field: "user_agent", prefix: "cu" }],
    ["dport:", { start: 6, field: "dport", prefix: "" }],
    ["dport:>4", null],
    ["query:a*", null],
    ["http://x", { start: 5, field: "http", prefix: "//x" }],
    ["src", null],
    ['user_agent:"a b', null],
  ])("at the end of %s", (query, expected) => {
    expect(valueAt(query, query.length)).toEqual(expected);
  });

  it("from the last hours of the time that is searched", () => {
    const now = Date.parse("2026-11-27T12:03:00Z");
    expect(lastHours({}, now)).toEqual({ from: "2026-11-27T06:00:00.000Z" });
    expect(lastHours({ from: "2026-11-27T11:00:00Z" }, now)).toEqual({
      from: "2026-11-27T11:00:00.000Z",
    });
    const past = { from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z" };
    expect(lastHours(past, now)).toEqual({ ...past, from: "2026-01-01T18:00:00.000Z" });
  });
});
