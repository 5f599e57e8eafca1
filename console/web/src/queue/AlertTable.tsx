import { Link } from "@tanstack/react-router";
import { type RefObject, useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { Alert } from "../api/client";
import { useRows } from "../lib/rows";
import { ruleTitle } from "../lib/rule";
import { OrganisationName } from "../organisations/OrganisationName";
import { Endpoints } from "../parts/Endpoints";
import { EntityLink } from "../parts/EntityLink";
import { Severity } from "../parts/Severity";
import { StatusTag } from "../parts/StatusTag";
import { TechniqueChips } from "../parts/TechniqueChips";
import { Timestamp } from "../parts/Timestamp";
import { type Column, type Density, gridOf, ROW_PX } from "./columns";
import { isSnoozed, SORT_KEYS, type SortColumn } from "./filter";
import styles from "./queue.module.css";
import { SimilarCell } from "./SimilarCell";

interface AlertTableProps {
  rows: readonly Alert[];
  total: number;
  cursor: string | null;
  columns: readonly Column[];
  density: Density;
  selected: ReadonlySet<string>;
  /** Whether all that match are selected, loaded or not. */
  everything: boolean;
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
  const { rows, cursor, scrollRef, onEnd, columns } = props;
  const rowPx = ROW_PX[props.density];
  const virtualizer = useRows({ count: rows.length, rowPx, scrollRef, onEnd });
  const items = virtualizer.getVirtualItems();

  const cursorIndex = rows.findIndex((row) => row.id === cursor);
  const lastCursor = useRef<string | null>(null);
  useEffect(() => {
    if (cursorIndex >= 0 && cursor !== lastCursor.current) virtualizer.scrollToIndex(cursorIndex);
    lastCursor.current = cursor;
  }, [cursor, cursorIndex, virtualizer]);

  const all = props.everything || (rows.length > 0 && props.selected.size >= rows.length);
  const grid = { gridTemplateColumns: gridOf(columns) };
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
      onScroll={(event) => props.onScrolled(event.currentTarget.scrollTop > rowPx)}
    >
      <div className={styles.head} style={grid} role="row" aria-rowindex={1} tabIndex={-1}>
        <span role="columnheader" tabIndex={-1}>
          <input
            type="checkbox"
            checked={all}
            onChange={props.onSelectAll}
            aria-label={t("queue.select_all")}
          />
        </span>
        {columns.map((column) => (
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
              columns={columns}
              rowPx={rowPx}
              top={item.start}
              index={item.index}
              current={alert.id === cursor}
              selected={props.everything || props.selected.has(alert.id)}
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
  column: Column;
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
  columns: readonly Column[];
  rowPx: number;
  top: number;
  index: number;
  current: boolean;
  selected: boolean;
  fresh: boolean;
}

function AlertLine(props: AlertLineProps) {
  const { t, i18n } = useTranslation();
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
      style={{
        transform: `translateY(${props.top}px)`,
        height: props.rowPx,
        gridTemplateColumns: gridOf(props.columns),
      }}
      onClick={() => props.onCursor(alert.id)}
      onDoubleClick={() => props.onOpen(alert.id)}
    >
      <span role="gridcell" tabIndex={-1}>
        <input
          type="checkbox"
          tabIndex={-1}
          checked={props.selected}
          onChange={() => props.onSelect(alert.id)}
          aria-label={t("queue.select", { title: ruleTitle(alert, i18n.language) })}
        />
      </span>
      {props.columns.map((column) => (
        <AlertCell key={column} alert={alert} column={column} />
      ))}
    </div>
  );
}

function AlertCell({ alert, column }: { alert: Alert; column: Column }) {
  const { t, i18n } = useTranslation();
  switch (column) {
    case "severity":
      return (
        <span role="gridcell" tabIndex={-1}>
          <Severity level={alert.severity} />
        </span>
      );
    case "time":
      return (
        <span role="gridcell" tabIndex={-1}>
          <Timestamp at={alert.detected_at} />
        </span>
      );
    case "title":
      return (
        <span role="gridcell" tabIndex={-1} className="clip" title={alert.summary}>
          <Link to="/alerts/$id" params={{ id: alert.id }} className={styles.title} tabIndex={-1}>
            {ruleTitle(alert, i18n.language)}
          </Link>
          {alert.tags.map((tag) => (
            <span key={tag} className={styles.tag}>
              {tag}
            </span>
          ))}
        </span>
      );
    case "similar":
      return <SimilarCell similar={alert.similar} />;
    case "techniques":
      return (
        <span role="gridcell" tabIndex={-1}>
          <TechniqueChips ids={alert.techniques} max={1} />
        </span>
      );
    case "endpoints":
      return (
        <span role="gridcell" tabIndex={-1} className="clip">
          <Endpoints of={alert} />
        </span>
      );
    case "sensor":
      return (
        <span role="gridcell" tabIndex={-1} className="clip" title={alert.sensor}>
          <EntityLink kind="sensor" value={alert.sensor} inGrid />
        </span>
      );
    case "tenant":
      return (
        <span role="gridcell" tabIndex={-1} className="clip">
          <OrganisationName code={alert.tenant} />
        </span>
      );
    case "count":
      return (
        <span role="gridcell" tabIndex={-1} className={styles.number}>
          {alert.count}
        </span>
      );
    case "status":
      return (
        <span role="gridcell" tabIndex={-1} className="clip">
          <StatusTag status={alert.status} verdict={alert.verdict} reason={alert.reason} />
          {isSnoozed(alert, Date.now()) ? (
            <span
              className={styles.aside}
              role="img"
              aria-label={t("snooze.is")}
              title={t("snooze.is")}
            >
              z
            </span>
          ) : null}
        </span>
      );
    case "assignee":
      return (
        <span role="gridcell" tabIndex={-1} className="clip" title={alert.assignee?.display_name}>
          {alert.assignee?.display_name ?? <span className="soft">—</span>}
        </span>
      );
  }
}
