import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { watchQuery } from "../api/queries";
import { notifyFailure } from "../lib/failure";

/** Changes of the watch list; it is asked for anew after each, and so are the hand-overs that it stands in. */
export function useWatch() {
  const { t } = useTranslation();
  const client = useQueryClient();
  return useMutation({
    mutationFn: (call: () => Promise<unknown>) => call(),
    onError: (error) => notifyFailure(t("error.what.change"), error),
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: watchQuery.queryKey }),
        client.invalidateQueries({ queryKey: ["handovers"] }),
      ]),
  });
}
