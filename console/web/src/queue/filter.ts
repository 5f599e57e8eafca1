/** The queue's filter: from the address bar to the API, and to a judgement on a live alert. */
import type { Alert, AlertStatusChange } from "../api/client";
import type { AlertQuery } from "../api/queries";
import { pick } from "../lib/search-params";
import { type RangeSearch, resolveRange, type TimeBounds } from "../lib/time";

export interface QueueSearch extends RangeSearch {
  status?: string;
  severity?: string;
  technique?: string;
  tactic?: string;
  organisation?: string;
  sensor?: string;
  address?: string;
  detected_from?: string;
  detected_to?: string;
  q?: string;
  sort?: string;
}

/** Those that have no control of their own: pages that lead here set them. */
export const LINKED = [
  "tactic",
  "organisation",
  "sensor",
  "address",
  "detected_from",
  "detected_to",
] as const;

const FILTERS = ["status", "severity", "technique", "q", "range", "from", "to", ...LINKED] as const;

/** Closed alerts are done with, so the queue leaves them out unless asked. */
export const DEFAULT_STATUS = "open,acknowledged";
export const DEFAULT_RANGE = "all";
/** The latest found on top. */
export const DEFAULT_SORT = "-detected_at";

/** What a column heading sorts by. */
export const SORT_KEYS = { severity: "severity", time: "detected_at", count: "count" } as const;
export type SortColumn = keyof typeof SORT_KEYS;

export function readQueueSearch(search: Record<string, unknown>): QueueSearch {
  return pick(search, [...FILTERS, "sort"]);
}

export function isNarrowed(search: QueueSearch): boolean {
  return FILTERS.some((name) => search[name] !== undefined);
}

export function alertQueryOf(search: QueueSearch, bounds: TimeBounds): AlertQuery {
  return {
    ...bounds,
    ...pick({ ...search }, ["severity", "technique", "q", ...LINKED]),
    status: search.status ?? DEFAULT_STATUS,
    sort: search.sort ?? DEFAULT_SORT,
  };
}

export function boundsOf(search: QueueSearch, nowMs: number): TimeBounds {
  return resolveRange(search, DEFAULT_RANGE, nowMs);
}

/** Whether an alert from the live stream belongs in a queue with this filter. */
export function matchesQuery(alert: Alert, query: AlertQuery): boolean {
  return (
    inList(alert.status, query.status) &&
    inList(alert.severity, query.severity) &&
    hasTechnique(alert, query.technique) &&
    isLinked(alert, query) &&
    withinBounds(alert, query) &&
    containsText(alert, query.q)
  );
}

function inList(value: string, list: string | undefined): boolean {
  return !list || list.split(",").includes(value);
}

function hasTechnique(alert: Alert, technique: string | undefined): boolean {
  if (!technique) return true;
  const wanted = technique.toUpperCase();
  // A technique stands for its sub-techniques too.
  return alert.techniques.some((id) => id === wanted || id.startsWith(`${wanted}.`));
}

function isLinked(alert: Alert, query: AlertQuery): boolean {
  const raised = Date.parse(alert.detected_at);
  return (
    (!query.tactic || alert.tactics.includes(query.tactic)) &&
    (!query.organisation || alert.tenant === query.organisation) &&
    (!query.sensor || alert.sensor === query.sensor) &&
    (!query.address || alert.src === query.address || alert.dst === query.address) &&
    (!query.detected_from || raised >= Date.parse(query.detected_from)) &&
    (!query.detected_to || raised < Date.parse(query.detected_to))
  );
}

/** As the server has it: last seen at `from` or later, first seen before `to`. */
function withinBounds(alert: Alert, bounds: TimeBounds): boolean {
  if (bounds.from && Date.parse(alert.last_seen) < Date.parse(bounds.from)) return false;
  return !(bounds.to && Date.parse(alert.first_seen) >= Date.parse(bounds.to));
}

function containsText(alert: Alert, text: string | undefined): boolean {
  if (!text) return true;
  const wanted = text.toLowerCase();
  const { rule_title, rule_id, summary, src, dst, sensor, techniques } = alert;
  return [rule_title, rule_id, summary, src, dst, sensor, ...techniques].some((value) =>
    value?.toLowerCase().includes(wanted),
  );
}

/** The order after a click on a column's heading: largest first, smallest first, as usual. */
export function nextSort(sort: string | undefined, column: SortColumn): string | undefined {
  const key = SORT_KEYS[column];
  const now = sort ?? DEFAULT_SORT;
  const next = now === `-${key}` ? key : now === key ? DEFAULT_SORT : `-${key}`;
  return next === DEFAULT_SORT ? undefined : next;
}

/** The alert with a status change of the stream laid over it. */
export function withChange(alert: Alert, change: AlertStatusChange): Alert {
  return {
    ...alert,
    status: change.status,
    assignee: change.assignee ?? null,
    resolution: change.resolution ?? null,
  };
}
