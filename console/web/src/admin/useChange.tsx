import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { isAsked, useStepUp } from "../account/useStepUp";
import { ApiFailure, type Security } from "../api/client";

export interface Change {
  run: () => void;
  isPending: boolean;
  /** What was wrong with it, but for that the server wants to know who sits there. */
  failure: ApiFailure | null;
  /** Asks who sits there. */
  dialog: ReactNode;
}

interface Wanted<Made> {
  call: () => Promise<Made>;
  onDone: (made: Made) => void;
  onFailure?: (failure: ApiFailure) => void;
}

/** A change by a form that shows what is wrong with it. */
export function useChange<Made>(security: Security, wanted: Wanted<Made>): Change {
  const stepUp = useStepUp(security);
  const change = useMutation({
    mutationFn: wanted.call,
    onSuccess: wanted.onDone,
    onError: (error) => {
      if (isAsked(error)) stepUp.onError(error, () => change.mutate());
      else if (error instanceof ApiFailure) wanted.onFailure?.(error);
    },
  });
  const { error } = change;
  return {
    run: () => change.mutate(),
    isPending: change.isPending,
    failure: error instanceof ApiFailure && !isAsked(error) ? error : null,
    dialog: stepUp.dialog,
  };
}
