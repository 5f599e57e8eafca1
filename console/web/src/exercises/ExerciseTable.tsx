import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import { OpenCell } from "../admin/OpenCell";
import type { Exercise } from "../api/client";
import { nameOf } from "../lib/organisation";
import { Timestamp } from "../parts/Timestamp";
import { StateTag } from "./StateTag";

interface ExerciseTableProps {
  rows: readonly Exercise[];
  current: string | undefined;
  onOpen: (id: string) => void;
}

export function ExerciseTable({ rows, current, onOpen }: ExerciseTableProps) {
  const { t, i18n } = useTranslation();
  if (rows.length === 0) return null;
  const at = (time: string | null) => (time ? <Timestamp at={time} /> : t("common.none"));
  return (
    <table className={layout.table} aria-label={t("exercise.title")}>
      <thead>
        <tr>
          <th scope="col">{t("exercise.name")}</th>
          <th scope="col">{t("exercise.id")}</th>
          <th scope="col">{t("people.state_label")}</th>
          <th scope="col">{t("exercise.owner")}</th>
          <th scope="col">{t("exercise.started")}</th>
          <th scope="col">{t("exercise.ended")}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.id} data-current={row.id === current}>
            <OpenCell name={row.name} isOpen={row.id === current} onOpen={() => onOpen(row.id)} />
            <td className="mono">{row.id}</td>
            <td>
              <StateTag state={row.state} />
            </td>
            <td>{nameOf(row.organisation, i18n.language)}</td>
            <td>{at(row.started_at)}</td>
            <td>{at(row.ended_at)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
