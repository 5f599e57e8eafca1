import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { isAsked, useStepUp } from "../account/useStepUp";
import { ApiFailure, type OrganisationDetail, type Security } from "../api/client";

interface Change {
  run: () => void;
  isPending: boolean;
  /** What was wrong with it, but for that the server wants to know who sits there. */
  failure: ApiFailure | null;
  dialog: ReactNode;
}

/** A change of organisations by a form that shows what is wrong with it. */
export function useChange(
  security: Security,
  call: () => Promise<OrganisationDetail>,
  onDone: (organisation: OrganisationDetail) => void,
): Change {
  const client = useQueryClient();
  const stepUp = useStepUp(security);
  // What there is, who belongs where, and what one may, can all be another.
  const renew = () => {
    for (const key of ["organisations", "accounts", "session", "health"]) {
      void client.invalidateQueries({ queryKey: [key] });
    }
  };
  const change = useMutation({
    mutationFn: call,
    onSuccess: (organisation) => {
      renew();
      onDone(organisation);
    },
    onError: (error) => {
      if (isAsked(error)) stepUp.onError(error, () => change.mutate());
      else if (error instanceof ApiFailure && error.status === 409) renew();
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
