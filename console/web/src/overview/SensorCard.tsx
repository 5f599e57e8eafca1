import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Overview } from "../api/client";
import { StateTag } from "../health/StateTag";
import { formatCount } from "../lib/number";
import { OrganisationName } from "../organisations/OrganisationName";
import { Card } from "../parts/Card";
import { Timestamp } from "../parts/Timestamp";
import { EXERCISE } from "../stage/stage";
import { share } from "./Figures";
import styles from "./overview.module.css";

const ROWS_MAX = 12;

/** The sensors, those that something is wrong with first. */
export function SensorCard({ overview, wall }: { overview: Overview; wall: boolean }) {
  const { t, i18n } = useTranslation();
  const number = (value: number) => formatCount(value, i18n.language);
  const shown = overview.sensors.slice(0, ROWS_MAX);
  const most = Math.max(1, ...shown.map((sensor) => sensor.events));
  const more = overview.sensors_total - shown.length;
  // Within an exercise they are its director's.
  if (EXERCISE !== null && shown.length === 0) return null;
  return (
    <Card
      title={t("health.sensors")}
      aside={
        more > 0 && !wall ? (
          <Link to="/health">{t("overview.more_sensors", { count: more })}</Link>
        ) : null
      }
    >
      <table className={styles.table} aria-label={t("health.sensors")}>
        <thead>
          <tr>
            <th scope="col">{t("health.sensor")}</th>
            <th scope="col">{t("health.state")}</th>
            <th scope="col">{t("health.heard")}</th>
            <th scope="col" data-number="true">
              {t("health.events")}
            </th>
            <th scope="col" data-number="true">
              {t("health.drop_rate")}
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((sensor) => (
            <tr key={`${sensor.tenant} ${sensor.sensor}`}>
              <th scope="row">
                {wall ? (
                  sensor.sensor
                ) : (
                  <Link to="/entity/$kind/$value" params={{ kind: "sensor", value: sensor.sensor }}>
                    {sensor.sensor}
                  </Link>
                )}{" "}
                <OrganisationName code={sensor.tenant} className="soft" />
              </th>
              <td>
                <StateTag state={sensor.state} />
              </td>
              <td>
                <Timestamp at={sensor.heard} />
              </td>
              <td data-number="true">
                <span
                  className={styles.meter}
                  style={{ width: `${(60 * sensor.events) / most}px` }}
                  aria-hidden="true"
                />
                {number(sensor.events)}
              </td>
              <td data-number="true" data-bad={sensor.packets_dropped > 0}>
                {share(sensor.packets_dropped, sensor.packets_received)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}
