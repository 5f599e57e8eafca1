/** The numbers of a hand-over, summed up as its tables show them. */
import { type HandoverFacts, SEVERITIES, type Severity } from "../api/client";

/** An age band, in seconds; the oldest has no end. */
export interface Band {
  from: number;
  to: number | null;
}

export interface OpenRow {
  severity: Severity;
  /** By band, in the order of `bandsOf`. */
  byAge: number[];
  total: number;
  unassigned: number;
  setAside: number;
}

/** The ages that occur, the youngest first. */
export function bandsOf(facts: HandoverFacts): Band[] {
  const bands = new Map<number, Band>();
  for (const { age_from_s, age_to_s } of facts.open)
    bands.set(age_from_s, { from: age_from_s, to: age_to_s });
  return [...bands.values()].sort((one, other) => one.from - other.from);
}

/** Alerts that are not closed, by severity and age; a severity without one is left out. */
export function openRows(facts: HandoverFacts): OpenRow[] {
  const bands = bandsOf(facts);
  const rows = SEVERITIES.map((severity) => {
    const own = facts.open.filter((one) => one.severity === severity);
    return {
      severity,
      byAge: bands.map(({ from }) =>
        sum(own.filter((one) => one.age_from_s === from).map((one) => one.count)),
      ),
      total: sum(own.map((one) => one.count)),
      unassigned: sum(own.map((one) => one.unassigned)),
      setAside: sum(own.map((one) => one.set_aside)),
    };
  });
  return rows.filter((row) => row.total > 0);
}

export const CHANGES = ["raised", "acknowledged", "taken_over", "closed", "reopened"] as const;
export type Change = (typeof CHANGES)[number];

/** What became of alerts, by organisation, and in all as the last row when there are several. */
export function changeRows(
  facts: HandoverFacts,
): { organisation: string | null; counts: Record<Change, number> }[] {
  const codes = [...new Set(facts.changes.map((one) => one.organisation))].sort();
  const counted = (of: (organisation: string) => boolean) => {
    const own = facts.changes.filter((one) => of(one.organisation));
    const entries = CHANGES.map((change) => [
      change,
      sum(own.filter((one) => one.change === change).map((one) => one.count)),
    ]);
    return Object.fromEntries(entries) as Record<Change, number>;
  };
  const rows: { organisation: string | null; counts: Record<Change, number> }[] = codes.map(
    (code) => ({ organisation: code, counts: counted((one) => one === code) }),
  );
  if (rows.length > 1) rows.push({ organisation: null, counts: counted(() => true) });
  return rows;
}

/** Who has how many alerts, over all organisations, the most first. */
export function holderRows(facts: HandoverFacts): { id: string; name: string; count: number }[] {
  const people = new Map<string, { id: string; name: string; count: number }>();
  for (const { holder_id, holder, count } of facts.holders) {
    const known = people.get(holder_id);
    people.set(holder_id, {
      id: holder_id,
      name: holder,
      count: (known?.count ?? 0) + count,
    });
  }
  return [...people.values()].sort((one, other) => other.count - one.count);
}

/** What was done with accounts, roles and organisations, over all organisations. */
export function deedRows(facts: HandoverFacts): { action: string; count: number }[] {
  const deeds = new Map<string, number>();
  for (const { action, count } of facts.deeds) deeds.set(action, (deeds.get(action) ?? 0) + count);
  return [...deeds].map(([action, count]) => ({ action, count }));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}
