/** What an analyst does to alerts; the same calls from the queue and the alert page. */
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { type Alert, api, type Resolution, take } from "../api/client";
import { type AlertPages, changeAlert } from "./pages";

export interface CloseReason {
  resolution: Resolution;
  note: string;
}

export interface BulkOutcome {
  done: string[];
  failed: { id: string; message: string }[];
}

/** The server takes at most this many ids in one bulk request. */
const BULK_IDS_MAX = 500;

export async function acknowledge(ids: readonly string[]): Promise<BulkOutcome> {
  const [only] = ids;
  if (ids.length === 1 && only) {
    await take(
      api.POST("/api/v1/alerts/{id}/acknowledge", { params: { path: { id: only } }, body: {} }),
    );
    return { done: [only], failed: [] };
  }
  return inChunks(ids, (chunk) =>
    take(api.POST("/api/v1/alerts/bulk", { body: { ids: chunk, action: "acknowledge" } })),
  );
}

export async function close(ids: readonly string[], reason: CloseReason): Promise<BulkOutcome> {
  const body = {
    resolution: reason.resolution,
    ...(reason.note.trim() ? { note: reason.note.trim() } : {}),
  };
  const [only] = ids;
  if (ids.length === 1 && only) {
    await take(api.POST("/api/v1/alerts/{id}/close", { params: { path: { id: only } }, body }));
    return { done: [only], failed: [] };
  }
  return inChunks(ids, (chunk) =>
    take(api.POST("/api/v1/alerts/bulk", { body: { ids: chunk, action: "close", ...body } })),
  );
}

export async function reopen(id: string): Promise<void> {
  await take(api.POST("/api/v1/alerts/{id}/reopen", { params: { path: { id } } }));
}

export async function comment(id: string, text: string): Promise<void> {
  await take(
    api.POST("/api/v1/alerts/{id}/comments", { params: { path: { id } }, body: { text } }),
  );
}

async function inChunks(
  ids: readonly string[],
  send: (chunk: string[]) => Promise<{ failed: { id: string; message: string }[] }>,
): Promise<BulkOutcome> {
  const failed: BulkOutcome["failed"] = [];
  for (let start = 0; start < ids.length; start += BULK_IDS_MAX) {
    const result = await send(ids.slice(start, start + BULK_IDS_MAX));
    failed.push(...result.failed);
  }
  const bad = new Set(failed.map((failure) => failure.id));
  return { done: ids.filter((id) => !bad.has(id)), failed };
}

/** Brings every cached view of alerts up to date after a change. */
export function useAlertCache() {
  const client = useQueryClient();
  return {
    change: (ids: readonly string[], edit: (alert: Alert) => Alert) =>
      changeEverywhere(client, ids, edit),
    refresh: (ids: readonly string[]) => {
      for (const id of ids) void client.invalidateQueries({ queryKey: ["alert", id] });
      void client.invalidateQueries({ queryKey: ["alert-counts"] });
    },
    refetchQueue: () => client.invalidateQueries({ queryKey: ["alerts"] }),
  };
}

function changeEverywhere(
  client: QueryClient,
  ids: readonly string[],
  edit: (alert: Alert) => Alert,
): void {
  client.setQueriesData<AlertPages>({ queryKey: ["alerts"] }, (pages) =>
    pages ? ids.reduce((now, id) => changeAlert(now, id, edit), pages) : pages,
  );
}
