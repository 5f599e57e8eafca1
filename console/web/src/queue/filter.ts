/** The queue's filter: from the address bar to the API, and to a judgement on a live alert. */
import { AGAIN, type Alert, type AlertStatusChange, STATUSES } from "../api/client";
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
  changed_from?: string;
  detected_from?: string;
  detected_to?: string;
  q?: string;
  assignee?: string;
  verdict?: string;
  reason?: string;
  tag?: string;
  rule?: string;
  src?: string;
  dst?: string;
  snoozed?: string;
  suppressed?: string;
  exception?: string;
  sort?: string;
  group?: string;
  columns?: string;
  density?: string;
}

/** Those that have no control of their own: pages that lead here set them. */
export const LINKED = [
  "tactic",
  "organisation",
  "sensor",
  "address",
  "changed_from",
  "detected_from",
  "detected_to",
  "exception",
] as const;

/** Filters that go to the server as they stand in the address bar. */
const PLAIN = [
  "severity",
  "technique",
  "q",
  "assignee",
  "verdict",
  "reason",
  "tag",
  "rule",
  "src",
  "dst",
  "suppressed",
] as const;
/** How the queue is shown. */
const DISPLAY = ["sort", "group", "columns", "density"] as const;
const FILTERS = ["status", "snoozed", ...PLAIN, ...LINKED, "range", "from", "to"] as const;
const SEARCH = [...FILTERS, ...DISPLAY] as const;

/** Closed alerts are done with, so the queue leaves them out unless asked. */
export const DEFAULT_STATUS = "open,acknowledged";
/** Nor does it show what is set aside. */
export const DEFAULT_SNOOZED = "without";
/** Also what is set aside. */
export const WITH_SNOOZED = "with";
export const DEFAULT_RANGE = "all";
/** The latest found on top. */
export const DEFAULT_SORT = "-detected_at";

/** What a column heading sorts by. */
export const SORT_KEYS = { severity: "severity", time: "detected_at", count: "count" } as const;
export type SortColumn = keyof typeof SORT_KEYS;

export function readQueueSearch(search: Record<string, unknown>): QueueSearch {
  return pick(search, SEARCH);
}

/** The same display of another queue: without its filters. */
export function withoutFilters(search: QueueSearch): QueueSearch {
  return pick({ ...search }, DISPLAY);
}

/** With one parameter set, or taken out. */
export function withParameter(
  search: QueueSearch,
  name: keyof QueueSearch,
  value: string | undefined,
): QueueSearch {
  const { [name]: _, ...rest } = search;
  return value ? { ...rest, [name]: value } : rest;
}

export function isNarrowed(search: QueueSearch): boolean {
  return FILTERS.some((name) => search[name] !== undefined);
}

/** All that is new or changed since then: what others have closed or set aside, too. */
export function sinceSearch(since: string): QueueSearch {
  return { changed_from: since, status: STATUSES.join(","), snoozed: WITH_SNOOZED };
}

export function alertQueryOf(search: QueueSearch, bounds: TimeBounds): AlertQuery {
  return {
    ...bounds,
    ...pick({ ...search }, [...PLAIN, ...LINKED]),
    ...(search.snoozed === WITH_SNOOZED ? {} : { snoozed: search.snoozed ?? DEFAULT_SNOOZED }),
    status: search.status ?? DEFAULT_STATUS,
    sort: search.sort ?? DEFAULT_SORT,
  };
}

export function boundsOf(search: QueueSearch, nowMs: number): TimeBounds {
  return resolveRange(search, DEFAULT_RANGE, nowMs);
}

/** Whether an alert belongs in a queue with this filter, for the account `me`. */
export function matchesQuery(
  alert: Alert,
  query: AlertQuery,
  me: string | undefined,
  nowMs: number,
): boolean {
  return (
    inList(alert.status, query.status) &&
    inList(alert.severity, query.severity) &&
    hasTechnique(alert, query.technique) &&
    isLinked(alert, query) &&
    withinBounds(alert, query) &&
    containsText(alert, query.q) &&
    isHeld(alert, query.assignee, me) &&
    inList(alert.verdict ?? "", query.verdict) &&
    inList(alert.reason ?? "", query.reason) &&
    (query.tag ?? "").split(",").every((tag) => tag === "" || alert.tags.includes(tag)) &&
    (["src", "dst"] as const).every((end) => !query[end] || alert[end] === query[end]) &&
    (!query.rule || alert.rule_id === query.rule) &&
    isWithin(alert.is_suppressed, query.suppressed) &&
    (!query.exception || alert.exception === query.exception) &&
    (!query.snoozed || (query.snoozed === "only") === isSnoozed(alert, nowMs))
  );
}

/** Without a word only what no exception hides is shown. */
function isWithin(isSuppressed: boolean, suppressed: string | undefined): boolean {
  return suppressed === "with" || (suppressed === "only") === isSuppressed;
}

/** Whether the alert is set aside now. */
export function isSnoozed(alert: Pick<Alert, "snoozed_until">, nowMs: number): boolean {
  const until = alert.snoozed_until;
  return until !== null && (until === AGAIN || Date.parse(until) > nowMs);
}

function isHeld(alert: Alert, assignee: string | undefined, me: string | undefined): boolean {
  if (!assignee) return true;
  const holder = alert.assignee?.id ?? "nobody";
  return assignee.split(",").some((each) => (each === "me" ? me : each) === holder);
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

/** What comes live has changed just now, so that `changed_from` leaves none of it out. */
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
  const { rule_title, rule_title_vi, rule_id, summary, src, dst, sensor, techniques } = alert;
  return [rule_title, rule_title_vi, rule_id, summary, src, dst, sensor, ...techniques].some(
    (value) => value?.toLowerCase().includes(wanted),
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
  return { ...alert, ...change };
}

/** The later of the page's look and the rows that came live since: what the user has had before him. */
export function latestSeen(seenAt: string, rows: readonly Alert[]): string {
  return rows.reduce(
    (latest, { arrived_at }) => (Date.parse(arrived_at) > Date.parse(latest) ? arrived_at : latest),
    seenAt,
  );
}
