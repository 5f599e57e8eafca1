/** Changes to the queue's cached pages. Pure, so that a replayed stream can be tested. */
import type { InfiniteData } from "@tanstack/react-query";
import type { Alert, AlertPage } from "../api/client";

export type AlertPages = InfiniteData<AlertPage, unknown>;

/** More live rows than this on the first page and the queue is asked for anew. */
export const LIVE_ROWS_MAX = 1_000;

export function rowsOf(pages: AlertPages | undefined): Alert[] {
  return pages?.pages.flatMap((page) => page.items) ?? [];
}

/** So far apart, times of arrival tell what a page has counted: consoles take alerts over side by side. */
const UNSURE_MS = 5_000;

/**
 * An alert that came live and is in none of the rows: it came after the pages were read, or stands further down where nobody has
 * looked yet and is counted already, or too close to say.
 */
export function standingOf(alert: Alert, pages: AlertPages): "new" | "counted" | "unsure" {
  const seenMs = Date.parse(pages.pages[0]?.seen_at ?? "");
  const laterMs = Date.parse(alert.arrived_at) - seenMs;
  if (laterMs > UNSURE_MS) return "new";
  return laterMs < -UNSURE_MS ? "counted" : "unsure";
}

/** Alerts that came live: known ones change in place, new ones go on top, newest first. */
export function mergeAlerts(pages: AlertPages, incoming: readonly Alert[]): AlertPages {
  const latest = new Map(incoming.map((alert) => [alert.id, alert]));
  const merged = pages.pages.map((page) => ({
    ...page,
    items: page.items.map((item) => {
      const newer = latest.get(item.id);
      latest.delete(item.id);
      // The stream does not tell what is alike.
      return newer ? { ...newer, similar: item.similar } : item;
    }),
  }));
  const fresh = [...latest.values()].reverse();
  const [first, ...rest] = merged;
  if (!first || fresh.length === 0) return { ...pages, pages: merged };
  const top = { ...first, items: [...fresh, ...first.items], total: first.total + fresh.length };
  return { ...pages, pages: [top, ...rest] };
}

export function changeAlert(
  pages: AlertPages,
  id: string,
  change: (alert: Alert) => Alert,
): AlertPages {
  return {
    ...pages,
    pages: pages.pages.map((page) =>
      page.items.some((item) => item.id === id)
        ? { ...page, items: page.items.map((item) => (item.id === id ? change(item) : item)) }
        : page,
    ),
  };
}

export function removeAlerts(pages: AlertPages, ids: ReadonlySet<string>): AlertPages {
  const removed = rowsOf(pages).filter((alert) => ids.has(alert.id)).length;
  return {
    ...pages,
    pages: pages.pages.map((page, index) => ({
      ...page,
      items: page.items.filter((item) => !ids.has(item.id)),
      total: index === 0 ? Math.max(0, page.total - removed) : page.total,
    })),
  };
}
