import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { ApiFailure } from "../api/client";
import { handoverQuery } from "../api/queries";
import { notifyFailure } from "../lib/failure";

/** Changes of hand-overs: what the pages show is asked for anew after each, also when another lead was faster. */
export function useHandoverChange(id?: string) {
  const { t } = useTranslation();
  const client = useQueryClient();
  return useMutation({
    mutationFn: (call: () => Promise<unknown>) => call(),
    onError: (error) => {
      notifyFailure(t("error.what.change"), error);
      if (id && error instanceof ApiFailure && error.status === 409)
        void client.invalidateQueries({ queryKey: handoverQuery(id).queryKey });
    },
    onSuccess: () => client.invalidateQueries({ queryKey: ["handovers"] }),
  });
}
