import { useTranslation } from "react-i18next";
import type { HandoverEntry } from "../api/client";
import styles from "./handover.module.css";

export function StateTag({ state }: { state: HandoverEntry["state"] }) {
  const { t } = useTranslation();
  return (
    <span className={styles.state} data-state={state}>
      {t(`handover.state.${state}`)}
    </span>
  );
}
