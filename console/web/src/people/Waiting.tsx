import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import { api, type Security, take } from "../api/client";
import { waitingQuery } from "../api/queries";
import { nameOf } from "../lib/organisation";
import styles from "./people.module.css";
import { useAct } from "./useAct";

/** Roles that count once a second person has agreed. */
export function Waiting({ security }: { security: Security }) {
  const { t, i18n } = useTranslation();
  const act = useAct(security);
  const { data } = useQuery(waitingQuery);
  if (!data || data.items.length === 0) return null;
  return (
    <section className={styles.waiting} aria-label={t("people.waiting")}>
      <h3>{t("people.waiting_count", { count: data.items.length })}</h3>
      <ul className={layout.entries}>
        {data.items.map((one) => {
          const params = { path: { id: one.person.id, membership: one.id } };
          return (
            <li key={one.id}>
              <span>
                {t("people.waits", {
                  name: one.person.display_name,
                  role: t(`role.${one.role}`),
                  organisation: nameOf(one.organisation, i18n.language),
                  by: one.granted_by?.display_name ?? t("people.console"),
                })}
              </span>
              {one.actions.includes("approve") ? (
                <Button
                  size="compact-xs"
                  loading={act.isPending}
                  onClick={() =>
                    act.run(() =>
                      take(
                        api.POST("/api/v1/accounts/{id}/memberships/{membership}/approve", {
                          params,
                        }),
                      ),
                    )
                  }
                >
                  {t("people.approve")}
                </Button>
              ) : (
                <span className="soft">{t("people.needs_another")}</span>
              )}
            </li>
          );
        })}
      </ul>
      {act.dialog}
    </section>
  );
}
