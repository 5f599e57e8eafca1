import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { Overview } from "../api/client";
import { STATUSES } from "../api/client";
import { formatAxis, formatDuration } from "../lib/time";
import { useOrganisations } from "../organisations/useOrganisations";
import { BarCard } from "./BarCard";
import { Figures } from "./Figures";
import { Matrix } from "./Matrix";
import styles from "./overview.module.css";
import {
  ageRows,
  BY_SEVERITY,
  BY_STATUS,
  isSeverity,
  organisationRows,
  severityRows,
  timeRows,
} from "./rows";
import { SensorCard } from "./SensorCard";

/** All of the overview; on the wall larger, and without anything to click. */
export function Boards({ overview, wall }: { overview: Overview; wall: boolean }) {
  const { t } = useTranslation();
  const { name: organisationName } = useOrganisations();
  const rows = useMemo(
    () => ({
      time: timeRows(overview),
      severity: severityRows(overview),
      age: ageRows(overview),
      organisation: organisationRows(overview),
    }),
    [overview],
  );
  const severity = (key: string) => (isSeverity(key) ? t(`severity.${key}`) : key);
  const status = (key: string) => {
    const known = STATUSES.find((each) => each === key);
    return known ? t(`status.${known}`) : key;
  };
  const spanMs = Date.parse(overview.to) - Date.parse(overview.from);
  const ends = new Map(overview.waiting.ages.map((band) => [String(band.from_s), band.to_s]));
  const age = (key: string) => {
    const to = ends.get(key);
    return typeof to === "number"
      ? t("overview.younger", { age: formatDuration(to * 1e6) })
      : t("overview.older", { age: formatDuration(Number(key) * 1e6) });
  };
  return (
    <div className={styles.boards} data-wall={wall}>
      <Figures overview={overview} wall={wall} />
      <BarCard
        title={t("overview.over_time")}
        rows={rows.time}
        series={BY_SEVERITY}
        nameOf={(start) => formatAxis(start, spanMs)}
        seriesName={severity}
        wall={wall}
        className={styles.wide}
        aside={
          <span className="soft">
            {t("search.per_bucket", { width: formatDuration(overview.bucket_us) })}
          </span>
        }
      />
      <BarCard
        title={t("overview.severity")}
        rows={rows.severity}
        series={BY_STATUS}
        nameOf={severity}
        seriesName={status}
        lying
        wall={wall}
      />
      <BarCard
        title={t("overview.age")}
        rows={rows.age}
        series={BY_SEVERITY}
        nameOf={age}
        seriesName={severity}
        lying
        wall={wall}
      />
      <Matrix overview={overview} wall={wall} />
      <BarCard
        title={t("overview.organisation")}
        rows={rows.organisation}
        series={BY_STATUS}
        nameOf={organisationName}
        seriesName={status}
        lying
        wall={wall}
        aside={
          overview.organisations_total > rows.organisation.length ? (
            <span className="soft">
              {t("overview.of_organisations", { count: overview.organisations_total })}
            </span>
          ) : null
        }
      />
      <SensorCard overview={overview} wall={wall} />
    </div>
  );
}
