import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import { type AccountDetail, api, type Security, take } from "../api/client";
import { accountSessionsQuery } from "../api/queries";
import { Timestamp } from "../parts/Timestamp";
import { useAct } from "./useAct";

/** Where somebody is signed in. */
export function SessionsSection({
  account,
  security,
}: {
  account: AccountDetail;
  security: Security;
}) {
  const { t } = useTranslation();
  const act = useAct(security);
  const { data: sessions } = useQuery(accountSessionsQuery(account.id));
  if (!sessions) return null;
  const end = (session: string) =>
    act.run(() =>
      take(
        api.DELETE("/api/v1/accounts/{id}/sessions/{session}", {
          params: { path: { id: account.id, session } },
        }),
      ),
    );
  return (
    <section className={layout.section}>
      <h3>{t("people.sessions", { count: sessions.length })}</h3>
      <ul className={layout.entries}>
        {sessions.map((session) => (
          <li key={session.id}>
            <span>
              <span className="mono">{session.address}</span> ·{" "}
              <Timestamp at={session.last_seen_at} />
              <br />
              <span className="soft">
                {session.user_agent}
                {session.provider ? ` · ${t("openid.by", { name: session.provider })}` : null}
              </span>
            </span>
            {account.actions.includes("end_sessions") ? (
              <Button
                size="compact-xs"
                variant="default"
                loading={act.isPending}
                onClick={() => end(session.id)}
              >
                {t("people.end")}
              </Button>
            ) : null}
          </li>
        ))}
      </ul>
      {act.dialog}
    </section>
  );
}
