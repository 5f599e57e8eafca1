import { useTranslation } from "react-i18next";
import type { AlertStatus, Resolution } from "../api/client";
import styles from "./parts.module.css";

interface StatusTagProps {
  status: AlertStatus;
  resolution?: Resolution | null | undefined;
}

export function StatusTag({ status, resolution }: StatusTagProps) {
  const { t } = useTranslation();
  const verdict = resolution ? t(`resolution.${resolution}`) : undefined;
  return (
    <span className={styles.status} data-status={status} title={verdict}>
      <span className={styles.dot} aria-hidden="true" />
      {t(`status.${status}`)}
    </span>
  );
}
