import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { UnknownOrganisation } from "../api/client";
import { formatCount } from "../lib/number";
import { Card } from "../parts/Card";
import styles from "./health.module.css";

/** Codes under which data is kept that nobody sees, each with a way to enter it. */
export function UnknownTable({ organisations }: { organisations: UnknownOrganisation[] }) {
  const { t, i18n } = useTranslation();
  const number = (value: number) => formatCount(value, i18n.language);
  if (organisations.length === 0) return null;
  return (
    <Card title={t("health.unknown")}>
      <p className={styles.hint}>{t("health.unknown_hint")}</p>
      <table className={styles.table}>
        <thead>
          <tr>
            <th>{t("health.unknown_code")}</th>
            <th data-number="true">{t("health.unknown_alerts")}</th>
            <th data-number="true">{t("health.sensors")}</th>
            <th>{t("health.remarks")}</th>
          </tr>
        </thead>
        <tbody>
          {organisations.map(({ code, alerts, has_more, sensors, is_code }) => (
            <tr key={code}>
              <td className="mono">{code || "—"}</td>
              <td data-number="true">
                {has_more ? t("health.unknown_more", { number: number(alerts) }) : number(alerts)}
              </td>
              <td data-number="true">{number(sensors)}</td>
              <td>
                {is_code ? (
                  <Link to="/admin/organisations" search={{ add: code }}>
                    {t("health.unknown_enter", { code })}
                  </Link>
                ) : (
                  t("health.unknown_no_code")
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}
