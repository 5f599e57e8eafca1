import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useStepUp } from "../account/useStepUp";
import type { Security } from "../api/client";

interface Act {
  /** Does it, after asking who sits there when the server wants to know. */
  run: (call: () => Promise<unknown>) => void;
  isPending: boolean;
  dialog: ReactNode;
}

/** Changes of people, or of what `shown` names: what their pages show is asked for anew after each. */
export function useAct(security: Security, shown = "accounts"): Act {
  const client = useQueryClient();
  const stepUp = useStepUp(security);
  const change = useMutation({
    mutationFn: (call: () => Promise<unknown>) => call(),
    onError: (error, call) => stepUp.onError(error, () => change.mutate(call)),
    onSettled: () => client.invalidateQueries({ queryKey: [shown] }),
  });
  return { run: change.mutate, isPending: change.isPending, dialog: stepUp.dialog };
}
