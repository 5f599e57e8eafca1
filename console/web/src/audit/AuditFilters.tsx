import { Button, TextInput } from "@mantine/core";
import { type FormEvent, type ReactNode, useId } from "react";
import { useTranslation } from "react-i18next";
import { TimeRange } from "../parts/TimeRange";
import { ToggleList } from "../parts/ToggleList";
import styles from "./audit.module.css";
import { type AuditSearch, DEFAULT_RANGE, FILTERS, RESULTS, readAuditSearch } from "./search";

interface AuditFiltersProps {
  search: AuditSearch;
  onChange: (next: AuditSearch) => void;
  children: ReactNode;
}

/** What narrows the log down; the texts count once they are sent. */
export function AuditFilters({ search, onChange, children }: AuditFiltersProps) {
  const { t } = useTranslation();
  const id = useId();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const texts = FILTERS.map((name) => [name, String(form.get(name) ?? "").trim()]);
    onChange(readAuditSearch({ ...search, ...Object.fromEntries(texts) }));
  };
  const { range: _r, from: _f, to: _t, ...rest } = search;
  const { result: _, ...unjudged } = search;
  return (
    <div className={styles.filters}>
      <form onSubmit={submit} id={id} className={styles.texts}>
        {FILTERS.map((name) => (
          <TextInput
            key={name}
            name={name}
            size="xs"
            label={t(`audit.field.${name}`)}
            placeholder={t(`audit.example.${name}`)}
            defaultValue={search[name] ?? ""}
          />
        ))}
        <Button type="submit">{t("common.apply")}</Button>
      </form>
      <div className={styles.tools}>
        <ToggleList
          label={t("audit.field.result")}
          chosen={search.result ? [search.result] : []}
          onToggle={(word) =>
            onChange(search.result === word ? unjudged : { ...unjudged, result: word })
          }
          items={RESULTS.map((word) => ({ value: word, label: t(`audit.result.${word}`) }))}
        />
        <TimeRange
          value={search}
          fallback={DEFAULT_RANGE}
          onChange={(range) => onChange({ ...rest, ...range })}
        />
        <span className={styles.spacer} />
        {children}
      </div>
    </div>
  );
}
