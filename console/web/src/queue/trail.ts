/**
 * The queue as last seen: its order, so that the alert page can step to the
 * neighbours, and its filter, so that going back shows the same queue.
 */
import type { QueueSearch } from "./filter";

let trail: readonly string[] = [];
let search: QueueSearch = {};

export function leaveTrail(ids: readonly string[], filter: QueueSearch): void {
  trail = ids;
  search = filter;
}

export function neighbour(id: string, step: 1 | -1): string | undefined {
  const index = trail.indexOf(id);
  return index < 0 ? undefined : trail[index + step];
}

export function lastSearch(): QueueSearch {
  return search;
}
