import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { STATUSES, type Thing } from "../api/client";
import { alertsAboutQuery } from "../api/queries";
import { ruleTitle } from "../lib/rule";
import { Card } from "../parts/Card";
import { ErrorPanel } from "../parts/ErrorPanel";
import { Severity } from "../parts/Severity";
import { StatusTag } from "../parts/StatusTag";
import { Timestamp } from "../parts/Timestamp";
import type { QueueSearch } from "../queue/filter";
import styles from "./entity.module.css";

/** The alerts about it, the latest first, whenever they were; what has no field of its own among alerts is looked for in their text. */
export function AlertsCard({ thing }: { thing: Thing }) {
  const { t, i18n } = useTranslation();
  const search = aboutOf(thing);
  const alerts = useQuery(alertsAboutQuery(search));
  const total = alerts.data?.total ?? 0;
  return (
    <Card
      title={alerts.data ? `${t("entity.alerts")} (${total})` : t("entity.alerts")}
      aside={
        total > 0 ? (
          <Link to="/alerts" search={search}>
            {t("entity.all_alerts")}
          </Link>
        ) : null
      }
    >
      {alerts.error ? (
        <ErrorPanel
          what={t("error.what.alerts")}
          error={alerts.error}
          onRetry={() => void alerts.refetch()}
        />
      ) : null}
      {alerts.data && total === 0 ? <p className={styles.none}>{t("entity.alerts_none")}</p> : null}
      {total > 0 ? (
        <table className={styles.table} aria-label={t("entity.alerts")}>
          <tbody>
            {alerts.data?.items.map((alert) => (
              <tr key={alert.id}>
                <td>
                  <Severity level={alert.severity} />
                </td>
                <td>
                  <Timestamp at={alert.detected_at} />
                </td>
                <td className={styles.title}>
                  <Link to="/alerts/$id" params={{ id: alert.id }} title={alert.summary}>
                    {ruleTitle(alert, i18n.language)}
                  </Link>
                </td>
                <td>
                  <StatusTag status={alert.status} verdict={alert.verdict} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
    </Card>
  );
}

function aboutOf({ kind, value }: Thing): QueueSearch {
  const status = STATUSES.join(",");
  if (kind === "address") return { address: value, status };
  if (kind === "sensor") return { sensor: value, status };
  return { q: value, status };
}
