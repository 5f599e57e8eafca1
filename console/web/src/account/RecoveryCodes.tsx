import { Button } from "@mantine/core";
import { IconCopy, IconDownload } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { notify } from "../lib/notify";
import styles from "./account.module.css";

interface RecoveryCodesProps {
  codes: readonly string[];
  onDone: () => void;
}

/** Recovery codes, shown once. */
export function RecoveryCodes({ codes, onDone }: RecoveryCodesProps) {
  const { t } = useTranslation();
  const text = `${codes.join("\n")}\n`;
  const copy = async () => {
    await navigator.clipboard?.writeText(text);
    notify({ title: t("common.copied"), message: t("factor.recovery_keep") });
  };
  return (
    <div className={styles.form}>
      <p role="status">{t("factor.recovery_intro")}</p>
      <ul className={styles.codes} aria-label={t("factor.recovery_codes")}>
        {codes.map((code) => (
          <li key={code} className="mono">
            {code}
          </li>
        ))}
      </ul>
      <div className={styles.foot}>
        <Button variant="default" leftSection={<IconCopy size={14} />} onClick={() => void copy()}>
          {t("common.copy")}
        </Button>
        <Button
          component="a"
          variant="default"
          leftSection={<IconDownload size={14} />}
          href={`data:text/plain;charset=utf-8,${encodeURIComponent(text)}`}
          download="vong-gac-recovery-codes.txt"
        >
          {t("factor.download")}
        </Button>
        <Button onClick={onDone}>{t("factor.recovery_done")}</Button>
      </div>
    </div>
  );
}
