/** The search page's address, and terms of the query language. */
import type { EventQuery } from "../api/queries";
import { pick } from "../lib/search-params";
import { type RangeSearch, resolveRange, type TimeBounds } from "../lib/time";

export interface EventSearch extends RangeSearch {
  q?: string;
  class?: string;
  /** Chosen columns, with commas. */
  columns?: string;
}

/** What a search's address consists of; a saved search keeps the same. */
export const PARAMETERS = ["q", "class", "range", "from", "to", "columns"] as const;

export const DEFAULT_RANGE = "24h";

export function readEventSearch(search: Record<string, unknown>): EventSearch {
  return pick(search, PARAMETERS);
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

/** The value being typed at `caret`, after its field and colon, for suggestions of values. */
export function valueAt(
  query: string,
  caret: number,
): { start: number; field: string; prefix: string } | null {
  const match = /(?:^|[\s(])([A-Za-z_][\w.]*):("?)([^\s()"<>=*]*)$/.exec(query.slice(0, caret));
  const [, field, quote, prefix] = match ?? [];
  if (field === undefined || quote === undefined || prefix === undefined) return null;
  const after = query[caret];
  if (after !== undefined && !/[\s)]/.test(after)) return null;
  return { start: caret - prefix.length - quote.length, field, prefix };
}

/** How far back values are looked for to complete one, in milliseconds. */
const COMPLETION_MS = 6 * 3_600_000;
/** The moment is taken roughly, so that typing on asks for the same again. */
const ROUND_MS = 5 * 60_000;

/** The last hours of a time range. */
export function lastHours(bounds: TimeBounds, nowMs: number): TimeBounds {
  const end = bounds.to ? Date.parse(bounds.to) : Math.floor(nowMs / ROUND_MS) * ROUND_MS;
  const from = Math.max(bounds.from ? Date.parse(bounds.from) : 0, end - COMPLETION_MS);
  return { from: new Date(from).toISOString(), ...(bounds.to ? { to: bounds.to } : {}) };
}
