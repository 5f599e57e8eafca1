/** The search page's address, and terms of the query language. */
import type { EventQuery } from "../api/queries";
import { pick } from "../lib/search-params";
import { type RangeSearch, resolveRange } from "../lib/time";

export interface EventSearch extends RangeSearch {
  q?: string;
  class?: string;
}

export const DEFAULT_RANGE = "24h";

export function readEventSearch(search: Record<string, unknown>): EventSearch {
  return pick(search, ["q", "class", "range", "from", "to"]);
}

export function eventQueryOf(search: EventSearch, nowMs: number): EventQuery {
  return {
    ...pick({ ...search }, ["q", "class"]),
    ...resolveRange(search, DEFAULT_RANGE, nowMs),
  };
}

/** `field:value`, quoted where the value could be read as something else. */
export function term(field: string, value: unknown): string {
  const text = String(value);
  const plain = /^[\p{L}\p{N}_.:/+-]+$/u.test(text) && !/^(and|or|not)$/i.test(text);
  // An address range or a number is plain; anything with a space, a star or a sign is quoted.
  if (plain && !text.startsWith("-")) return `${field}:${text}`;
  return `${field}:"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/** The query with a term put in (`and`) or kept out (`not`). */
export function withTerm(query: string, added: string, sense: "and" | "not"): string {
  const wanted = sense === "not" ? `NOT ${added}` : added;
  const base = query.trim();
  if (base === "") return wanted;
  return `${/\bOR\b/i.test(base) ? `(${base})` : base} AND ${wanted}`;
}

/** The word being typed at `caret`, for field suggestions; null once a value is begun. */
export function wordAt(query: string, caret: number): { start: number; word: string } | null {
  const match = /[A-Za-z_][\w.]*$/.exec(query.slice(0, caret));
  if (!match) return null;
  const before = query[match.index - 1];
  if (before !== undefined && !/[\s(]/.test(before)) return null;
  const after = query[caret];
  if (after !== undefined && !/[\s)]/.test(after)) return null;
  return { start: match.index, word: match[0] };
}
