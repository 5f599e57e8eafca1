import { IconAlertTriangle, IconBan, IconCircleCheck, IconHourglass } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Sensor } from "../api/client";
import styles from "./sensors.module.css";

const STATE_ICON = {
  waiting: IconHourglass,
  active: IconCircleCheck,
  silent: IconAlertTriangle,
  revoked: IconBan,
} as const;

export function StateTag({ state }: { state: Sensor["state"] }) {
  const { t } = useTranslation();
  const Icon = STATE_ICON[state];
  return (
    <span className={styles.state} data-state={state}>
      <Icon size={15} aria-hidden="true" />
      {t(`sensors.state.${state}`)}
    </span>
  );
}
