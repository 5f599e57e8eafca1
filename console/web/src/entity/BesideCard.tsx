import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { EventValues, Thing } from "../api/client";
import { currentLanguage } from "../i18n";
import { fieldInfo } from "../lib/classes";
import { entityOf } from "../lib/entity";
import { formatCount } from "../lib/number";
import type { TimeBounds } from "../lib/time";
import { Card } from "../parts/Card";
import { EntityLink } from "../parts/EntityLink";
import { term, withTerm } from "../search/query";
import styles from "./entity.module.css";

interface BesideCardProps {
  thing: Thing;
  bounds: TimeBounds;
}

/** What occurs with it, field by field: each value a way to its own page, each count to the events. */
export function BesideCard({ thing, bounds }: BesideCardProps) {
  const { t } = useTranslation();
  if (thing.beside.length === 0) return null;
  return (
    <Card title={t("entity.beside")} className={styles.wide}>
      <div className={styles.beside}>
        {thing.beside.map((values) => (
          <Values key={values.field} values={values} thing={thing} bounds={bounds} />
        ))}
      </div>
    </Card>
  );
}

function Values({ values, thing, bounds }: BesideCardProps & { values: EventValues }) {
  const { t, i18n } = useTranslation();
  const number = (value: number) => formatCount(value, i18n.language);
  const { field } = values;
  const owner = thing.classes.find((name) => fieldInfo(name, field)) ?? "";
  const kind = entityOf(owner, field);
  return (
    <section aria-label={field}>
      <h3>
        <span className="mono" title={fieldInfo(owner, field)?.[currentLanguage()]}>
          {field}
        </span>{" "}
        <span className="soft">
          {t("entity.distinct", { count: values.distinct, formatted: number(values.distinct) })}
        </span>
      </h3>
      <ol>
        {values.values.map(({ value, count }) => (
          <li key={value}>
            <span
              className={styles.share}
              style={{ width: `${(100 * count) / Math.max(1, values.total)}%` }}
              aria-hidden="true"
            />
            <span className={`mono clip ${styles.value}`} title={value}>
              {kind ? <EntityLink kind={kind} value={value} /> : value}
            </span>
            <Link
              to="/search"
              search={{ q: withTerm(thing.query, term(field, value), "and"), ...bounds }}
              aria-label={`${number(count)}: ${t("entity.search")}, ${term(field, value)}`}
            >
              {number(count)}
            </Link>
          </li>
        ))}
      </ol>
    </section>
  );
}
