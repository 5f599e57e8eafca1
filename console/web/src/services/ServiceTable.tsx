import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import { OpenCell } from "../admin/OpenCell";
import type { Service } from "../api/client";
import { formatCount } from "../lib/number";
import { nameOf } from "../lib/organisation";
import { Timestamp } from "../parts/Timestamp";
import styles from "./services.module.css";

interface ServiceTableProps {
  rows: readonly Service[];
  current: string | undefined;
  onOpen: (id: string) => void;
}

export function ServiceTable({ rows, current, onOpen }: ServiceTableProps) {
  const { t, i18n } = useTranslation();
  if (rows.length === 0) return null;
  const at = (time: string | null) => (time ? <Timestamp at={time} /> : t("common.none"));
  return (
    <table className={layout.table} aria-label={t("services.title")}>
      <thead>
        <tr>
          <th scope="col">{t("people.display_name")}</th>
          <th scope="col">{t("services.user_name")}</th>
          <th scope="col">{t("people.organisation")}</th>
          <th scope="col">{t("people.roles")}</th>
          <th scope="col" className={styles.number}>
            {t("services.tokens_working")}
          </th>
          <th scope="col">{t("services.next_expires")}</th>
          <th scope="col">{t("services.last_used")}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.id} data-current={row.id === current}>
            <OpenCell
              name={row.display_name}
              isOpen={row.id === current}
              onOpen={() => onOpen(row.id)}
            >
              {row.ended_at ? <span className="soft"> · {t("services.ended")}</span> : null}
            </OpenCell>
            <td className="mono">{row.user_name}</td>
            <td>{nameOf(row.organisation, i18n.language)}</td>
            <td>{row.roles.map((role) => t(`role.${role}`)).join(", ") || t("common.none")}</td>
            <td className={styles.number}>{formatCount(row.tokens_working, i18n.language)}</td>
            <td>{at(row.next_expires_at)}</td>
            <td>{at(row.last_used_at)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
