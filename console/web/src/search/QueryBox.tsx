import { Button, Popover } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconHelpCircle, IconSearch } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import {
  type FormEvent,
  type KeyboardEvent,
  type RefObject,
  useEffect,
  useMemo,
  useState,
} from "react";
import { useTranslation } from "react-i18next";
import { ApiFailure, type EventField } from "../api/client";
import { fieldsQuery, valuesQuery } from "../api/queries";
import { currentLanguage } from "../i18n";
import { fieldInfo } from "../lib/classes";
import { formatCount } from "../lib/number";
import type { TimeBounds } from "../lib/time";
import { lastHours, term, valueAt, wordAt } from "./query";
import styles from "./search.module.css";

const SUGGESTIONS_MAX = 8;
/** How long typing rests before values are asked for. */
const RESTS_MS = 200;
const SYNTAX = ["exact", "quoted", "prefix", "range", "cidr", "logic", "bare"] as const;

interface QueryBoxProps {
  value: string;
  className: string | undefined;
  /** The time that is searched. */
  bounds: TimeBounds;
  error: unknown;
  inputRef: RefObject<HTMLInputElement | null>;
  onRun: (query: string) => void;
}

/** The query line, with field names and values offered while typing and errors shown where they are. */
export function QueryBox({ value, className, bounds, error, inputRef, onRun }: QueryBoxProps) {
  const { t } = useTranslation();
  const fields = useQuery(fieldsQuery);
  const [text, setText] = useState(value);
  const [caret, setCaret] = useState<number | null>(null);
  const [chosen, setChosen] = useState(-1);
  useEffect(() => setText(value), [value]);

  const word = caret === null ? null : wordAt(text, caret);
  const names = useMemo(
    () => (word ? suggest(fields.data ?? [], className, word.word) : []),
    [fields.data, className, word],
  );
  const typed = caret === null || word ? null : valueAt(text, caret);
  const values = useValues(typed, className, bounds, fields.data ?? []);
  const offered = word ? names : values;
  const complete = (name: string) => {
    const start = word?.start ?? typed?.start;
    if (start === undefined || caret === null) return;
    const put = word ? `${name}:` : quotedValue(name);
    const next = `${text.slice(0, start)}${put}${text.slice(caret)}`;
    const at = start + put.length;
    setText(next);
    // A field is followed by its value, of which some are offered at once.
    setCaret(word ? at : null);
    setChosen(-1);
    requestAnimationFrame(() => {
      inputRef.current?.focus();
      inputRef.current?.setSelectionRange(at, at);
    });
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.key === "Escape") {
      if (offered.length > 0) setCaret(null);
      else event.currentTarget.blur();
    } else if (offered.length > 0 && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      setChosen((now) => (now + step + offered.length) % offered.length);
    } else if (event.key === "Enter" || event.key === "Tab") {
      const field = offered[chosen];
      if (!field) return;
      event.preventDefault();
      complete(field.name);
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setCaret(null);
    onRun(text.trim());
  };
  const wrong = error instanceof ApiFailure && error.status === 400 ? error : null;

  return (
    <form className={styles.query} onSubmit={submit} role="search">
      <div className={styles.queryField}>
        <IconSearch size={15} aria-hidden="true" />
        <input
          ref={inputRef}
          className="mono"
          type="text"
          role="combobox"
          aria-label={t("search.query")}
          aria-expanded={offered.length > 0}
          aria-controls="field-suggestions"
          aria-activedescendant={chosen >= 0 ? `suggestion-${chosen}` : undefined}
          aria-invalid={wrong !== null}
          aria-describedby={wrong ? "query-error" : undefined}
          autoComplete="off"
          spellCheck={false}
          maxLength={4000}
          placeholder={t("search.placeholder")}
          value={text}
          onChange={(event) => {
            setText(event.currentTarget.value);
            setCaret(event.currentTarget.selectionStart);
            setChosen(-1);
          }}
          onKeyDown={onKeyDown}
          onBlur={() => setCaret(null)}
        />
        <div
          id="field-suggestions"
          role="listbox"
          aria-label={t("search.suggestions")}
          className={styles.suggestions}
          hidden={offered.length === 0}
        >
          {offered.map(({ name, about }, index) => (
            // biome-ignore lint/a11y/useFocusableInteractive: focus stays in the input (aria-activedescendant)
            // biome-ignore lint/a11y/useKeyWithClickEvents: the input's keys choose
            <div
              key={name}
              id={`suggestion-${index}`}
              role="option"
              aria-selected={index === chosen}
              className="mono"
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => complete(name)}
            >
              {name} <span className="soft">{about}</span>
            </div>
          ))}
        </div>
      </div>
      <SyntaxHelp />
      <Button type="submit">{t("search.run")}</Button>
      {wrong ? (
        <div id="query-error" className={styles.queryError} role="alert">
          {wrong.column !== null ? (
            <pre aria-hidden="true">
              {value}
              {"\n"}
              {" ".repeat(Math.max(0, wrong.column - 1))}^
            </pre>
          ) : null}
          {wrong.column !== null
            ? t("search.error_at", { column: wrong.column, message: wrong.message })
            : wrong.message || t("error.bad_request")}
        </div>
      ) : null}
    </form>
  );
}

