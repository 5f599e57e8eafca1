/** The queue's filter: from the address bar to the API, and to a judgement on a live alert. */
import type { Alert, AlertStatusChange } from "../api/client";
import type { AlertQuery } from "../api/queries";
import { pick } from "../lib/search-params";
import { type RangeSearch, resolveRange, type TimeBounds } from "../lib/time";

export interface QueueSearch extends RangeSearch {
  status?: string;
  severity?: string;
  technique?: string;
  q?: string;
}

const NAMES = ["status", "severity", "technique", "q", "range", "from", "to"] as const;

/** Closed alerts are done with, so the queue leaves them out unless asked. */
export const DEFAULT_STATUS = "open,acknowledged";
export const DEFAULT_RANGE = "all";

export function readQueueSearch(search: Record<string, unknown>): QueueSearch {
  return pick(search, NAMES);
}

export function isNarrowed(search: QueueSearch): boolean {
  return NAMES.some((name) => search[name] !== undefined);
}

export function alertQueryOf(search: QueueSearch, bounds: TimeBounds): AlertQuery {
  return {
    ...bounds,
    ...pick({ ...search }, ["severity", "technique", "q"]),
    status: search.status ?? DEFAULT_STATUS,
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
    withinBounds(alert.detected_at, query) &&
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

function withinBounds(at: string, bounds: TimeBounds): boolean {
  const ms = Date.parse(at);
  if (bounds.from && ms < Date.parse(bounds.from)) return false;
  return !(bounds.to && ms >= Date.parse(bounds.to));
}

function containsText(alert: Alert, text: string | undefined): boolean {
  if (!text) return true;
  const wanted = text.toLowerCase();
  return [alert.rule_title, alert.summary, alert.src, alert.dst, alert.sensor, alert.rule_id].some(
    (value) => value?.toLowerCase().includes(wanted),
  );
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
