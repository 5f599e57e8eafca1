import { useTranslation } from "react-i18next";
import { passwordStrength } from "./password";
import styles from "./session.module.css";

const FILLED = { empty: 0, short: 1, weak: 1, contains_name: 1, fair: 2, strong: 3 } as const;

interface StrengthHintProps {
  password: string;
  names: readonly string[];
}

export function StrengthHint({ password, names }: StrengthHintProps) {
  const { t } = useTranslation();
  const strength = passwordStrength(password, names);
  const text =
    strength.level === "short"
      ? t("strength.short", { count: strength.missing })
      : t(`strength.${strength.level}`);
  return (
    <div className={styles.strength} data-filled={FILLED[strength.level]}>
      <span className={styles.meter} aria-hidden="true">
        <i />
        <i />
        <i />
      </span>
      <span role="status" aria-label={t("strength.label")}>
        {text}
      </span>
    </div>
  );
}
