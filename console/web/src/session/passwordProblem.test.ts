import type { TFunction } from "i18next";
import { expect, it } from "vitest";
import { passwordProblem } from "./passwordProblem";

const t = ((key: string) => key) as unknown as TFunction;

it.each([
  ["password must have at least 12 characters", "length"],
  ["password must not be longer than 256 bytes", "too_long"],
  ["password must not be a name of the account", "name"],
  ["password must not be the old one", "same"],
  ["password is too easy to guess: it follows the keyboard", "keyboard"],
  ["password is too easy to guess: it repeats itself", "repeats"],
  ["password is one of the most used passwords", "common"],
  ["password is too close to one of the most used passwords", "common"],
  ["password is too easy to guess: it has a sequence such as abc or 123", "sequence"],
  ["password is too easy to guess: it has a date or a year", "date"],
  ["password is too easy to guess: it is made of names", "names"],
  ["password is too easy to guess: add another word or two", "guess"],
])("“%s” is told in the user's language", (message, problem) => {
  expect(passwordProblem(message, t)).toBe(`password.problem.${problem}`);
});

it("leaves what is new in the server's words", () => {
  expect(passwordProblem("password was seen in a leak", t)).toBe("password was seen in a leak");
});
