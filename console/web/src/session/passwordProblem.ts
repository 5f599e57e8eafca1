import type { TFunction } from "i18next";

/** What the server says is wrong with a new password, in its own words and in ours. */
const PROBLEMS = [
  ["12 characters", "length"],
  ["256 bytes", "too_long"],
  ["name of the account", "name"],
  ["the old one", "same"],
  ["keyboard", "keyboard"],
  ["repeats itself", "repeats"],
  ["most used passwords", "common"],
  ["sequence", "sequence"],
  ["a date or a year", "date"],
  ["made of names", "names"],
  ["easy to guess", "guess"],
] as const;

/** The problem in the user's language; the server's own words where it says something new. */
export function passwordProblem(message: string, t: TFunction): string {
  const known = PROBLEMS.find(([words]) => message.includes(words));
  return known ? t(`password.problem.${known[1]}`) : message;
}
