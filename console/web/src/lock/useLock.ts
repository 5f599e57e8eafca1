import { useQuery } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { useEffect } from "react";
import { lockQuery } from "../api/queries";
import { type LockedBy, toLock } from "./lock";
import { watchPresence } from "./presence";
import { listenToTabs } from "./tabs";

const MINUTE_MS = 60_000;

/** Locks the session. */
export function useLock(): (by: LockedBy) => void {
  const router = useRouter();
  return (by) => toLock(router, by);
}

/** Locks the session by itself, when nobody has touched a page of it for as long as was chosen. */
export function useAutoLock(): void {
  const router = useRouter();
  const setting = useQuery(lockQuery).data?.setting;
  const minutes = setting?.after_minutes;
  const entered = setting?.entered_at;
  useEffect(() => {
    if (!minutes || entered === undefined) return;
    return watchPresence(entered, minutes * MINUTE_MS, () => toLock(router, "itself"));
  }, [minutes, entered, router]);
}

/** Goes along with what is done in another tab. */
export function useTabsLock(): void {
  const router = useRouter();
  useEffect(
    () =>
      listenToTabs((news) => {
        if (news === "locked") toLock(router);
      }),
    [router],
  );
}
