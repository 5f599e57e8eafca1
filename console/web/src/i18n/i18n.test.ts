import { describe, expect, it } from "vitest";
import en from "./en.json";
import vi from "./vi.json";

function flatten(node: object, path = ""): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of Object.entries(node)) {
    const key = path ? `${path}.${name}` : name;
    if (typeof value === "string") found.set(key, value);
    else for (const [inner, text] of flatten(value, key)) found.set(inner, text);
  }
  return found;
}

const vietnamese = flatten(vi);
const english = flatten(en);
const holes = (text: string) => [...text.matchAll(/{{(\w+)}}/g)].map((match) => match[1]).sort();

describe("the languages", () => {
  it("have the same keys", () => {
    expect([...english.keys()]).toEqual([...vietnamese.keys()]);
  });

  it("have no empty text, and the same places to fill", () => {
    for (const [key, text] of vietnamese) {
      expect(text.trim(), key).not.toBe("");
      expect(holes(english.get(key) ?? ""), key).toEqual(holes(text));
    }
  });
});
