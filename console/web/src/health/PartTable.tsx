import { useTranslation } from "react-i18next";
import type { PartHealth } from "../api/client";
import { formatDuration } from "../lib/time";
import { Card } from "../parts/Card";
import { Timestamp } from "../parts/Timestamp";
import styles from "./health.module.css";
import { Remarks } from "./Remarks";
import { StateTag } from "./StateTag";

/** The parts of the platform; addresses are there for administrators only. */
export function PartTable({ parts }: { parts: PartHealth[] }) {
  const { t } = useTranslation();
  const hasAddresses = parts.some((part) => part.address !== null);
  return (
    <Card title={t("health.parts")}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th>{t("health.part")}</th>
            <th>{t("health.state")}</th>
            <th>{t("health.remarks")}</th>
            <th data-number="true">{t("health.behind")}</th>
            <th>{t("health.heard")}</th>
            <th>{t("health.version")}</th>
            {hasAddresses ? <th>{t("health.address")}</th> : null}
          </tr>
        </thead>
        <tbody>
          {parts.map((part, place) => (
            // Several pipelines may have no name that this reader sees; their order is the server's.
            <tr key={`${part.part}/${part.name ?? place}`}>
              <td>
                <strong>{t(`health.part_${part.part}`)}</strong> {part.name ?? ""}
              </td>
              <td>
                <StateTag state={part.state} />
              </td>
              <td className={styles.remarks}>
                <Remarks remarks={part.remarks} part={part.part} />
              </td>
              <td data-number="true">
                {part.lag_s === null ? "—" : formatDuration(part.lag_s * 1e6)}
              </td>
              <td>{part.heard ? <Timestamp at={part.heard} /> : "—"}</td>
              <td>{part.version ?? "—"}</td>
              {hasAddresses ? <td className="mono">{part.address ?? "—"}</td> : null}
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}
