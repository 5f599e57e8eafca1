import { Button } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { useFailureText } from "../lib/failure";
import styles from "./parts.module.css";

interface ErrorPanelProps {
  what: string;
  error: unknown;
  onRetry?: (() => void) | undefined;
}

/** What failed, why, and how to go on. */
export function ErrorPanel({ what, error, onRetry }: ErrorPanelProps) {
  const { t } = useTranslation();
  const { hint, detail } = useFailureText(error);
  return (
    <div className={styles.error} role="alert">
      <IconAlertTriangle size={18} aria-hidden="true" />
      <div className={styles.errorText}>
        <strong>{what}</strong>
        <p>{hint}</p>
        {detail ? <p className="soft">{t("error.detail", { message: detail })}</p> : null}
      </div>
      {onRetry ? (
        <Button variant="default" onClick={onRetry}>
          {t("common.retry")}
        </Button>
      ) : null}
    </div>
  );
}
