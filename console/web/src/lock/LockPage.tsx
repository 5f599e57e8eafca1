import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useRouter } from "@tanstack/react-router";
import { useEffect, useLayoutEffect } from "react";
import { useTranslation } from "react-i18next";
import { ApiFailure, api, take } from "../api/client";
import { heldLockQuery } from "../api/queries";
import { switchLanguage } from "../i18n";
import { notifyFailure } from "../lib/failure";
import { safeReturn } from "../lib/search-params";
import { ErrorPanel } from "../parts/ErrorPanel";
import { Gate } from "../session/Gate";
import styles from "../session/session.module.css";
import { leadBack, lockAsked, lockTold } from "./lock";
import { listenToTabs, tellTabs } from "./tabs";
import { UnlockForm } from "./UnlockForm";

const route = getRouteApi("/lock");

/** Has the server lock the session, where that was asked for. */
async function shut(): Promise<void> {
  const by = lockAsked();
  if (by === null) return;
  try {
    await take(api.POST("/api/v1/session/lock", { body: { by_itself: by === "itself" } }));
  } catch (error) {
    // What has ended needs no lock.
    if (error instanceof ApiFailure && error.status === 401) lockTold();
    throw error;
  }
  lockTold();
  tellTabs("locked");
}

/** Stands in the place of every page while the session is locked: says whose it is, and asks who is there. */
export function LockPage() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const router = useRouter();
  const search = route.useSearch();
  const back = safeReturn(search.return);
  const lock = useQuery(heldLockQuery(shut));
  const { data, error } = lock;

  useForgetting();
  useTitle(t("lock.title"));
  useEffect(() => {
    if (data) switchLanguage(data.language);
  }, [data]);
  useEffect(() => {
    if (data && !data.is_locked) leadBack(router.history, back);
  }, [data, router, back]);
  useEffect(
    () =>
      listenToTabs((news) => {
        if (news === "unlocked") void client.refetchQueries({ queryKey: ["lock", "held"] });
      }),
    [client],
  );
  const leave = useMutation({
    mutationFn: () => take(api.DELETE("/api/v1/session")),
    onSuccess: () => void router.navigate({ to: "/sign-in" }).then(() => client.clear()),
    onError: (failure) => notifyFailure(t("error.what.change"), failure),
  });
  const onUnlocked = () => {
    tellTabs("unlocked");
    void client.refetchQueries({ queryKey: ["lock", "held"] });
  };

  return (
    <Gate title={t("lock.title")}>
      {data?.is_locked ? (
        <>
          <p>{t("lock.whose", { name: data.display_name, user: data.user_name })}</p>
          <UnlockForm lock={data} outcome={search} back={back} onUnlocked={onUnlocked} />
          <div className={styles.fields}>
            <Button
              variant="subtle"
              size="sm"
              loading={leave.isPending}
              onClick={() => leave.mutate()}
            >
              {t("lock.leave")}
            </Button>
          </div>
        </>
      ) : (
        <p role="status" className="soft">
          {t("lock.locking")}
        </p>
      )}
      {error && !data ? (
        <ErrorPanel what={t("error.what.lock")} error={error} onRetry={() => void lock.refetch()} />
      ) : null}
    </Gate>
  );
}

/** What other pages have asked for is forgotten, and what they told in the corner is gone. */
function useForgetting(): void {
  const client = useQueryClient();
  useLayoutEffect(() => {
    client.removeQueries({ predicate: ({ queryKey }) => queryKey[1] !== "held" });
    client.getMutationCache().clear();
    notifications.clean();
  }, [client]);
}

function useTitle(title: string): void {
  const { t } = useTranslation();
  const name = t("app.name");
  useEffect(() => {
    const before = document.title;
    document.title = `${title} – ${name}`;
    return () => {
      document.title = before;
    };
  }, [title, name]);
}
