import { useTranslation } from "react-i18next";
import type { SensorHealth } from "../api/client";
import { formatCount } from "../lib/number";
import { OrganisationName } from "../organisations/OrganisationName";
import { Card } from "../parts/Card";
import { EmptyState } from "../parts/EmptyState";
import { Timestamp } from "../parts/Timestamp";
import styles from "./health.module.css";
import { Remarks } from "./Remarks";
import { StateTag } from "./StateTag";

export function SensorTable({ sensors }: { sensors: SensorHealth[] }) {
  const { t, i18n } = useTranslation();
  const number = (value: number) => formatCount(value, i18n.language);
  if (sensors.length === 0) {
    return (
      <Card title={t("health.sensors")}>
        <EmptyState title={t("health.no_sensors_title")} hint={t("health.no_sensors_hint")} />
      </Card>
    );
  }
  return (
    <Card title={t("health.sensors")}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th>{t("health.sensor")}</th>
            <th>{t("health.state")}</th>
            <th>{t("health.remarks")}</th>
            <th>{t("health.heard")}</th>
            <th>{t("health.last_seen")}</th>
            <th data-number="true">{t("health.received")}</th>
            <th data-number="true">{t("health.processed")}</th>
            <th data-number="true">{t("health.dropped")}</th>
            <th data-number="true">{t("health.drop_rate")}</th>
            <th>{t("health.reasons")}</th>
            <th data-number="true">{t("health.events")}</th>
            <th>{t("health.counters")}</th>
          </tr>
        </thead>
        <tbody>
          {sensors.map((sensor) => {
            const reasons = Object.entries(sensor.packets_dropped).filter(([, count]) => count > 0);
            const dropped = reasons.reduce((sum, [, count]) => sum + count, 0);
            return (
              <tr key={`${sensor.tenant}/${sensor.sensor}`}>
                <td>
                  <strong>{sensor.sensor}</strong>{" "}
                  {sensor.tenant ? (
                    <OrganisationName code={sensor.tenant} className="soft" />
                  ) : null}
                </td>
                <td>
                  <StateTag state={sensor.state} />
                </td>
                <td className={styles.remarks}>
                  <Remarks remarks={sensor.remarks} />
                </td>
                <td>
                  <Timestamp at={sensor.heard} />
                </td>
                <td>
                  <Timestamp at={sensor.last_seen} />
                </td>
                <td data-number="true">{number(sensor.packets_received)}</td>
                <td data-number="true">{number(sensor.packets_processed)}</td>
                <td data-number="true" data-bad={dropped > 0}>
                  {number(dropped)}
                </td>
                <td data-number="true" data-bad={dropped > 0}>
                  {rate(dropped, sensor.packets_received)}
                </td>
                <td className={styles.reasons}>{list(reasons, number)}</td>
                <td data-number="true">{number(sensor.events)}</td>
                <td className={styles.reasons}>
                  <Counters counters={sensor.counters} number={number} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Card>
  );
}

interface CountersProps {
  counters: SensorHealth["counters"];
  number: (value: number) => string;
}

/** Whatever else the sensor counts, by its own names; folded away. */
function Counters({ counters, number }: CountersProps) {
  const { t } = useTranslation();
  const some = Object.entries(counters).filter(([, count]) => count > 0);
  if (some.length === 0) return "—";
  return (
    <details>
      <summary>{t("health.counters_count", { count: some.length })}</summary>
      {list(some, number)}
    </details>
  );
}

function list(counts: [string, number][], number: (value: number) => string): string {
  if (counts.length === 0) return "—";
  return counts.map(([name, count]) => `${name} ${number(count)}`).join(" · ");
}

/** A share as a percentage with enough digits that one lost packet does not read as none. */
function rate(part: number, whole: number): string {
  if (part === 0 || whole === 0) return "0 %";
  const percent = (100 * part) / whole;
  return percent < 0.01 ? "< 0.01 %" : `${percent.toFixed(2)} %`;
}
