import { useQuery } from "@tanstack/react-query";
import type { OrganisationEntry } from "../api/client";
import { organisationsQuery } from "../api/queries";

export interface Place {
  organisation: OrganisationEntry;
}

/** The organisations of today that one sees, to choose from. */
export function usePlaces(): readonly Place[] {
  const { data } = useQuery(organisationsQuery({}));
  return data?.items.map((organisation) => ({ organisation })) ?? [];
}
