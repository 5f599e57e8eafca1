import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { Thing } from "../api/client";
import { elsewhereQuery, entityQuery, histogramQuery } from "../api/queries";
import { isPageKind } from "../lib/entity";
import { formatCount } from "../lib/number";
import { type RangeSearch, resolveRange, type TimeBounds } from "../lib/time";
import { Card } from "../parts/Card";
import { ClassTag } from "../parts/ClassTag";
import { CopyValue } from "../parts/CopyValue";
import { EmptyState } from "../parts/EmptyState";
import { ErrorPanel } from "../parts/ErrorPanel";
import { PageMissing } from "../parts/PageMissing";
import { TimeRange } from "../parts/TimeRange";
import { Timestamp } from "../parts/Timestamp";
import { Histogram } from "../search/Histogram";
import { DEFAULT_RANGE } from "../search/query";
import { EXERCISE } from "../stage/stage";
import { AlertsCard } from "./AlertsCard";
import { BesideCard } from "./BesideCard";
import styles from "./entity.module.css";
import { PairCard } from "./PairCard";

const route = getRouteApi("/app/entity/$kind/$value");

/** All that is known of one thing that events name, within the reader's reach. */
export function EntityPage() {
  const { t } = useTranslation();
  const { kind, value } = route.useParams();
  const search = route.useSearch();
  const navigate = useNavigate();
  // A quick range is measured from the moment it was chosen, so that the parts of the page agree.
  const bounds = useMemo(() => resolveRange(search, DEFAULT_RANGE, Date.now()), [search]);
  const entity = useQuery({ ...entityQuery(kind, value, bounds), enabled: isPageKind(kind) });
  if (!isPageKind(kind)) return <PageMissing />;
  const choose = (range: RangeSearch) =>
    void navigate({
      to: "/entity/$kind/$value",
      params: { kind, value },
      search: range.range === DEFAULT_RANGE ? {} : range,
    });
  const shown = entity.data?.value ?? value;
  return (
    <main id="main" className={styles.page}>
      <header className={styles.head}>
        <span className={styles.kind}>{t(`entity.kind.${kind}`)}</span>
        <h1 className="mono">{shown}</h1>
        <CopyValue value={shown} />
        {kind === "host" || kind === "domain" ? (
          <Link
            to="/entity/$kind/$value"
            params={{ kind: kind === "host" ? "domain" : "host", value: shown }}
            search={search}
          >
            {kind === "host" ? t("entity.as_domain") : t("entity.as_host")}
          </Link>
        ) : null}
        <span className={styles.spacer} />
        <TimeRange value={search} fallback={DEFAULT_RANGE} onChange={choose} />
      </header>
      {entity.isLoading ? <p role="status">{t("common.loading")}</p> : null}
      {entity.error ? (
        <ErrorPanel
          what={t("error.what.entity")}
          error={entity.error}
          onRetry={() => void entity.refetch()}
        />
      ) : null}
      {entity.data ? <Boards thing={entity.data} bounds={bounds} onRange={choose} /> : null}
    </main>
  );
}

interface BoardsProps {
  thing: Thing;
  bounds: TimeBounds;
  onRange: (range: RangeSearch) => void;
}

function Boards({ thing, bounds, onRange }: BoardsProps) {
  const { t } = useTranslation();
  return (
    <div className={styles.boards}>
      {thing.total > 0 ? (
        <>
          <Seen thing={thing} bounds={bounds} />
          <OverTime thing={thing} bounds={bounds} onRange={onRange} />
        </>
      ) : (
        <div className={styles.wide}>
          <EmptyState title={t("entity.never_title")} hint={t("entity.never_hint")} />
        </div>
      )}
      <AlertsCard thing={thing} />
      <PairCard thing={thing} />
      <BesideCard thing={thing} bounds={bounds} />
    </div>
  );
}

/** How many other organisations saw it, where that is told: of real work alone, never which. */
function Elsewhere({ thing }: Pick<BoardsProps, "thing">) {
  const { t, i18n } = useTranslation();
  const { data } = useQuery({
    ...elsewhereQuery(thing.kind, thing.value),
    enabled: EXERCISE === null,
  });
  if (!data?.organisations) return null;
  const formatted = formatCount(data.organisations, i18n.language);
  return (
    <div>
      <dt>{t("entity.elsewhere")}</dt>
      <dd>
        {t("entity.elsewhere_count", { count: data.organisations, formatted })}{" "}
        <span className="soft">{t("entity.elsewhere_days", { count: data.days })}</span>
      </dd>
    </div>
  );
}

function Seen({ thing, bounds }: Pick<BoardsProps, "thing" | "bounds">) {
  const { t, i18n } = useTranslation();
  const number = (value: number) => formatCount(value, i18n.language);
  const classes = Object.entries(thing.by_class).sort(([, one], [, other]) => other - one);
  return (
    <dl className={`${styles.seen} ${styles.wide}`}>
      <div>
        <dt>{t("entity.first")}</dt>
        <dd>{thing.first_seen ? <Timestamp at={thing.first_seen} /> : "—"}</dd>
      </div>
      <div>
        <dt>{t("entity.last")}</dt>
        <dd>{thing.last_seen ? <Timestamp at={thing.last_seen} /> : "—"}</dd>
      </div>
      <div>
        <dt>{t("entity.within")}</dt>
        <dd>
          <Link to="/search" search={{ q: thing.query, ...bounds }}>
            {t("entity.events", { count: thing.total, formatted: number(thing.total) })}
          </Link>
        </dd>
      </div>
      <Elsewhere thing={thing} />
      <div>
        <dt>{t("entity.by_class")}</dt>
        <dd className={styles.classes}>
          {classes.map(([name, count]) => (
            <Link key={name} to="/search" search={{ q: thing.query, class: name, ...bounds }}>
              <ClassTag name={name} /> {number(count)}
            </Link>
          ))}
        </dd>
      </div>
    </dl>
  );
}

function OverTime({ thing, bounds, onRange }: BoardsProps) {
  const { t } = useTranslation();
  const query = { q: thing.query, class: thing.classes.join(","), ...bounds };
  const histogram = useQuery(histogramQuery(query, 0));
  return (
    <Card title={t("entity.over_time")} className={styles.wide}>
      {histogram.error ? (
        <ErrorPanel
          what={t("error.what.histogram")}
          error={histogram.error}
          onRetry={() => void histogram.refetch()}
        />
      ) : null}
      {histogram.data ? (
        <Histogram data={histogram.data} onRange={(from, to) => onRange({ from, to })} />
      ) : null}
    </Card>
  );
}
