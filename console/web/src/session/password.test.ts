import { expect, it } from "vitest";
import { passwordStrength } from "./password";

it.each([
  ["", "empty"],
  ["ngắn", "short"],
  ["aaaaaaaaaaaaaaaa", "weak"],
  ["123456789012", "weak"],
  ["abcdefghijklmnop", "weak"],
  ["nguyenlan-2026!!", "contains_name"],
  ["mfzkqhwrtypb", "fair"],
  ["ruộng lúa xanh bên sông", "strong"],
])("%s is %s", (password, level) => {
  expect(passwordStrength(password, ["nguyenlan@example.vn", "Lan"]).level).toBe(level);
});

it("says how many characters are missing, counted as people count them", () => {
  expect(passwordStrength("👮👮👮", [])).toEqual({ level: "short", missing: 9 });
});
