import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import styles from "./parts.module.css";

interface TechniqueChipsProps {
  ids: readonly string[];
  /** How many are shown; the others are counted, and named in the tooltip. */
  max?: number;
}

/** ATT&CK technique ids; each narrows the alert queue to itself. */
export function TechniqueChips({ ids, max = ids.length }: TechniqueChipsProps) {
  const { t } = useTranslation();
  return (
    <span className={styles.chips}>
      {ids.slice(0, max).map((id) => (
        <Link
          key={id}
          to="/alerts"
          search={(now: Record<string, unknown>) => ({ ...now, technique: id })}
          className={`mono ${styles.chip}`}
          title={t("alert.technique_filter", { id })}
          onClick={(event) => event.stopPropagation()}
        >
          {id}
        </Link>
      ))}
      {ids.length > max ? (
        <span className={styles.moreChips} title={ids.slice(max).join(", ")}>
          +{ids.length - max}
        </span>
      ) : null}
    </span>
  );
}
