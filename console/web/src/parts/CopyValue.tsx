import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import styles from "./parts.module.css";

/** Copies a value; silent where the browser does not allow it. */
export function CopyValue({ value }: { value: string }) {
  const { t } = useTranslation();
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard?.writeText(value);
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  const label = copied ? t("common.copied") : t("common.copy");
  return (
    <button type="button" className={styles.tiny} onClick={copy} title={label} aria-label={label}>
      {copied ? <IconCheck size={13} /> : <IconCopy size={13} />}
    </button>
  );
}
