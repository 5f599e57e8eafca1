import { IconChevronDown, IconChevronRight } from "@tabler/icons-react";
import { type KeyboardEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { OrganisationEntry } from "../api/client";
import { nameOf } from "../lib/organisation";
import { formatDay } from "../lib/time";
import styles from "./organisations.module.css";
import { ROWS_MAX, rowsOf, stepOf, type TreeRow } from "./tree";

interface OrganisationTreeProps {
  items: readonly OrganisationEntry[];
  /** Whether only some are asked for: then all that leads to them is open. */
  isFiltered: boolean;
  current: string | undefined;
  onOpen: (code: string) => void;
}

/** Organisations as a tree: arrows move, open and close; Enter shows one. */
export function OrganisationTree({ items, isFiltered, current, onOpen }: OrganisationTreeProps) {
  const { t, i18n } = useTranslation();
  const [chosen, setChosen] = useState<ReadonlyMap<string, boolean>>(new Map());
  const [focused, setFocused] = useState<string>();
  const tree = useRef<HTMLDivElement>(null);
  const all = rowsOf(
    items,
    i18n.language,
    (code, level) => chosen.get(code) ?? (isFiltered || level === 1),
  );
  const rows = all.slice(0, ROWS_MAX);
  const at = (code: string | undefined) => rows.findIndex((row) => row.entry.code === code);
  // One row takes the tab key: where it was last, or what is open.
  const holder = Math.max(0, at(focused) >= 0 ? at(focused) : at(current));
  const focus = (index: number) => {
    const row = tree.current?.children[index];
    if (row instanceof HTMLElement) row.focus();
  };
  const toggle = (code: string, open: boolean) => setChosen((now) => new Map(now).set(code, open));
  const onKeyDown = (event: KeyboardEvent, index: number) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const row = rows[index];
    if (!row) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      onOpen(row.entry.code);
      return;
    }
    const step = stepOf(rows, index, event.key);
    if (!step) return;
    event.preventDefault();
    if ("to" in step) focus(step.to);
    else toggle(row.entry.code, step.open);
  };
  if (rows.length === 0) return null;
  return (
    <>
      <div ref={tree} role="tree" aria-label={t("organisation.title")} className={styles.tree}>
        {rows.map((row, index) => (
          <Row
            key={row.entry.code}
            row={row}
            isCurrent={row.entry.code === current}
            tabIndex={index === holder ? 0 : -1}
            onFocus={() => setFocused(row.entry.code)}
            onKeyDown={(event) => onKeyDown(event, index)}
            onOpen={() => onOpen(row.entry.code)}
            onToggle={() => toggle(row.entry.code, !row.isOpen)}
          />
        ))}
      </div>
      {all.length > rows.length ? (
        <p className={`soft ${styles.more}`}>
          {t("organisation.more", { count: all.length - rows.length })}
        </p>
      ) : null}
    </>
  );
}

interface RowProps {
  row: TreeRow;
  isCurrent: boolean;
  tabIndex: number;
  onFocus: () => void;
  onKeyDown: (event: KeyboardEvent) => void;
  onOpen: () => void;
  onToggle: () => void;
}

function Row({ row, isCurrent, tabIndex, onFocus, onKeyDown, onOpen, onToggle }: RowProps) {
  const { t, i18n } = useTranslation();
  const { entry } = row;
  const Chevron = row.isOpen ? IconChevronDown : IconChevronRight;
  return (
    <div
      role="treeitem"
      aria-level={row.level}
      aria-posinset={row.place}
      aria-setsize={row.size}
      aria-expanded={row.isOpen}
      aria-selected={isCurrent}
      tabIndex={tabIndex}
      className={styles.row}
      data-level={row.level}
      data-match={entry.is_match}
      onFocus={onFocus}
      onKeyDown={onKeyDown}
      onClick={onOpen}
    >
      {row.isOpen === undefined ? (
        <span className={styles.twig} />
      ) : (
        // The arrows do the same for whoever has no pointer.
        <span
          className={styles.twig}
          aria-hidden="true"
          onClick={(event) => {
            event.stopPropagation();
            onToggle();
          }}
        >
          <Chevron size={15} />
        </span>
      )}
      <span className={styles.name}>{nameOf(entry, i18n.language)}</span>{" "}
      <span className="soft">{t(`organisation.kind.${entry.kind}`)}</span>{" "}
      <span className="mono soft">{entry.code}</span>{" "}
      {entry.state === "current" ? null : (
        <span className={styles.state}>
          {entry.state === "past"
            ? t("organisation.past_since", { day: formatDay(entry.until ?? "") })
            : t("organisation.planned_from", { day: formatDay(entry.from ?? "") })}
        </span>
      )}
    </div>
  );
}
