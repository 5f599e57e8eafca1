import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { type QueryKey, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Account, Alert } from "../api/client";
import { sessionQuery } from "../api/queries";
import { notifyFailure } from "../lib/failure";
import { notify } from "../lib/notify";
import * as actions from "./actions";
import { type AlertPages, removeAlerts } from "./pages";

interface TriageOptions {
  queryKey: QueryKey;
  /** The statuses the queue shows; alerts that leave them leave the queue. */
  status: string;
  onDone: (ids: readonly string[]) => void;
}

/** Acknowledging and closing from the queue, one alert or many, with undo. */
export function useTriage({ queryKey, status, onDone }: TriageOptions) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const cache = actions.useAlertCache();
  const [closing, setClosing] = useState<readonly string[]>([]);

  const finish = (outcome: actions.BulkOutcome) => {
    const [first] = outcome.failed;
    if (first) {
      const count = outcome.failed.length;
      const message = t("queue.partly_failed", { count, message: first.message });
      notify({ color: "red", title: t("error.what.change"), message });
    }
    cache.refresh(outcome.done);
  };
  const drop = (ids: readonly string[]) =>
    client.setQueryData<AlertPages>(queryKey, (pages) =>
      pages ? removeAlerts(pages, new Set(ids)) : pages,
    );

  const acknowledging = useMutation({
    mutationFn: (ids: readonly string[]) => actions.acknowledge(ids),
    onSuccess: (outcome) => {
      const me = client.getQueryData<Account>(sessionQuery.queryKey);
      const stays = status.split(",").includes("acknowledged");
      // One alert taken on stays under the cursor; it is about to be worked on.
      if (!stays || outcome.done.length > 1) onDone(outcome.done);
      if (stays) cache.change(outcome.done, (alert) => acknowledgedBy(alert, me));
      else drop(outcome.done);
      finish(outcome);
      if (outcome.done.length > 1) {
        const message = t("queue.done_acknowledged", { count: outcome.done.length });
        notify({ message });
      }
    },
    onError: (error) => notifyFailure(t("error.what.change"), error),
  });

  const undo = useMutation({
    mutationFn: (ids: readonly string[]) => Promise.all(ids.map(actions.reopen)),
    onSettled: () => {
      cache.refresh([]);
      void cache.refetchQueue();
    },
    onError: (error) => notifyFailure(t("error.what.change"), error),
  });

  const closingNow = useMutation({
    mutationFn: (reason: actions.CloseReason) => actions.close(closing, reason),
    onSuccess: (outcome, reason) => {
      setClosing([]);
      onDone(outcome.done);
      if (status.split(",").includes("closed")) {
        cache.change(outcome.done, (alert) => ({
          ...alert,
          status: "closed",
          resolution: reason.resolution,
        }));
      } else {
        drop(outcome.done);
      }
      finish(outcome);
      if (outcome.done.length > 0) showUndo(outcome.done);
    },
    onError: (error) => notifyFailure(t("error.what.change"), error),
  });

  const showUndo = (ids: readonly string[]) => {
    const id = `closed-${ids[0]}`;
    notify({
      id,
      message: (
        <span style={{ display: "flex", alignItems: "center", gap: 12 }}>
          {t("queue.done_closed", { count: ids.length })}
          <Button
            size="compact-xs"
            variant="default"
            onClick={() => {
              notifications.hide(id);
              undo.mutate(ids);
            }}
          >
            {t("common.undo")}
          </Button>
        </span>
      ),
    });
  };

  return {
    closing,
    busy: closingNow.isPending,
    acknowledge: (ids: readonly string[]) => {
      if (ids.length > 0 && !acknowledging.isPending) acknowledging.mutate(ids);
    },
    askClose: (ids: readonly string[]) => setClosing(ids),
    cancelClose: () => setClosing([]),
    close: (reason: actions.CloseReason) => closingNow.mutate(reason),
  };
}

function acknowledgedBy(alert: Alert, me: Account | undefined): Alert {
  if (alert.status === "closed") return alert;
  return {
    ...alert,
    status: "acknowledged",
    assignee: me ? { id: me.id, display_name: me.display_name } : alert.assignee,
  };
}
