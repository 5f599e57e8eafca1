import { type RefObject, useEffect } from "react";
import { useTranslation } from "react-i18next";
import type { AlertGroup } from "../api/client";
import { formatCount } from "../lib/number";
import { titleOf } from "../lib/rule";
import { Severity } from "../parts/Severity";
import { Timestamp } from "../parts/Timestamp";
import type { GroupBy } from "./columns";
import styles from "./queue.module.css";

const COLUMNS = ["severity", "key", "alerts", "open", "rules", "last_seen"] as const;

interface GroupTableProps {
  by: GroupBy;
  groups: readonly AlertGroup[];
  isMore: boolean;
  cursor: string | null;
  scrollRef: RefObject<HTMLDivElement | null>;
  onCursor: (key: string) => void;
  onOpen: (key: string) => void;
}

/** The queue in groups; a deed on a group is done to all its alerts. */
export function GroupTable(props: GroupTableProps) {
  const { t, i18n } = useTranslation();
  const { by, groups, cursor } = props;
  const count = (number: number) => formatCount(number, i18n.language);
  const called = ({ title, title_vi }: AlertGroup) =>
    title === null ? null : titleOf({ title, title_vi }, i18n.language);
  useEffect(() => {
    if (cursor) document.getElementById(`group-${cursor}`)?.scrollIntoView?.({ block: "nearest" });
  }, [cursor]);
  return (
    <div
      ref={props.scrollRef}
      className={styles.scroll}
      role="grid"
      aria-label={t("group.table")}
      aria-rowcount={groups.length + 1}
      aria-activedescendant={cursor ? `group-${cursor}` : undefined}
      tabIndex={0}
    >
      <div className={`${styles.groupLine} ${styles.groupHead}`} role="row" tabIndex={-1}>
        {COLUMNS.map((column) => (
          <span key={column} role="columnheader" tabIndex={-1}>
            {column === "key" ? t(`group.by_${by}`) : t(`group.column.${column}`)}
          </span>
        ))}
      </div>
      {groups.map((group) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the page's keys move the cursor and open the group
        <div
          key={group.key}
          id={`group-${group.key}`}
          role="row"
          tabIndex={-1}
          className={styles.groupLine}
          data-current={group.key === cursor}
          onClick={() => props.onCursor(group.key)}
          onDoubleClick={() => props.onOpen(group.key)}
        >
          <span role="gridcell" tabIndex={-1}>
            <Severity level={group.severity} />
          </span>
          <span role="gridcell" tabIndex={-1} className="clip" title={group.key}>
            <button type="button" tabIndex={-1} onClick={() => props.onOpen(group.key)}>
              {by === "rule" ? (called(group) ?? group.key) : group.key}
            </button>
            {by !== "rule" && group.title ? <span className="soft"> · {called(group)}</span> : null}
          </span>
          <span role="gridcell" tabIndex={-1}>
            {count(group.alerts)}
          </span>
          <span role="gridcell" tabIndex={-1}>
            {count(group.open)}
          </span>
          <span role="gridcell" tabIndex={-1}>
            {count(group.rules)}
          </span>
          <span role="gridcell" tabIndex={-1}>
            <Timestamp at={group.last_seen} />
          </span>
        </div>
      ))}
      {props.isMore ? <p className="soft">{t("group.more", { count: groups.length })}</p> : null}
    </div>
  );
}
