import { type Icon, IconCircleCheck, IconClockPause, IconPlayerPlay } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Exercise } from "../api/client";
import styles from "./exercises.module.css";

const ICONS: Readonly<Record<Exercise["state"], Icon>> = {
  preparing: IconClockPause,
  running: IconPlayerPlay,
  ended: IconCircleCheck,
};

export function StateTag({ state }: { state: Exercise["state"] }) {
  const { t } = useTranslation();
  const Picture = ICONS[state];
  return (
    <span className={styles.state} data-state={state}>
      <Picture size={15} aria-hidden="true" />
      {t(`exercise.state.${state}`)}
    </span>
  );
}
