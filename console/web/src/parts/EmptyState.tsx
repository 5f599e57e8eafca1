import type { ReactNode } from "react";
import styles from "./parts.module.css";

interface EmptyStateProps {
  title: string;
  hint: string;
  children?: ReactNode;
}

/** Nothing to show, and what to do about it. */
export function EmptyState({ title, hint, children }: EmptyStateProps) {
  return (
    <div className={styles.empty}>
      <strong>{title}</strong>
      <p className="soft">{hint}</p>
      {children ? <div className={styles.emptyActions}>{children}</div> : null}
    </div>
  );
}
