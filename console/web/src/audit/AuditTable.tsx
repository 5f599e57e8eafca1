import { type RefObject, useEffect } from "react";
import { useTranslation } from "react-i18next";
import type { AuditEntry } from "../api/client";
import { useRows } from "../lib/rows";
import { Timestamp } from "../parts/Timestamp";
import styles from "./audit.module.css";
import { ResultTag } from "./ResultTag";

const ROW_PX = 28;
const COLUMNS = [
  "seq",
  "at",
  "actor",
  "organisation",
  "action",
  "object",
  "result",
  "detail",
] as const;

interface AuditTableProps {
  rows: readonly AuditEntry[];
  current: string | undefined;
  hasMore: boolean;
  scrollRef: RefObject<HTMLDivElement | null>;
  onOpen: (seq: number) => void;
  onEnd: () => void;
}

/** The entries, the newest first; only those in view are mounted. */
export function AuditTable({ rows, current, hasMore, scrollRef, onOpen, onEnd }: AuditTableProps) {
  const { t } = useTranslation();
  const virtualizer = useRows({ count: rows.length, rowPx: ROW_PX, scrollRef, onEnd });
  const items = virtualizer.getVirtualItems();
  const index = rows.findIndex((row) => String(row.seq) === current);
  useEffect(() => {
    if (index >= 0) virtualizer.scrollToIndex(index);
  }, [index, virtualizer]);

  return (
    <div
      ref={scrollRef}
      className={styles.scroll}
      role="grid"
      aria-label={t("audit.title")}
      aria-rowcount={hasMore ? -1 : rows.length + 1}
      aria-activedescendant={index >= 0 ? `entry-${current}` : undefined}
      tabIndex={0}
    >
      <div className={styles.head} role="row" aria-rowindex={1} tabIndex={-1}>
        {COLUMNS.map((column) => (
          <span key={column} role="columnheader" tabIndex={-1}>
            {t(`audit.field.${column}`)}
          </span>
        ))}
      </div>
      <div className={styles.body} role="rowgroup" style={{ height: virtualizer.getTotalSize() }}>
        {items.map((item) => {
          const row = rows[item.index];
          return row ? (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the page's keys move and open
            <div
              key={row.seq}
              id={`entry-${row.seq}`}
              className={styles.line}
              role="row"
              tabIndex={-1}
              aria-rowindex={item.index + 2}
              data-current={item.index === index}
              data-result={row.result}
              style={{ transform: `translateY(${item.start}px)` }}
              onClick={() => onOpen(row.seq)}
            >
              {COLUMNS.map((column) => (
                <span key={column} role="gridcell" tabIndex={-1} className="clip">
                  <Cell row={row} column={column} />
                </span>
              ))}
            </div>
          ) : null;
        })}
      </div>
    </div>
  );
}

function Cell({ row, column }: { row: AuditEntry; column: (typeof COLUMNS)[number] }) {
  const { t } = useTranslation();
  switch (column) {
    case "at":
      return <Timestamp at={row.at} />;
    case "actor":
      return <>{row.actor.name || t(`audit.kind.${row.actor.kind as "console"}`)}</>;
    case "object":
      return <span className="mono">{`${row.object_kind} ${row.object_id}`}</span>;
    case "action":
      return <span className="mono">{row.action}</span>;
    case "result":
      return <ResultTag result={row.result} />;
    case "detail":
      return <>{detailText(row.detail)}</>;
    default:
      return <>{row[column]}</>;
  }
}

function detailText(detail: Record<string, string>): string {
  return Object.entries(detail)
    .map(([name, text]) => `${name}=${text}`)
    .join(" ");
}
