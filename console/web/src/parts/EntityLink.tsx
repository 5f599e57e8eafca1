import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { PageKind } from "../lib/entity";
import styles from "./parts.module.css";

interface EntityLinkProps {
  kind: PageKind;
  value: string;
  /** What is shown, if not the value itself. */
  children?: ReactNode;
  /** Within a grid, whose keys move from row to row. */
  inGrid?: boolean;
}

/** A value with a way to the page of what it names. */
export function EntityLink({ kind, value, children, inGrid = false }: EntityLinkProps) {
  const { t } = useTranslation();
  return (
    <Link
      to="/entity/$kind/$value"
      params={{ kind, value }}
      className={styles.entity}
      title={t("entity.open", { value })}
      tabIndex={inGrid ? -1 : undefined}
      onClick={(event) => event.stopPropagation()}
    >
      {children ?? value}
    </Link>
  );
}
