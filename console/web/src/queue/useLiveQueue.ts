import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import type { Alert } from "../api/client";
import { type AlertQuery, alertsQuery } from "../api/queries";
import { matchesQuery, withChange } from "./filter";
import {
  type AlertPages,
  changeAlert,
  LIVE_ROWS_MAX,
  mergeAlerts,
  rowsOf,
  standingOf,
} from "./pages";
import { type StreamState, useAlertStream } from "./stream";

/** How long a row that came live stays highlighted. */
const FRESH_MS = 5_000;
/** Counts are asked for at most this often while the stream flows. */
const COUNTS_EVERY_MS = 1_500;
/** So is the queue itself, when it cannot be said what of the stream it has already. */
const ROWS_EVERY_MS = 300;

interface LiveQueue {
  stream: StreamState;
  fresh: ReadonlySet<string>;
  waiting: number;
  showWaiting: () => void;
}

/**
 * Lays the live stream over the cached queue. While `held` (paused or scrolled
 * down) new rows wait; changes to rows already shown are always laid on.
 */
export function useLiveQueue(query: AlertQuery, held: boolean, me: string | undefined): LiveQueue {
  const client = useQueryClient();
  const [waiting, setWaiting] = useState<Alert[]>([]);
  const [fresh, setFresh] = useState<ReadonlySet<string>>(new Set());
  const { queryKey } = alertsQuery(query);
  const key = JSON.stringify(queryKey);
  const refreshCounts = useThrottled(() => {
    void client.invalidateQueries({ queryKey: ["alert-counts"] });
  }, COUNTS_EVERY_MS);

  const askAnew = useThrottled(() => void client.invalidateQueries({ queryKey }), ROWS_EVERY_MS);

  // Another filter is another queue: nothing waits for it yet.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for the filter
  useEffect(() => setWaiting((now) => (now.length === 0 ? now : [])), [key]);

  const show = useCallback(
    (alerts: readonly Alert[]) => {
      const pages = client.getQueryData<AlertPages>(queryKey);
      if (!pages || (pages.pages[0]?.items.length ?? 0) > LIVE_ROWS_MAX) return askAnew();
      const known = new Set(rowsOf(pages).map((row) => row.id));
      const standing = (alert: Alert) => (known.has(alert.id) ? "shown" : standingOf(alert, pages));
      if (alerts.some((alert) => standing(alert) === "unsure")) askAnew();
      const sure = alerts.filter((alert) => ["shown", "new"].includes(standing(alert)));
      client.setQueryData<AlertPages>(queryKey, mergeAlerts(pages, sure));
      const ids = alerts
        .filter((alert) => ["new", "unsure"].includes(standing(alert)))
        .map((alert) => alert.id);
      if (ids.length === 0) return;
      setFresh((now) => new Set([...now, ...ids]));
      setTimeout(() => setFresh((now) => without(now, ids)), FRESH_MS);
    },
    [client, queryKey, askAnew],
  );

  const stream = useAlertStream({
    onAlerts: (alerts) => {
      refreshCounts();
      const wanted = alerts.filter((alert) => matchesQuery(alert, query, me, Date.now()));
      const pages = client.getQueryData<AlertPages>(queryKey);
      const known = new Set(rowsOf(pages).map((r) => r.id));
      const changes = held ? wanted.filter((alert) => known.has(alert.id)) : wanted;
      if (changes.length > 0) show(changes);
      if (!held) return;
      const isToCome = (alert: Alert) =>
        !known.has(alert.id) && !(pages && standingOf(alert, pages) === "counted");
      setWaiting((now) => latestOf(now, wanted.filter(isToCome)));
    },
    onStatus: (change) => {
      refreshCounts();
      client.setQueriesData<AlertPages>({ queryKey: ["alerts"] }, (pages) =>
        pages ? changeAlert(pages, change.id, (alert) => withChange(alert, change)) : pages,
      );
    },
    onReopened: () => {
      void client.invalidateQueries({ queryKey: ["alerts"] });
      refreshCounts();
    },
  });

  const showWaiting = useCallback(() => {
    // An empty list in place of an empty list would be drawn, and call this again, for ever.
    if (waiting.length === 0) return;
    show(waiting);
    setWaiting([]);
  }, [show, waiting]);

  useEffect(() => {
    if (!held) showWaiting();
  }, [held, showWaiting]);

  return { stream, fresh, waiting: waiting.length, showWaiting };
}

function latestOf(now: Alert[], incoming: readonly Alert[]): Alert[] {
  if (incoming.length === 0) return now;
  const byId = new Map(now.map((alert) => [alert.id, alert]));
  for (const alert of incoming) byId.set(alert.id, alert);
  return [...byId.values()].slice(-LIVE_ROWS_MAX);
}

function without(ids: ReadonlySet<string>, gone: readonly string[]): ReadonlySet<string> {
  const kept = new Set(ids);
  for (const id of gone) kept.delete(id);
  return kept;
}

function useThrottled(action: () => void, everyMs: number): () => void {
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const current = useRef(action);
  current.current = action;
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(() => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      current.current();
    }, everyMs);
  }, [everyMs]);
}
