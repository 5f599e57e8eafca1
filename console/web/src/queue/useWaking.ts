import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

/** Timers hold no more than 24 days; looking once an hour is enough. */
const WAIT_MAX_MS = 3_600_000;

/** Asks for the queue anew when the next alert that was set aside comes back. */
export function useWaking(wakesAt: string | null | undefined): void {
  const client = useQueryClient();
  useEffect(() => {
    if (!wakesAt) return;
    const wait = Math.max(0, Date.parse(wakesAt) - Date.now()) + 1_000;
    const timer = setTimeout(
      () => {
        for (const name of ["alerts", "alert-groups", "alert-counts"]) {
          void client.invalidateQueries({ queryKey: [name] });
        }
      },
      Math.min(wait, WAIT_MAX_MS),
    );
    return () => clearTimeout(timer);
  }, [client, wakesAt]);
}
