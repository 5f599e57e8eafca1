import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import { OpenCell } from "../admin/OpenCell";
import type { Exception } from "../api/client";
import { formatCount } from "../lib/number";
import { nameOf } from "../lib/organisation";
import { ruleTitle } from "../lib/rule";
import { Timestamp } from "../parts/Timestamp";
import styles from "./exceptions.module.css";
import { conditionsText, effectText } from "./words";

interface ExceptionTableProps {
  rows: readonly Exception[];
  current: string | undefined;
  onOpen: (id: string) => void;
}

export function ExceptionTable({ rows, current, onOpen }: ExceptionTableProps) {
  const { t, i18n } = useTranslation();
  if (rows.length === 0) return null;
  return (
    <table className={layout.table} aria-label={t("exception.title")}>
      <thead>
        <tr>
          <th scope="col">{t("exception.rule")}</th>
          <th scope="col">{t("exception.conditions")}</th>
          <th scope="col">{t("people.organisation")}</th>
          <th scope="col">{t("exception.effect_label")}</th>
          <th scope="col">{t("people.state_label")}</th>
          <th scope="col">{t("exception.until")}</th>
          <th scope="col" className={styles.number}>
            {t("exception.hits")}
          </th>
          <th scope="col" className={styles.number}>
            {t("exception.hits_week")}
          </th>
          <th scope="col">{t("exception.made_by")}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.id} data-current={row.id === current}>
            <OpenCell
              name={ruleTitle(row, i18n.language)}
              isOpen={row.id === current}
              onOpen={() => onOpen(row.id)}
            />
            <td>{conditionsText(t, row)}</td>
            <td>
              {nameOf(row.organisation, i18n.language)}
              {row.with_beneath ? ` ${t("exception.and_beneath")}` : ""}
            </td>
            <td>{effectText(t, row)}</td>
            <td>
              <StateWords exception={row} />
            </td>
            <td>
              <Timestamp at={row.expires_at} />
            </td>
            <td className={styles.number}>{formatCount(row.hits, i18n.language)}</td>
            <td className={styles.number}>
              {formatCount(row.hits_week, i18n.language)}{" "}
              <span className="soft">{t("exception.before", { count: row.hits_week_before })}</span>
            </td>
            <td>{row.made.by.display_name}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** How it stands, and what is to be looked at. */
export function StateWords({ exception }: { exception: Exception }) {
  const { t } = useTranslation();
  const waits = exception.extension ? [t("exception.extension_waits")] : [];
  const signs = exception.signs.map((sign) => t(`exception.shown.${sign}`));
  return (
    <span className={styles.state} data-state={exception.state}>
      {[t(`exception.shown.${exception.state}`), ...waits, ...signs].join(" · ")}
    </span>
  );
}
