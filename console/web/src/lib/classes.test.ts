import { describe, expect, it } from "vitest";
import { CLASSES, classVariable, fieldInfo } from "./classes";

describe("event classes", () => {
  it("have a colour each, and a class of a newer server a neutral one", () => {
    const colours = CLASSES.map(classVariable);
    expect(new Set(colours).size).toBe(CLASSES.length);
    expect(classVariable("unheard-of")).toBe("--class-9");
  });

  it("describe their own fields before those of all", () => {
    expect(fieldInfo("dns", "query")?.en).toBe("Name asked for");
    expect(fieldInfo("dns", "dport")?.vi).toBe("Cổng bên đáp");
    expect(fieldInfo("dns", "constructor")).toBeUndefined();
  });
});
