/** The page's address. */
import type { Exception } from "../api/client";
import { pick } from "../lib/search-params";

export const SHOWN = [
  "waiting",
  "active",
  "expiring",
  "growing",
  "unused",
  "expired",
  "ended",
] as const;
export type Shown = (typeof SHOWN)[number];

export interface ExceptionsSearch {
  /** Which are listed; all that are not over when left out. */
  show?: string;
  /** The exception that is open. */
  exception?: string;
}

export function readExceptionsSearch(search: Record<string, unknown>): ExceptionsSearch {
  return pick(search, ["show", "exception"]);
}

export function isShown(exception: Exception, show: Shown): boolean {
  switch (show) {
    case "waiting":
      return exception.state === "waiting" || exception.extension !== null;
    case "expiring":
    case "growing":
    case "unused":
      return exception.signs.includes(show);
    default:
      return exception.state === show;
  }
}
