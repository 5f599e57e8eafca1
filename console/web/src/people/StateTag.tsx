import { useTranslation } from "react-i18next";
import type { AccountEntry } from "../api/client";
import styles from "./people.module.css";

export function StateTag({ state }: { state: AccountEntry["state"] }) {
  const { t } = useTranslation();
  return (
    <span className={styles.state} data-state={state}>
      {t(`people.state.${state}`)}
    </span>
  );
}