/** The values that a field has had in the last hours, the most frequent first. */
function useValues(
  typed: ReturnType<typeof valueAt>,
  className: string | undefined,
  bounds: TimeBounds,
  fields: readonly EventField[],
): Suggestion[] {
  const { i18n } = useTranslation();
  const field = typed?.field ?? "";
  const [prefix] = useDebouncedValue(typed?.prefix ?? "", RESTS_MS);
  const known = fields.some((each) => each.name === field && COUNTED.has(each.kind));
  const query = useQuery({
    ...valuesQuery({
      field,
      prefix,
      limit: SUGGESTIONS_MAX,
      ...(className ? { class: className } : {}),
      ...lastHours(bounds, Date.now()),
    }),
    enabled: typed !== null && known,
    placeholderData: keepPreviousData,
  });
  if (!typed || query.data?.field !== field) return [];
  const begun = typed.prefix.toLowerCase();
  return query.data.values
    .filter(({ value }) => value.toLowerCase().startsWith(begun) && value !== typed.prefix)
    .map(({ value, count }) => ({ name: value, about: formatCount(count, i18n.language) }));
}

/** Kinds of fields whose values can be counted. */
const COUNTED = new Set(["text", "text_list", "number", "number_list", "boolean", "address"]);

/** A value as it stands in a query: quoted where it could be read as something else. */
function quotedValue(value: string): string {
  return term("x", value).slice(2);
}

interface Suggestion {
  name: string;
  /** What the field is. */
  about: string;
}

function suggest(
  fields: readonly EventField[],
  className: string | undefined,
  word: string,
): Suggestion[] {
  const classes = className?.split(",");
  const wanted = word.toLowerCase();
  const fitting = fields.filter(
    ({ class: of, name }) =>
      (!classes || classes.includes(of)) && name.toLowerCase().startsWith(wanted) && name !== word,
  );
  // Of a field that several classes have, the first one's description stands.
  const about = new Map<string, string>();
  for (const { class: of, name } of fitting) {
    if (!about.has(name)) about.set(name, fieldInfo(of, name)?.[currentLanguage()] ?? "");
  }
  return [...about]
    .map(([name, text]) => ({ name, about: text }))
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .slice(0, SUGGESTIONS_MAX);
}

function SyntaxHelp() {
  const { t } = useTranslation();
  return (
    <Popover position="bottom-end" shadow="md" width={440}>
      <Popover.Target>
        <Button
          variant="subtle"
          px={8}
          leftSection={<IconHelpCircle size={15} aria-hidden="true" />}
        >
          {t("search.syntax")}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label={t("search.syntax")}>
        <dl className={styles.syntax}>
          {SYNTAX.map((name) => (
            <div key={name}>
              <dt className="mono">{SYNTAX_EXAMPLES[name]}</dt>
              <dd>{t(`search.syntax_${name}`)}</dd>
            </div>
          ))}
        </dl>
      </Popover.Dropdown>
    </Popover>
  );
}

const SYNTAX_EXAMPLES: Record<(typeof SYNTAX)[number], string> = {
  exact: "query:example.vn",
  quoted: 'user_agent:"curl/8 test"',
  prefix: "uri:/admin*",
  range: "status_code:>399",
  cidr: "src:10.0.0.0/8",
  logic: "(query:a* OR uri:/b*) AND NOT rcode:0",
  bare: "beacon",
};
