import type { TFunction } from "i18next";

/** What can be told of a way to a provider that came to nothing; the words are the server's. */
const PROBLEMS = [
  "state",
  "unknown",
  "disabled",
  "taken",
  "another",
  "no_session",
  "factor_needed",
  "no_invitation",
  "setting",
  "away",
  "denied",
  "provider",
  "not_fresh",
  "answer",
] as const;

/** What went wrong at the provider of that name, in the user's language. An address may hold any word: others are told as one. */
export function providerProblem(word: string, name: string | undefined, t: TFunction): string {
  const known = PROBLEMS.find((each) => each === word) ?? "answer";
  return t(`openid.problem.${known}`, { name: name ?? t("openid.a_provider") });
}
