/** The list of organisations as the rows of a tree. */
import type { OrganisationEntry } from "../api/client";
import { nameOf } from "../lib/organisation";

/** Most rows that are shown at a time. */
export const ROWS_MAX = 500;

export interface TreeRow {
  entry: OrganisationEntry;
  /** From 1 at the top. */
  level: number;
  /** Its place among those of the same parent, from 1, and how many those are. */
  place: number;
  size: number;
  /** Whether what is beneath it is shown; undefined where there is nothing. */
  isOpen: boolean | undefined;
}

/** Each with what is directly beneath it, by name. */
function children(items: readonly OrganisationEntry[], language: string) {
  const beneath = new Map<string | null, OrganisationEntry[]>();
  for (const item of items) {
    const siblings = beneath.get(item.parent);
    if (siblings) siblings.push(item);
    else beneath.set(item.parent, [item]);
  }
  const { compare } = new Intl.Collator(language);
  for (const siblings of beneath.values()) {
    siblings.sort((a, b) => compare(nameOf(a, language), nameOf(b, language)));
  }
  return beneath;
}

/** The rows to be shown, from the top; `isOpen` says of one, by code and level, whether what is beneath it is. */
export function rowsOf(
  items: readonly OrganisationEntry[],
  language: string,
  isOpen: (code: string, level: number) => boolean,
): TreeRow[] {
  const beneath = children(items, language);
  const rows: TreeRow[] = [];
  const walk = (parent: string | null, level: number) => {
    const siblings = beneath.get(parent) ?? [];
    siblings.forEach((entry, index) => {
      const has = beneath.has(entry.code);
      const opened = has ? isOpen(entry.code, level) : undefined;
      rows.push({ entry, level, place: index + 1, size: siblings.length, isOpen: opened });
      if (opened) walk(entry.code, level + 1);
    });
  };
  walk(null, 1);
  return rows;
}

/** Where a key leads from the row at `index`: to another row, or to opening or closing this one. */
export function stepOf(
  rows: readonly TreeRow[],
  index: number,
  key: string,
): { to: number } | { open: boolean } | null {
  const row = rows[index];
  if (!row) return null;
  switch (key) {
    case "ArrowDown":
      return { to: Math.min(rows.length - 1, index + 1) };
    case "ArrowUp":
      return { to: Math.max(0, index - 1) };
    case "Home":
      return { to: 0 };
    case "End":
      return { to: rows.length - 1 };
    case "ArrowRight":
      if (row.isOpen === undefined) return null;
      return row.isOpen ? { to: index + 1 } : { open: true };
    case "ArrowLeft": {
      if (row.isOpen) return { open: false };
      const above = rows.slice(0, index).findLastIndex((other) => other.level < row.level);
      return above < 0 ? null : { to: above };
    }
    default:
      return null;
  }
}
