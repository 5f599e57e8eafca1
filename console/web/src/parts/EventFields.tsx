import { IconFilterMinus, IconFilterPlus } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { EventRow } from "../api/client";
import { currentLanguage } from "../i18n";
import { fieldInfo } from "../lib/classes";
import { entityOf } from "../lib/entity";
import { fieldText, isEmpty } from "../lib/fields";
import type { Marker } from "../lib/marks";
import { formatFull } from "../lib/time";
import { term } from "../search/query";
import { CopyValue } from "./CopyValue";
import { EntityLink } from "./EntityLink";
import { LongText } from "./LongText";
import { Marked } from "./Marked";
import styles from "./parts.module.css";

interface EventFieldsProps {
  event: EventRow;
  /** With it, each field can be put into the query or kept out of it. */
  onTerm?: (added: string, sense: "and" | "not") => void;
  /** What of the values is marked. */
  marker?: Marker | undefined;
}

/** All of an event: what every event has, then the fields of its class. */
export function EventFields({ event, onTerm, marker }: EventFieldsProps) {
  const { t } = useTranslation();
  const { class: className, fields, ts, ...envelope } = event;
  const common = Object.entries(envelope).filter(
    ([, value]) => !isEmpty(value) && value !== 0 && value !== "0",
  );
  const own = Object.entries(fields).filter(([, value]) => !isEmpty(value));
  return (
    <div>
      <p className={styles.fieldsTitle}>{t("event.fields", { class: className })}</p>
      <FieldTable className={className} entries={own} onTerm={onTerm} marker={marker} />
      <p className={styles.fieldsTitle}>{t("event.envelope")}</p>
      <FieldTable
        className={className}
        entries={[["ts", `${formatFull(ts)} +07`], ...common]}
        onTerm={onTerm}
        marker={marker}
      />
    </div>
  );
}

interface FieldTableProps {
  className: string;
  entries: readonly (readonly [string, unknown])[];
  onTerm: EventFieldsProps["onTerm"];
  marker: Marker | undefined;
}

function FieldTable({ className, entries, onTerm, marker }: FieldTableProps) {
  return (
    <dl className={styles.fieldTable}>
      {entries.map(([name, value]) => (
        <div key={name}>
          <dt title={fieldInfo(className, name)?.[currentLanguage()]}>{name}</dt>
          <dd>
            <LongText label={name} className={`mono ${styles.fieldValue}`}>
              <FieldValue className={className} name={name} value={value} marker={marker} />
            </LongText>
            <span className={styles.fieldActions}>
              {onTerm && name !== "ts" && isTerm(value) ? (
                <TermButtons added={term(name, firstOf(value))} onTerm={onTerm} />
              ) : null}
              <CopyValue value={fieldText(value)} />
            </span>
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** A value; one that names something leads to its page. */
function FieldValue({
  className,
  name,
  value,
  marker,
}: {
  className: string;
  name: string;
  value: unknown;
  marker: Marker | undefined;
}) {
  const kind = entityOf(className, name);
  const text = fieldText(value);
  const marked = <Marked text={text} spans={marker?.(className, name, text) ?? []} />;
  if (kind && typeof value === "string")
    return (
      <EntityLink kind={kind} value={value}>
        {marked}
      </EntityLink>
    );
  return marked;
}

interface TermButtonsProps {
  added: string;
  onTerm: NonNullable<EventFieldsProps["onTerm"]>;
}

function TermButtons({ added, onTerm }: TermButtonsProps) {
  const { t } = useTranslation();
  const include = t("event.include", { term: added });
  const exclude = t("event.exclude", { term: added });
  return (
    <>
      <button
        type="button"
        className={styles.tiny}
        onClick={() => onTerm(added, "and")}
        aria-label={include}
        title={include}
      >
        <IconFilterPlus size={14} />
      </button>
      <button
        type="button"
        className={styles.tiny}
        onClick={() => onTerm(added, "not")}
        aria-label={exclude}
        title={exclude}
      >
        <IconFilterMinus size={14} />
      </button>
    </>
  );
}

/** Whether a value can stand in a query term: text, a number, or a list of them. */
function isTerm(value: unknown): boolean {
  const first = firstOf(value);
  return typeof first === "string" || typeof first === "number" || typeof first === "boolean";
}

function firstOf(value: unknown): unknown {
  return Array.isArray(value) ? value[0] : value;
}
