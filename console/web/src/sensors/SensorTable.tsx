import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import { OpenCell } from "../admin/OpenCell";
import type { Sensor } from "../api/client";
import { formatCount } from "../lib/number";
import { nameOf } from "../lib/organisation";
import { Timestamp } from "../parts/Timestamp";
import { StateTag } from "./StateTag";
import styles from "./sensors.module.css";

interface SensorTableProps {
  rows: readonly Sensor[];
  current: string | undefined;
  onOpen: (id: string) => void;
}

export function SensorTable({ rows, current, onOpen }: SensorTableProps) {
  const { t, i18n } = useTranslation();
  if (rows.length === 0) return null;
  const count = (value: number | undefined) =>
    value === undefined ? t("common.none") : formatCount(value, i18n.language);
  return (
    <table className={layout.table} aria-label={t("sensors.title")}>
      <thead>
        <tr>
          <th scope="col">{t("sensors.name")}</th>
          <th scope="col">{t("people.organisation")}</th>
          <th scope="col">{t("people.state_label")}</th>
          <th scope="col">{t("health.heard")}</th>
          <th scope="col" className={styles.number}>
            {t("health.received")}
          </th>
          <th scope="col" className={styles.number}>
            {t("health.dropped")}
          </th>
          <th scope="col" className={styles.number}>
            {t("health.events")}
          </th>
          <th scope="col">{t("sensors.note")}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.id} data-current={row.id === current}>
            <OpenCell name={row.name} isOpen={row.id === current} onOpen={() => onOpen(row.id)} />
            <td>{nameOf(row.organisation, i18n.language)}</td>
            <td>
              <StateTag state={row.state} />
            </td>
            <td>{row.report ? <Timestamp at={row.report.heard_at} /> : t("common.none")}</td>
            <td className={styles.number}>{count(row.report?.packets_received)}</td>
            <td className={styles.number}>{count(row.report?.packets_dropped)}</td>
            <td className={styles.number}>{count(row.report?.events)}</td>
            <td>{row.note}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
