import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { notifyFailure } from "../lib/failure";
import { notify } from "../lib/notify";
import * as actions from "../queue/actions";

export type AlertActions = ReturnType<typeof useAlertActions>;

/** What can be done to one alert, from its page. */
export function useAlertActions(id: string) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [closing, setClosing] = useState(false);

  const onSettled = () => {
    void client.invalidateQueries({ queryKey: ["alert", id] });
    void client.invalidateQueries({ queryKey: ["alerts"] });
    void client.invalidateQueries({ queryKey: ["alert-counts"] });
  };
  const onError = (error: unknown) => notifyFailure(t("error.what.change"), error);

  const acknowledge = useMutation({
    mutationFn: () => actions.acknowledge([id]),
    onSettled,
    onError,
  });
  const reopen = useMutation({ mutationFn: () => actions.reopen(id), onSettled, onError });
  const close = useMutation({
    mutationFn: (reason: actions.CloseReason) => actions.close([id], reason),
    onSuccess: () => {
      setClosing(false);
      notify({ message: t("queue.done_closed", { count: 1 }) });
    },
    onSettled,
    onError,
  });

  return {
    closing,
    busy: acknowledge.isPending || reopen.isPending || close.isPending,
    acknowledge: () => acknowledge.mutate(),
    reopen: () => reopen.mutate(),
    askClose: () => setClosing(true),
    cancelClose: () => setClosing(false),
    close: (reason: actions.CloseReason) => close.mutate(reason),
  };
}
