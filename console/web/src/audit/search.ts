/** The audit page's address. */
import type { AuditQuery } from "../api/queries";
import { pick } from "../lib/search-params";
import { type RangeSearch, resolveRange } from "../lib/time";

/** The filters as the server names them. */
export const FILTERS = ["q", "actor", "action", "organisation", "object", "request"] as const;

export interface AuditSearch extends RangeSearch {
  q?: string;
  actor?: string;
  action?: string;
  organisation?: string;
  object?: string;
  request?: string;
  result?: string;
  /** Number of the entry that is open. */
  entry?: string;
}

export const DEFAULT_RANGE = "7d";
export const RESULTS = ["done", "refused", "failed"] as const;

export function readAuditSearch(search: Record<string, unknown>): AuditSearch {
  return pick(search, [...FILTERS, "result", "range", "from", "to", "entry"]);
}

export function auditQueryOf(search: AuditSearch, nowMs: number): AuditQuery {
  return {
    ...pick({ ...search }, [...FILTERS, "result"]),
    ...resolveRange(search, DEFAULT_RANGE, nowMs),
  };
}
