import { useTranslation } from "react-i18next";
import { type Severity as Level, SEVERITIES } from "../api/client";
import styles from "./parts.module.css";

const BARS = [1, 2, 3, 4] as const;

/** Severity as filled bars and a word, so that it reads without colour too. */
export function Severity({ level }: { level: Level }) {
  const { t } = useTranslation();
  return (
    <span className={styles.severity} style={{ color: `var(--severity-${level})` }}>
      <SeverityBars level={level} />
      {t(`severity.${level}`)}
    </span>
  );
}

export function SeverityBars({ level }: { level: Level }) {
  const filled = SEVERITIES.length - 1 - SEVERITIES.indexOf(level);
  return (
    <svg
      className={styles.bars}
      style={{ color: `var(--severity-${level})` }}
      viewBox="0 0 15 12"
      width="15"
      height="12"
      aria-hidden="true"
    >
      {BARS.map((bar) => (
        <rect
          key={bar}
          x={(bar - 1) * 4}
          y={9 - bar * 2.25}
          width="3"
          height={3 + bar * 2.25}
          rx="0.8"
          fill="currentColor"
          opacity={bar <= filled ? 1 : 0.22}
        />
      ))}
    </svg>
  );
}
