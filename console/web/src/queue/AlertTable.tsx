import { Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type RefObject, useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { Alert } from "../api/client";
import { Endpoints } from "../parts/Endpoints";
import { EntityLink } from "../parts/EntityLink";
import { Severity } from "../parts/Severity";
import { StatusTag } from "../parts/StatusTag";
import { TechniqueChips } from "../parts/TechniqueChips";
import { Timestamp } from "../parts/Timestamp";
import { SORT_KEYS, type SortColumn } from "./filter";
import styles from "./queue.module.css";

const ROW_PX = 30;
const LOAD_AHEAD_ROWS = 30;
const COLUMNS = [
  "severity",
  "time",
  "title",
  "techniques",
  "endpoints",
  "sensor",
  "count",
  "status",
  "assignee",
] as const;

interface AlertTableProps {
  rows: readonly Alert[];
  total: number;
  cursor: string | null;
  selected: ReadonlySet<string>;
  fresh: ReadonlySet<string>;
  scrollRef: RefObject<HTMLDivElement | null>;
  onCursor: (id: string) => void;
  onOpen: (id: string) => void;
  onSelect: (id: string) => void;
  onSelectAll: () => void;
  sort: string;
  onSort: (column: SortColumn) => void;
  onScrolled: (fromTop: boolean) => void;
  onEnd: () => void;
}

/** The queue's rows: plain cells, only those in view mounted. */
export function AlertTable(props: AlertTableProps) {
  const { t } = useTranslation();
  const { rows, cursor, scrollRef, onEnd } = props;
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scrollRef.current,
    estimateSize: () => ROW_PX,
    overscan: 8,
  });
  const items = virtualizer.getVirtualItems();
  const lastShown = items.at(-1)?.index ?? 0;

  useEffect(() => {
    if (rows.length > 0 && lastShown >= rows.length - LOAD_AHEAD_ROWS) onEnd();
  }, [lastShown, rows.length, onEnd]);

  const cursorIndex = rows.findIndex((row) => row.id === cursor);
  const lastCursor = useRef<string | null>(null);
  useEffect(() => {
    if (cursorIndex >= 0 && cursor !== lastCursor.current) virtualizer.scrollToIndex(cursorIndex);
    lastCursor.current = cursor;
  }, [cursor, cursorIndex, virtualizer]);

  const all = rows.length > 0 && props.selected.size >= rows.length;
  return (
    <div
      ref={scrollRef}
      className={styles.scroll}
      role="grid"
      aria-label={t("queue.table")}
      aria-rowcount={props.total + 1}
      aria-multiselectable="true"
      aria-activedescendant={cursorIndex >= 0 ? `alert-${cursor}` : undefined}
      tabIndex={0}
      onScroll={(event) => props.onScrolled(event.currentTarget.scrollTop > ROW_PX)}
    >
      <div className={styles.head} role="row" aria-rowindex={1} tabIndex={-1}>
        <span role="columnheader" tabIndex={-1}>
          <input
            type="checkbox"
            checked={all}
            onChange={props.onSelectAll}
            aria-label={t("queue.select_all")}
          />
        </span>
        {COLUMNS.map((column) => (
          <Heading key={column} column={column} sort={props.sort} onSort={props.onSort} />
        ))}
      </div>
      <div className={styles.body} role="rowgroup" style={{ height: virtualizer.getTotalSize() }}>
        {items.map((item) => {
          const alert = rows[item.index];
          return alert ? (
            <AlertLine
              key={alert.id}
              alert={alert}
              top={item.start}
              index={item.index}
              current={alert.id === cursor}
              selected={props.selected.has(alert.id)}
              fresh={props.fresh.has(alert.id)}
              onCursor={props.onCursor}
              onOpen={props.onOpen}
              onSelect={props.onSelect}
            />
          ) : null;
        })}
      </div>
    </div>
  );
}

interface HeadingProps extends Pick<AlertTableProps, "sort" | "onSort"> {
  column: (typeof COLUMNS)[number];
}

function Heading({ column, sort, onSort }: HeadingProps) {
  const { t } = useTranslation();
  const label = t(`queue.column.${column}`);
  if (!isSortColumn(column)) {
    return (
      <span role="columnheader" data-column={column} tabIndex={-1}>
        {label}
      </span>
    );
  }
  const key = SORT_KEYS[column];
  const order = sort === key ? "ascending" : sort === `-${key}` ? "descending" : "none";
  return (
    <span role="columnheader" data-column={column} aria-sort={order} tabIndex={-1}>
      <button type="button" onClick={() => onSort(column)}>
        {label}
        <span aria-hidden="true">{ARROWS[order]}</span>
      </button>
    </span>
  );
}

const ARROWS = { ascending: " ↑", descending: " ↓", none: "" } as const;

function isSortColumn(column: string): column is SortColumn {
  return Object.hasOwn(SORT_KEYS, column);
}

interface AlertLineProps extends Pick<AlertTableProps, "onCursor" | "onOpen" | "onSelect"> {
  alert: Alert;
  top: number;
  index: number;
  current: boolean;
  selected: boolean;
  fresh: boolean;
}

function AlertLine(props: AlertLineProps) {
  const { t } = useTranslation();
  const { alert } = props;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the page's keys move the cursor and open the row
    <div
      id={`alert-${alert.id}`}
      className={styles.line}
      role="row"
      tabIndex={-1}
      aria-rowindex={props.index + 2}
      aria-selected={props.selected}
      data-current={props.current}
      data-fresh={props.fresh}
      data-severity={alert.severity}
      data-status={alert.status}
      style={{ transform: `translateY(${props.top}px)` }}
      onClick={() => props.onCursor(alert.id)}
      onDoubleClick={() => props.onOpen(alert.id)}
    >
      <span role="gridcell" tabIndex={-1}>
        <input
          type="checkbox"
          tabIndex={-1}
          checked={props.selected}
          onChange={() => props.onSelect(alert.id)}
          aria-label={t("queue.select", { title: alert.rule_title })}
        />
      </span>
      <span role="gridcell" tabIndex={-1}>
        <Severity level={alert.severity} />
      </span>
      <span role="gridcell" tabIndex={-1}>
        <Timestamp at={alert.detected_at} />
      </span>
      <span role="gridcell" tabIndex={-1} className="clip" title={alert.summary}>
        <Link to="/alerts/$id" params={{ id: alert.id }} className={styles.title} tabIndex={-1}>
          {alert.rule_title}
        </Link>
      </span>
      <span role="gridcell" tabIndex={-1}>
        <TechniqueChips ids={alert.techniques} max={1} />
      </span>
      <span role="gridcell" tabIndex={-1} className="clip">
        <Endpoints of={alert} />
      </span>
      <span role="gridcell" tabIndex={-1} className="clip" title={alert.sensor}>
        <EntityLink kind="sensor" value={alert.sensor} inGrid />
      </span>
      <span role="gridcell" tabIndex={-1} className={styles.number}>
        {alert.count}
      </span>
      <span role="gridcell" tabIndex={-1}>
        <StatusTag status={alert.status} resolution={alert.resolution} />
      </span>
      <span role="gridcell" tabIndex={-1} className="clip" title={alert.assignee?.display_name}>
        {alert.assignee?.display_name ?? <span className="soft">—</span>}
      </span>
    </div>
  );
}
