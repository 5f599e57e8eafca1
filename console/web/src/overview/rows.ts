/** From the overview's numbers to bars, each with the queue's address behind it. */
import type { Overview, Severity, StatusCounts } from "../api/client";
import { SEVERITIES, STATUSES } from "../api/client";
import type { QueueSearch } from "../queue/filter";

const EVERY_STATUS = STATUSES.join(",");

/** One kind of thing that each bar is made of. */
export interface Series {
  key: string;
  /** CSS variable of its colour. */
  colour: string;
  /** What it narrows the list to. */
  search: QueueSearch;
}

/** One bar. */
export interface Row {
  key: string;
  values: Readonly<Record<string, number>>;
  /** The list behind it. */
  search: QueueSearch;
}

export const BY_STATUS: readonly Series[] = STATUSES.map((status) => ({
  key: status,
  colour: `--status-${status}`,
  search: { status },
}));

export const BY_SEVERITY: readonly Series[] = SEVERITIES.map((severity) => ({
  key: severity,
  colour: `--severity-${severity}`,
  search: { severity },
}));

/** What was raised in the overview's time, whatever became of it. */
export function raisedIn(overview: Overview): QueueSearch {
  return { detected_from: overview.from, detected_to: overview.to, status: EVERY_STATUS };
}

export function severityRows(overview: Overview): Row[] {
  return overview.by_severity.map(({ severity, alerts }) => ({
    key: severity,
    values: { ...alerts },
    search: { ...raisedIn(overview), severity },
  }));
}

export function organisationRows(overview: Overview): Row[] {
  return overview.organisations.map(({ organisation, alerts }) => ({
    key: organisation,
    values: { ...alerts },
    search: { ...raisedIn(overview), organisation },
  }));
}

export function ageRows(overview: Overview): Row[] {
  return overview.waiting.ages.map((band) => ({
    key: String(band.from_s),
    values: band.by_severity,
    search: {
      detected_to: band.detected_to,
      ...(band.detected_from ? { detected_from: band.detected_from } : {}),
    },
  }));
}

export function timeRows(overview: Overview): Row[] {
  const end = Date.parse(overview.to);
  const start = Date.parse(overview.from);
  return overview.buckets.map((bucket) => {
    const from = Date.parse(bucket.start);
    const to = from + overview.bucket_us / 1_000;
    return {
      key: bucket.start,
      values: bucket.by_severity,
      search: {
        // The first and the last bucket reach beyond the time that is told of.
        detected_from: from < start ? overview.from : bucket.start,
        detected_to: to > end ? overview.to : new Date(to).toISOString(),
        status: EVERY_STATUS,
      },
    };
  });
}

export function total(values: Readonly<Record<string, number>>): number {
  return Object.values(values).reduce((sum, value) => sum + value, 0);
}

/** ATT&CK's tactics in the matrix's order. */
export const TACTICS = [
  "reconnaissance",
  "resource-development",
  "initial-access",
  "execution",
  "persistence",
  "privilege-escalation",
  "defense-evasion",
  "credential-access",
  "discovery",
  "lateral-movement",
  "collection",
  "command-and-control",
  "exfiltration",
  "impact",
] as const;
export type Tactic = (typeof TACTICS)[number];

export interface Cell {
  technique: string;
  alerts: StatusCounts;
  search: QueueSearch;
}

/** The matrix's columns with what was found under each; a tactic of another name than ATT&CK's is left out. */
export function matrix(overview: Overview): { tactic: Tactic; cells: Cell[] }[] {
  return TACTICS.map((tactic) => ({
    tactic,
    cells: overview.techniques
      .filter((found) => found.tactic === tactic)
      .map(({ technique, alerts }) => ({
        technique,
        alerts,
        search: { ...raisedIn(overview), tactic, ...(technique ? { technique } : {}) },
      })),
  }));
}

export function isSeverity(text: string): text is Severity {
  return SEVERITIES.some((severity) => severity === text);
}
