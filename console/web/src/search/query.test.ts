import { describe, expect, it } from "vitest";
import { term, withTerm, wordAt } from "./query";

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
