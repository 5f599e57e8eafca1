import { IconAlertTriangle, IconCircleCheck, IconCircleX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { PartState } from "../api/client";
import styles from "./health.module.css";

const STATE_ICON = { up: IconCircleCheck, degraded: IconAlertTriangle, down: IconCircleX } as const;

export function StateTag({ state }: { state: PartState }) {
  const { t } = useTranslation();
  const Icon = STATE_ICON[state];
  return (
    <span className={styles.state} data-state={state}>
      <Icon size={15} aria-hidden="true" />
      {t(`health.state_${state}`)}
    </span>
  );
}
