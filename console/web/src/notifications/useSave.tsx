import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { isAsked, useStepUp } from "../account/useStepUp";
import { ApiFailure, type Security } from "../api/client";
import { notificationSettingsQuery } from "../api/queries";

interface Save<T> {
  run: () => void;
  isPending: boolean;
  done: T | undefined;
  /** What was wrong with it, but for that the server wants to know who sits there. */
  failure: ApiFailure | null;
  dialog: ReactNode;
}

/** Does something with the settings, after asking who sits there when the server wants to know. */
export function useSave<T>(security: Security, call: () => Promise<T>): Save<T> {
  const client = useQueryClient();
  const stepUp = useStepUp(security);
  const change = useMutation({
    mutationFn: call,
    onSuccess: () => client.invalidateQueries({ queryKey: notificationSettingsQuery.queryKey }),
    onError: (error) => {
      if (isAsked(error) || !(error instanceof ApiFailure) || !error.field) {
        stepUp.onError(error, () => change.mutate());
      }
    },
  });
  const { error } = change;
  return {
    run: () => change.mutate(),
    isPending: change.isPending,
    done: change.data,
    failure: error instanceof ApiFailure && error.field ? error : null,
    dialog: stepUp.dialog,
  };
}
