import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, take } from "../api/client";
import { noticeRulesQuery, noticesQuery, noticeWaysQuery } from "../api/queries";
import { notifyFailure } from "../lib/failure";

/** Says which notices were read; all without ids. */
export function useRead() {
  const { t } = useTranslation();
  const client = useQueryClient();
  return useMutation({
    mutationFn: (ids?: string[]) =>
      take(api.POST("/api/v1/notices/read", { body: ids ? { ids } : {} })),
    onError: (error) => notifyFailure(t("error.what.change"), error),
    onSuccess: () => client.invalidateQueries({ queryKey: noticesQuery.queryKey }),
  });
}

/** Changes of one's ways, and what is sent on them. */
export function useWayChange() {
  const { t } = useTranslation();
  const client = useQueryClient();
  return useMutation({
    mutationFn: (call: () => Promise<unknown>) => call(),
    onError: (error) => notifyFailure(t("error.what.change"), error),
    onSettled: () => {
      void client.invalidateQueries({ queryKey: noticeWaysQuery.queryKey });
      // A rule may have lost a way.
      void client.invalidateQueries({ queryKey: noticeRulesQuery.queryKey });
    },
  });
}

/** Changes of one's rules. */
export function useRuleChange() {
  const { t } = useTranslation();
  const client = useQueryClient();
  return useMutation({
    mutationFn: (call: () => Promise<unknown>) => call(),
    onError: (error) => notifyFailure(t("error.what.change"), error),
    onSettled: () => client.invalidateQueries({ queryKey: noticeRulesQuery.queryKey }),
  });
}
