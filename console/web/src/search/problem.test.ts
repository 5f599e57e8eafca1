import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import en from "../i18n/en.json";
import vi from "../i18n/vi.json";
import { PROBLEMS, problemText } from "./problem";

/** Stands for i18next: the text of a language with its hole filled. */
const say = (texts: Record<string, string>) =>
  ((key: string, { what }: { what: string }) =>
    (texts[key.replace("search.problem.", "")] ?? "").replace("{{what}}", what)) as never;

it("says in Vietnamese what the server says in English", () => {
  const told = (message: string) => problemText(message, say(vi.search.problem));
  expect(told("something to find should stand here")).toBe("ở đây phải có điều cần tìm");
  expect(told("no field nope in the chosen classes (dns, flow)")).toContain("nope");
  expect(told("dport wants a whole number")).toBe("dport cần một số nguyên");
  expect(told("words of a newer server")).toBe("words of a newer server");
});

it("has words in both languages for each problem", () => {
  expect(Object.keys(vi.search.problem)).toEqual(Object.keys(PROBLEMS));
  expect(Object.keys(en.search.problem)).toEqual(Object.keys(PROBLEMS));
});

it("knows the words of this server", () => {
  const folder = "../../pipeline/store/src/search";
  const source = ["lexer", "parse", "compile"]
    .map((name) => readFileSync(`${folder}/${name}.rs`, "utf8"))
    .join("\n");
  const at = source.matchAll(/SearchError::at\(\s*[^,()]+,\s*(?:format!\()?"([^"]+)"/g);
  const wants = source.matchAll(/self\.wants\("([^"]+)"\)/g);
  const said = [
    ...[...at].map(([, words]) => words ?? ""),
    ...[...wants].map(([, words]) => `name wants ${words}`),
  ].map((words) =>
    words
      .replaceAll(/\{[A-Z_]+\}/g, "9")
      .replace("{} wants {what}", "name wants true or false")
      .replaceAll(/\{[a-z_]*\}/g, "name")
      .replace("{names()}", "dns"),
  );
  expect(said.length).toBeGreaterThan(12);
  const unknown = said.filter((words) => !Object.values(PROBLEMS).some((one) => one.test(words)));
  expect(unknown).toEqual([]);
});
