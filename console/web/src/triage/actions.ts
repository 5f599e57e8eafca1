/** What an analyst does to alerts; the same call for one, for many and for all that match. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type Account, type Alert, api, type Reason, take, type Verdict } from "../api/client";
import { type AlertQuery, sessionQuery } from "../api/queries";
import type { components } from "../api/schema";
import { matchesQuery } from "../queue/filter";
import { type AlertPages, changeAlert, removeAlerts, rowsOf } from "../queue/pages";

/** Alerts that are named, or all that match and had come when the page was looked at. */
export type Target = { ids: readonly string[] } | { filter: AlertQuery; seenAt: string };

export type Deed =
  | { action: "acknowledge"; note?: string; take_over?: boolean }
  | { action: "assign"; assignee: { id: string; display_name: string } | null; note?: string }
  | { action: "close"; verdict: Verdict; reason: Reason | null; note?: string }
  | { action: "reopen" }
  | { action: "snooze"; until: string; note?: string }
  | { action: "wake" }
  | { action: "tag"; add: string[]; remove: string[] };

export interface Outcome {
  updated: number;
  /** By what it can be undone. */
  operations: string[];
  failed: { id: string; message: string }[];
}

/** The server takes at most this many ids in one request. */
const BULK_IDS_MAX = 2_000;

export async function work(target: Target, deed: Deed): Promise<Outcome> {
  const body = bodyOf(deed);
  if ("filter" in target) {
    const { sort: _, ...filter } = target.filter;
    return outcomeOf([await send({ filter, seen_at: target.seenAt, ...body })]);
  }
  const answers = [];
  for (let start = 0; start < target.ids.length; start += BULK_IDS_MAX) {
    answers.push(await send({ ids: target.ids.slice(start, start + BULK_IDS_MAX), ...body }));
  }
  return outcomeOf(answers);
}

type Body = components["schemas"]["BulkRequest"];

const send = (body: Body) => take(api.POST("/api/v1/alerts/bulk", { body }));

function outcomeOf(answers: readonly Awaited<ReturnType<typeof send>>[]): Outcome {
  return {
    updated: answers.reduce((sum, answer) => sum + answer.updated, 0),
    operations: answers.flatMap((answer) => answer.operation ?? []),
    failed: answers.flatMap((answer) => answer.failed),
  };
}

function bodyOf(deed: Deed): Omit<Body, "ids" | "filter"> {
  const { note, ...rest } = { note: "", ...deed };
  const kept = note.trim() ? { note: note.trim() } : {};
  if (rest.action !== "assign") return { ...rest, ...kept };
  const { assignee, ...assign } = rest;
  return { ...assign, ...kept, ...(assignee ? { assignee: assignee.id } : {}) };
}

/** Takes back what one did; how many alerts are as they were, and how many somebody has changed since. */
export async function undo(
  operations: readonly string[],
): Promise<{ restored: number; left: number }> {
  const sum = { restored: 0, left: 0 };
  for (const id of [...operations].reverse()) {
    const answer = await take(
      api.POST("/api/v1/operations/{id}/undo", { params: { path: { id } } }),
    );
    sum.restored += answer.restored;
    sum.left += answer.left;
  }
  return sum;
}

export async function comment(id: string, text: string): Promise<void> {
  await take(
    api.POST("/api/v1/alerts/{id}/comments", { params: { path: { id } }, body: { text } }),
  );
}

/** An alert after the deed, as the server will tell it. */
export function afterDeed(alert: Alert, deed: Deed, me: Account | undefined): Alert {
  const mine = me ? { id: me.id, display_name: me.display_name } : null;
  switch (deed.action) {
    case "acknowledge":
      return { ...alert, status: "acknowledged", assignee: mine ?? alert.assignee };
    case "assign":
      return { ...alert, status: deed.assignee ? alert.status : "open", assignee: deed.assignee };
    case "close":
      return {
        ...alert,
        status: "closed",
        assignee: alert.assignee ?? mine,
        verdict: deed.verdict,
        reason: deed.reason,
        snoozed_until: null,
      };
    case "reopen":
      return { ...alert, status: "open", assignee: null, verdict: null, reason: null };
    case "snooze":
      return { ...alert, snoozed_until: deed.until };
    case "wake":
      return { ...alert, snoozed_until: null };
    case "tag": {
      const kept = [...alert.tags, ...deed.add].filter((tag) => !deed.remove.includes(tag));
      return { ...alert, tags: [...new Set(kept)].sort() };
    }
  }
}

interface WorkOptions {
  onDone?: (outcome: Outcome, target: Target, deed: Deed) => void;
  onError: (error: unknown) => void;
}

/** Work on alerts, with every cached view of them brought up to date. */
export function useWork({ onDone, onError }: WorkOptions) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ target, deed }: { target: Target; deed: Deed }) => work(target, deed),
    onSuccess: (outcome, { target, deed }) => {
      if ("ids" in target) {
        const failed = new Set(outcome.failed.map((failure) => failure.id));
        const done = target.ids.filter((id) => !failed.has(id));
        const me = client.getQueryData<Account>(sessionQuery.queryKey);
        for (const [key, pages] of client.getQueriesData<AlertPages>({ queryKey: ["alerts"] })) {
          if (!pages) continue;
          const query = key[1] as AlertQuery;
          client.setQueryData(
            key,
            afterAll(pages, done, query, (alert) => afterDeed(alert, deed, me), me),
          );
        }
        // A list that is on its way may have been read before the deed: it is asked for anew.
        void client.invalidateQueries({
          queryKey: ["alerts"],
          predicate: (query) => query.state.fetchStatus === "fetching",
        });
        for (const id of done) void client.invalidateQueries({ queryKey: ["alert", id] });
      } else {
        void client.invalidateQueries({ queryKey: ["alerts"] });
        void client.invalidateQueries({ queryKey: ["alert"] });
      }
      refreshSums(client);
      onDone?.(outcome, target, deed);
    },
    onError,
  });
}

/** What is counted over alerts. */
function refreshSums(client: ReturnType<typeof useQueryClient>): void {
  for (const name of ["alert-counts", "alert-groups", "alert-tags"]) {
    void client.invalidateQueries({ queryKey: [name] });
  }
}

function afterAll(
  pages: AlertPages,
  ids: readonly string[],
  query: AlertQuery,
  edit: (alert: Alert) => Alert,
  me: Account | undefined,
): AlertPages {
  const changed = ids.reduce((now, id) => changeAlert(now, id, edit), pages);
  const wanted = new Set(ids);
  const gone = rowsOf(changed)
    .filter((row) => wanted.has(row.id) && !matchesQuery(row, query, me?.id, Date.now()))
    .map((row) => row.id);
  return removeAlerts(changed, new Set(gone));
}

/** Taking back, with every view of alerts asked for anew. */
export function useUndo(
  onDone: (sum: { restored: number; left: number }) => void,
  onError: (error: unknown) => void,
) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: undo,
    onSuccess: onDone,
    onError,
    onSettled: () => {
      void client.invalidateQueries({ queryKey: ["alerts"] });
      void client.invalidateQueries({ queryKey: ["alert"] });
      refreshSums(client);
    },
  });
}
