import { IconSearch } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { around } from "../lib/time";
import { CopyValue } from "../parts/CopyValue";
import { EntityLink } from "../parts/EntityLink";
import { term } from "../search/query";
import styles from "./alert.module.css";

/** How far around the alert a pivot looks. */
const MARGIN_MS = 3_600_000;

interface PivotProps {
  field: "src" | "dst" | "community_id";
  value: string;
  /** What is shown, if not the value itself. */
  text?: string;
  first: string;
  last: string;
}

/** A value with a way to all events that have it, around the alert's time. */
export function Pivot({ field, value, text, first, last }: PivotProps) {
  const { t } = useTranslation();
  const q = term(field, value);
  const label = t("alert.pivot", { term: q });
  return (
    <span className={styles.pivot}>
      <span className="mono">
        {field === "community_id" ? (
          (text ?? value)
        ) : (
          <EntityLink kind="address" value={value}>
            {text ?? value}
          </EntityLink>
        )}
      </span>
      <Link
        to="/search"
        search={{ q, ...around(first, last, MARGIN_MS) }}
        aria-label={label}
        title={label}
      >
        <IconSearch size={13} aria-hidden="true" />
      </Link>
      <CopyValue value={value} />
    </span>
  );
}
