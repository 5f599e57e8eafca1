import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { healthQuery } from "../api/queries";
import { formatDuration } from "../lib/time";
import { ErrorPanel } from "../parts/ErrorPanel";
import styles from "./health.module.css";
import { PartTable } from "./PartTable";
import { SensorTable } from "./SensorTable";
import { UnknownTable } from "./UnknownTable";

/** From here on it is worth saying that alerts come late, in seconds. */
const BEHIND_S = 10;

export function HealthPage() {
  const { t } = useTranslation();
  const health = useQuery(healthQuery);
  const behind = health.data?.alerts_behind_s ?? 0;
  return (
    <main id="main" className={styles.page}>
      <h1>{t("health.title")}</h1>
      {health.error ? (
        <ErrorPanel
          what={t("error.what.health")}
          error={health.error}
          onRetry={() => void health.refetch()}
        />
      ) : null}
      {behind >= BEHIND_S ? (
        <p role="status" className={styles.behind}>
          {t("health.alerts_behind", { duration: formatDuration(behind * 1e6) })}
        </p>
      ) : null}
      {health.data ? (
        <>
          <PartTable parts={health.data.parts} />
          <SensorTable sensors={health.data.sensors} />
          <UnknownTable organisations={health.data.unknown_organisations} />
        </>
      ) : null}
    </main>
  );
}
