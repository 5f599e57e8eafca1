import { useTranslation } from "react-i18next";
import type { PartHealth, Remark } from "../api/client";
import { formatDuration } from "../lib/time";
import { Timestamp } from "../parts/Timestamp";
import styles from "./health.module.css";

interface RemarksProps {
  remarks: Remark[];
  /** What they are about; the same fault means something else for each part. */
  part?: PartHealth["part"];
}

/** What is wrong, what it means, since when; a server's own words below. */
export function Remarks({ remarks, part }: RemarksProps) {
  const { t } = useTranslation();
  if (remarks.length === 0) return "—";
  return (
    <ul className={styles.said}>
      {remarks.map((remark) => (
        <li key={`${remark.code}${remark.since}${remark.detail}`}>
          {t(key(remark, part), { duration: formatDuration((remark.seconds ?? 0) * 1e6) })}
          {remark.since ? (
            <span className="soft">
              {" "}
              {t("health.since")} <Timestamp at={remark.since} />
            </span>
          ) : null}
          {remark.detail ? <div className={styles.detail}>{remark.detail}</div> : null}
        </li>
      ))}
    </ul>
  );
}

const SERVERS = ["postgresql", "clickhouse", "kafka"] as const;

function key(remark: Remark, part: RemarksProps["part"]) {
  const server = SERVERS.find((server) => server === part);
  if (remark.code === "no_answer" && server) return `health.remark.no_answer_${server}` as const;
  return `health.remark.${remark.code}` as const;
}
