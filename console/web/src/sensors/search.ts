/** The page's address. */
import type { SensorsQuery } from "../api/queries";
import { pick } from "../lib/search-params";

export const STATES = ["waiting", "active", "silent", "revoked"] as const;

export interface SensorsSearch extends SensorsQuery {
  /** The sensor that is open. */
  sensor?: string;
}

export function readSensorsSearch(search: Record<string, unknown>): SensorsSearch {
  return pick(search, ["q", "organisation", "state", "sensor"]);
}
