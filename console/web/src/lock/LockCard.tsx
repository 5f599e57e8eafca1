import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import styles from "../account/account.module.css";
import { api, take } from "../api/client";
import { lockQuery } from "../api/queries";
import { notifyFailure } from "../lib/failure";
import { Card } from "../parts/Card";
import { ErrorPanel } from "../parts/ErrorPanel";
import { MinutesControl, NEVER } from "./MinutesControl";

/** After how long one's own sessions lock by themselves. */
export function LockCard() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const lock = useQuery(lockQuery);
  const setting = lock.data?.setting;
  const most = setting?.minutes_max ?? null;
  const choose = useMutation({
    mutationFn: (minutes: number) => take(api.PUT("/api/v1/account/lock", { body: { minutes } })),
    onSettled: () => client.invalidateQueries({ queryKey: lockQuery.queryKey }),
    onError: (error) => notifyFailure(t("error.what.change"), error),
  });
  const isTooLong = (minutes: number) => most !== null && (minutes === NEVER || minutes > most);
  const shown = choose.isPending ? choose.variables : (setting?.after_minutes ?? NEVER);
  return (
    <Card title={t("lock.card")}>
      <div className={styles.body}>
        <p id="lock-after">{t("lock.after")}</p>
        {lock.error ? (
          <ErrorPanel
            what={t("error.what.lock")}
            error={lock.error}
            onRetry={() => void lock.refetch()}
          />
        ) : null}
        {setting ? (
          <MinutesControl
            labelledBy="lock-after"
            value={shown}
            never={t("lock.never")}
            isOff={isTooLong}
            onChange={(minutes) => choose.mutate(minutes)}
          />
        ) : null}
        {most === null ? null : <p className="soft">{t("lock.most", { count: most })}</p>}
        <p className="soft">{t("lock.loss")}</p>
      </div>
    </Card>
  );
}
