import { type RefObject, useEffect } from "react";
import { useTranslation } from "react-i18next";
import type { EventRow } from "../api/client";
import { entityOf } from "../lib/entity";
import { useRows } from "../lib/rows";
import { ClassTag } from "../parts/ClassTag";
import { Endpoints } from "../parts/Endpoints";
import { EntityLink } from "../parts/EntityLink";
import { KeyFields } from "../parts/KeyFields";
import { Timestamp } from "../parts/Timestamp";
import { type Column, cellText, fieldValueOf } from "./columns";
import styles from "./search.module.css";

const ROW_PX = 28;

interface ResultTableProps {
  rows: readonly EventRow[];
  total: number;
  columns: readonly Column[];
  current: string | null;
  scrollRef: RefObject<HTMLDivElement | null>;
  onOpen: (id: string) => void;
  onEnd: () => void;
}

export function ResultTable(props: ResultTableProps) {
  const { t } = useTranslation();
  const { rows, columns, current, scrollRef, onEnd } = props;
  const virtualizer = useRows({ count: rows.length, rowPx: ROW_PX, scrollRef, onEnd });
  const items = virtualizer.getVirtualItems();
  const template = { gridTemplateColumns: columns.map((column) => column.width).join(" ") };

  const currentIndex = rows.findIndex((row) => row.event_id === current);
  useEffect(() => {
    if (currentIndex >= 0) virtualizer.scrollToIndex(currentIndex);
  }, [currentIndex, virtualizer]);

  return (
    <div
      ref={scrollRef}
      className={styles.scroll}
      role="grid"
      aria-label={t("search.results")}
      aria-rowcount={props.total + 1}
      aria-activedescendant={currentIndex >= 0 ? `event-${current}` : undefined}
      tabIndex={0}
    >
      <div className={styles.head} role="row" aria-rowindex={1} tabIndex={-1} style={template}>
        {columns.map((column) => (
          <span key={keyOf(column)} role="columnheader" tabIndex={-1}>
            {column.kind === "field" ? column.field : t(`event.column.${column.kind}`)}
          </span>
        ))}
      </div>
      <div className={styles.body} role="rowgroup" style={{ height: virtualizer.getTotalSize() }}>
        {items.map((item) => {
          const event = rows[item.index];
          return event ? (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the page's keys move and open
            <div
              key={event.event_id}
              id={`event-${event.event_id}`}
              className={styles.line}
              role="row"
              tabIndex={-1}
              aria-rowindex={item.index + 2}
              data-current={event.event_id === current}
              style={{ ...template, transform: `translateY(${item.start}px)` }}
              onClick={() => props.onOpen(event.event_id)}
            >
              {columns.map((column) => (
                <span key={keyOf(column)} role="gridcell" tabIndex={-1} className="clip">
                  <Cell event={event} column={column} />
                </span>
              ))}
            </div>
          ) : null;
        })}
      </div>
    </div>
  );
}

function keyOf(column: Column): string {
  return column.kind === "field" ? column.field : column.kind;
}

function Cell({ event, column }: { event: EventRow; column: Column }) {
  switch (column.kind) {
    case "time":
      return <Timestamp at={event.ts} />;
    case "class":
      return <ClassTag name={event.class} />;
    case "endpoints":
      return <Endpoints of={event} />;
    case "proto":
      return <>{event.proto ?? "—"}</>;
    case "sensor":
      return <EntityLink kind="sensor" value={event.sensor} inGrid />;
    case "summary":
      return <KeyFields className={event.class} fields={event.fields} />;
    case "field": {
      const text = cellText(event, column.field);
      const kind = entityOf(event.class, column.field);
      const value = fieldValueOf(event, column.field);
      if (kind && typeof value === "string" && value !== "") {
        return (
          <span className="mono" title={text}>
            <EntityLink kind={kind} value={value} inGrid />
          </span>
        );
      }
      return (
        <span className="mono" title={text}>
          {text}
        </span>
      );
    }
  }
}
