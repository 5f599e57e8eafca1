/** The page's address. */
import type { OrganisationsQuery } from "../api/queries";
import { pick } from "../lib/search-params";

export interface OrganisationsSearch extends OrganisationsQuery {
  /** Code of the organisation that is open. */
  organisation?: string;
  /** Code of one that is to be entered. */
  add?: string;
}

export function readOrganisationsSearch(search: Record<string, unknown>): OrganisationsSearch {
  return pick(search, ["q", "kind", "on", "others", "organisation", "add"]);
}
