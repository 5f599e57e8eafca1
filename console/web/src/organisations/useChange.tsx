import { useQueryClient } from "@tanstack/react-query";
import { type Change, useChange as useAnyChange } from "../admin/useChange";
import type { OrganisationDetail, Security } from "../api/client";

/** A change of organisations by a form that shows what is wrong with it. */
export function useChange(
  security: Security,
  call: () => Promise<OrganisationDetail>,
  onDone: (organisation: OrganisationDetail) => void,
): Change {
  const client = useQueryClient();
  // What there is, who belongs where, and what one may, can all be another.
  const renew = () => {
    for (const key of ["organisations", "accounts", "session", "health"]) {
      void client.invalidateQueries({ queryKey: [key] });
    }
  };
  return useAnyChange(security, {
    call,
    onDone: (organisation) => {
      renew();
      onDone(organisation);
    },
    onFailure: (failure) => {
      if (failure.status === 409) renew();
    },
  });
}
