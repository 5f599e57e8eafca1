/** The page's address. */
import type { AccountsQuery } from "../api/queries";
import { pick } from "../lib/search-params";

export const STATES = ["invited", "active", "locked", "disabled"] as const;

export interface PeopleSearch extends AccountsQuery {
  /** The account that is open. */
  person?: string;
}

export function readPeopleSearch(search: Record<string, unknown>): PeopleSearch {
  return pick(search, ["q", "organisation", "role", "state", "factor", "person"]);
}
