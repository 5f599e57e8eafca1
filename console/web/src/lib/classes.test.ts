import { describe, expect, it } from "vitest";
import { CLASSES, classVariable, fieldInfo } from "./classes";

describe("event classes", () => {
  it("have a colour of the palette, and a class of a newer server a neutral one", () => {
    for (const name of CLASSES) {
      expect(classVariable(name)).toMatch(/^--class-([1-9]|1[0-2])$/);
    }
    expect(classVariable("unheard-of")).toBe("--class-9");
  });

  it("describe their own fields before those of all", () => {
    expect(fieldInfo("dns", "query")?.en).toBe("Name asked for");
    expect(fieldInfo("dns", "dport")?.vi).toBe("Cổng bên đáp");
    expect(fieldInfo("dns", "constructor")).toBeUndefined();
  });
});
