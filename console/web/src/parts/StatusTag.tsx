import { useTranslation } from "react-i18next";
import type { AlertStatus, Reason, Verdict } from "../api/client";
import styles from "./parts.module.css";

interface StatusTagProps {
  status: AlertStatus;
  verdict?: Verdict | null | undefined;
  reason?: Reason | null | undefined;
}

/** Where work on an alert stands; of a closed one what it turned out to be. */
export function StatusTag({ status, verdict, reason }: StatusTagProps) {
  const { t } = useTranslation();
  const why = reason ? t(`reason.${reason}`) : undefined;
  return (
    <span className={styles.status} data-status={status} title={why}>
      <span className={styles.dot} aria-hidden="true" />
      {verdict ? t(`verdict_short.${verdict}`) : t(`status.${status}`)}
    </span>
  );
}
