import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import { OpenCell } from "../admin/OpenCell";
import type { AccountEntry } from "../api/client";
import { nameOf } from "../lib/organisation";
import { Timestamp } from "../parts/Timestamp";
import { StateTag } from "./StateTag";

interface PeopleTableProps {
  rows: readonly AccountEntry[];
  current: string | undefined;
  onOpen: (id: string) => void;
}

export function PeopleTable({ rows, current, onOpen }: PeopleTableProps) {
  const { t, i18n } = useTranslation();
  if (rows.length === 0) return null;
  return (
    <table className={layout.table} aria-label={t("people.title")}>
      <thead>
        <tr>
          <th scope="col">{t("people.display_name")}</th>
          <th scope="col">{t("people.user_name")}</th>
          <th scope="col">{t("people.organisation")}</th>
          <th scope="col">{t("people.roles")}</th>
          <th scope="col">{t("people.state_label")}</th>
          <th scope="col">{t("people.factor")}</th>
          <th scope="col">{t("people.last_sign_in")}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.id} data-current={row.id === current}>
            <OpenCell
              name={row.display_name}
              isOpen={row.id === current}
              onOpen={() => onOpen(row.id)}
            />
            <td className="mono">{row.user_name}</td>
            <td>{nameOf(row.organisation, i18n.language)}</td>
            <td>{row.roles.map((role) => t(`role.${role}`)).join(", ") || t("common.none")}</td>
            <td>
              <StateTag state={row.state} />
            </td>
            <td>{t(row.has_factor ? "common.yes" : "common.no")}</td>
            <td>
              {row.last_sign_in_at ? <Timestamp at={row.last_sign_in_at} /> : t("common.none")}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
