import { IconBan, IconCheck, IconX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import styles from "./audit.module.css";

const PICTURES = { done: IconCheck, refused: IconBan, failed: IconX };

/** How it went; told apart by picture and word, not by colour alone. */
export function ResultTag({ result }: { result: string }) {
  const { t } = useTranslation();
  const word = result === "refused" || result === "failed" ? result : "done";
  const Picture = PICTURES[word];
  return (
    <span className={styles.result} data-result={word}>
      <Picture size={14} aria-hidden="true" />
      {t(`audit.result.${word}`)}
    </span>
  );
}
