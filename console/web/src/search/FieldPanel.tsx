import { Select } from "@mantine/core";
import { IconFilterMinus, IconFilterPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type EventQuery, valuesQuery } from "../api/queries";
import { formatCount } from "../lib/number";
import { ErrorPanel } from "../parts/ErrorPanel";
import { SidePanel } from "../parts/SidePanel";
import { choosable } from "./columns";
import { term } from "./query";
import styles from "./search.module.css";

const VALUES = 25;
const FIRST_FIELD = "dport";
/** Of one event alone; there is nothing to count. */
const UNCOUNTED = new Set(["class", "event_id"]);

interface FieldPanelProps {
  query: EventQuery;
  onTerm: (added: string, sense: "and" | "not") => void;
  onClose: () => void;
}

/** A field's most frequent values among what was found; each can be put into the query or kept out of it. */
export function FieldPanel({ query, onTerm, onClose }: FieldPanelProps) {
  const { t, i18n } = useTranslation();
  const [field, setField] = useState(FIRST_FIELD);
  const values = useQuery(valuesQuery({ ...query, field, limit: VALUES }));
  const number = (value: number) => formatCount(value, i18n.language);
  const fields = choosable(query.class).filter((name) => !UNCOUNTED.has(name));
  const found = values.data;
  return (
    <SidePanel
      label={t("search.fields")}
      contentLabel={t("search.values_of", { field })}
      head={
        <Select
          searchable
          aria-label={t("search.fields_choose")}
          data={fields}
          value={field}
          onChange={(name) => name && setField(name)}
          classNames={{ input: "mono" }}
          nothingFoundMessage="—"
        />
      }
      className={styles.panel}
      onClose={onClose}
    >
      {values.isLoading ? <p role="status">{t("common.loading")}</p> : null}
      {values.error ? (
        <ErrorPanel
          what={t("error.what.values")}
          error={values.error}
          onRetry={() => void values.refetch()}
        />
      ) : null}
      {found ? (
        <p className="soft" role="status">
          {found.total === 0
            ? t("search.values_none")
            : `${t("search.values_total", { count: found.total, formatted: number(found.total) })} · ${t("entity.distinct", { count: found.distinct, formatted: number(found.distinct) })}`}
        </p>
      ) : null}
      <ol className={styles.values}>
        {found?.values.map(({ value, count }) => (
          <Value
            key={value}
            field={field}
            value={value}
            count={number(count)}
            share={count / Math.max(1, found.total)}
            onTerm={onTerm}
          />
        ))}
      </ol>
    </SidePanel>
  );
}

interface ValueProps {
  field: string;
  value: string;
  count: string;
  share: number;
  onTerm: FieldPanelProps["onTerm"];
}

function Value({ field, value, count, share, onTerm }: ValueProps) {
  const { t } = useTranslation();
  const added = term(field, value);
  const include = t("event.include", { term: added });
  const exclude = t("event.exclude", { term: added });
  return (
    <li>
      <span className={styles.share} style={{ width: `${100 * share}%` }} aria-hidden="true" />
      <span className="mono clip" title={value}>
        {value}
      </span>
      <span className={styles.percent}>
        {count} <span className="soft">{(100 * share).toFixed(1)} %</span>
      </span>
      <button
        type="button"
        onClick={() => onTerm(added, "and")}
        aria-label={include}
        title={include}
      >
        <IconFilterPlus size={14} />
      </button>
      <button
        type="button"
        onClick={() => onTerm(added, "not")}
        aria-label={exclude}
        title={exclude}
      >
        <IconFilterMinus size={14} />
      </button>
    </li>
  );
}
