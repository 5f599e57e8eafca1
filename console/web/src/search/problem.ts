/** What is wrong with a query, in the reader's language: the server says it in English. */
import type { TFunction } from "i18next";

/** The server's words, with what they name. `pipeline/store/src/search` has them. */
export const PROBLEMS = {
  too_long: /^the query is longer than (?<what>\d+) bytes$/,
  quote: /^the quote is not closed$/,
  no_value: /^(?<what>\S+): has no value; \S+ finds any$/,
  no_opening: /^a \) without its \($/,
  no_closing: /^the \( is not closed$/,
  no_bound: /^(?<what>\S+) has nothing to compare with$/,
  ends: /^the query ends where something to find should stand$/,
  here: /^something to find should stand here$/,
  too_deep: /^nested more than (?<what>\d+) deep$/,
  too_many: /^more than (?<what>\d+) terms$/,
  no_field: /^no field (?<what>\S+) in the chosen classes /,
  no_order: /^(?<what>\S+) has no order; \S+ does not apply$/,
  wants_address: /^(?<what>\S+) wants an address or a network such as 10\.0\.0\.0\/8$/,
  wants_plain: /^(?<what>\S+) wants a value without \*$/,
  wants_any: /^(?<what>\S+) wants \* \(whether it has a value\)$/,
  wants_boolean: /^(?<what>\S+) wants true or false$/,
  wants_id: /^(?<what>\S+) wants an id of 32 hexadecimal digits$/,
  wants_number: /^(?<what>\S+) wants a whole number$/,
  wants_time: /^(?<what>\S+) wants a time such as 2026-01-31T09:30:00Z$/,
} as const;

/** The problem in words of the page; the server's own where they are of a newer server. */
export function problemText(message: string, t: TFunction): string {
  for (const [name, pattern] of Object.entries(PROBLEMS)) {
    const found = pattern.exec(message);
    const what = found?.groups?.what ?? "";
    if (found) return t(`search.problem.${name as keyof typeof PROBLEMS}`, { what });
  }
  return message;
}
