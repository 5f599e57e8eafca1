/** The page's address. */
import type { ServicesQuery } from "../api/queries";
import { pick } from "../lib/search-params";

export interface ServicesSearch extends ServicesQuery {
  /** The service that is open. */
  service?: string;
}

export function readServicesSearch(search: Record<string, unknown>): ServicesSearch {
  return pick(search, ["q", "organisation", "ended", "service"]);
}
