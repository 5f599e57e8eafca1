import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { OrganisationEntry } from "../api/client";
import { organisationsQuery } from "../api/queries";
import { useMay } from "../lib/abilities";
import { nameOf } from "../lib/organisation";

/** Names change about as seldom as laws do. */
const STALE_MS = 5 * 60_000;

export interface Organisations {
  /** What one is called in the language of the page; its code where the reader's list does not have it. */
  name: (code: string) => string;
  /** What one belongs to today and what stands above that, the nearest first, as far as the reader sees. */
  above: (code: string) => string[];
}

/** The organisations that one sees, those that have ended and those to come as well. */
export function useOrganisations(): Organisations {
  const { i18n } = useTranslation();
  const may = useMay();
  const { data } = useQuery({
    ...organisationsQuery({ others: "true" }),
    enabled: may("organisation:read"),
    staleTime: STALE_MS,
    select: byCode,
  });
  return {
    name: (code) => {
      const entry = data?.get(code);
      return entry ? nameOf(entry, i18n.language) : code;
    },
    above: (code) => (data ? ancestors(data, code) : []),
  };
}

/** Written once here, so that it is made once for each answer and not for each who asks. */
function byCode(list: { items: OrganisationEntry[] }): ReadonlyMap<string, OrganisationEntry> {
  const known = made.get(list.items);
  if (known) return known;
  const map = new Map(list.items.map((entry) => [entry.code, entry]));
  made.set(list.items, map);
  return map;
}

const made = new WeakMap<OrganisationEntry[], ReadonlyMap<string, OrganisationEntry>>();

function ancestors(entries: ReadonlyMap<string, OrganisationEntry>, code: string): string[] {
  const found: string[] = [];
  let next = entries.get(code)?.parent;
  while (next && !found.includes(next)) {
    found.push(next);
    next = entries.get(next)?.parent;
  }
  return found;
}
