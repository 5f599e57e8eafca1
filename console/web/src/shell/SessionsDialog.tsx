import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, take } from "../api/client";
import { sessionsQuery } from "../api/queries";
import { notifyFailure } from "../lib/failure";
import { Dialog } from "../parts/Dialog";
import { ErrorPanel } from "../parts/ErrorPanel";
import { Timestamp } from "../parts/Timestamp";
import styles from "./shell.module.css";

interface SessionsDialogProps {
  opened: boolean;
  onClose: () => void;
}

export function SessionsDialog({ opened, onClose }: SessionsDialogProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const sessions = useQuery({ ...sessionsQuery, enabled: opened });
  const others = sessions.data?.filter((session) => !session.current) ?? [];
  const end = useMutation({
    mutationFn: (ids: readonly string[]) =>
      Promise.all(
        ids.map((id) => take(api.DELETE("/api/v1/sessions/{id}", { params: { path: { id } } }))),
      ),
    onSettled: () => client.invalidateQueries({ queryKey: sessionsQuery.queryKey }),
    onError: (error) => notifyFailure(t("error.what.change"), error),
  });

  return (
    <Dialog opened={opened} onClose={onClose} title={t("sessions.title")} size={760}>
      {sessions.error ? (
        <ErrorPanel
          what={t("error.what.sessions")}
          error={sessions.error}
          onRetry={() => void sessions.refetch()}
        />
      ) : null}
      <table className={styles.sessions}>
        <thead>
          <tr>
            <th>{t("sessions.device")}</th>
            <th>{t("sessions.address")}</th>
            <th>{t("sessions.started")}</th>
            <th>{t("sessions.last_seen")}</th>
            <th>
              <span className="visually-hidden">{t("sessions.end")}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {sessions.data?.map((session) => (
            <tr key={session.id}>
              <td className="clip" title={session.user_agent}>
                {session.user_agent}
                {session.provider ? (
                  <span className="soft"> · {t("openid.by", { name: session.provider })}</span>
                ) : null}
              </td>
              <td className="mono">{session.address}</td>
              <td>
                <Timestamp at={session.created_at} />
              </td>
              <td>
                <Timestamp at={session.last_seen_at} />
              </td>
              <td>
                {session.current ? (
                  <strong>{t("sessions.current")}</strong>
                ) : (
                  <Button
                    size="compact-xs"
                    variant="default"
                    onClick={() => end.mutate([session.id])}
                  >
                    {t("sessions.end")}
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <div className={styles.dialogFoot}>
        {others.length > 0 ? (
          <Button
            loading={end.isPending}
            onClick={() => end.mutate(others.map((session) => session.id))}
          >
            {t("sessions.end_others")}
          </Button>
        ) : (
          <span className="soft">{sessions.data ? t("sessions.only") : ""}</span>
        )}
      </div>
    </Dialog>
  );
}
