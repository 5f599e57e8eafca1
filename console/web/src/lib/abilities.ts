import { useQuery } from "@tanstack/react-query";
import type { Account } from "../api/client";
import { sessionQuery } from "../api/queries";

/** What somebody may do with something of some organisation, as the server names it: `alert:assign`. */
export type Ability = `${string}:${string}`;

export function may(account: Account | undefined, ability: Ability): boolean {
  return account?.abilities.includes(ability) ?? false;
}

/** Asks what the signed-in account may. The server asks again at each request; this only hides what it would refuse. */
export function useMay(): (ability: Ability) => boolean {
  const { data: account } = useQuery(sessionQuery);
  return (ability) => may(account, ability);
}
