import { Button } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiFailure } from "../api/client";
import { eventsQuery, histogramQuery } from "../api/queries";
import { useMay } from "../lib/abilities";
import { CLASSES } from "../lib/classes";
import { stepKeys, useKeys } from "../lib/keys";
import { formatCount } from "../lib/number";
import { rowAt, useLoadMore } from "../lib/rows";
import { toggleInList } from "../lib/search-params";
import { formatDuration } from "../lib/time";
import { ClassTag } from "../parts/ClassTag";
import { EmptyState } from "../parts/EmptyState";
import { ErrorPanel } from "../parts/ErrorPanel";
import { TimeRange } from "../parts/TimeRange";
import { ToggleList } from "../parts/ToggleList";
import { ColumnMenu } from "./ColumnMenu";
import { columnsOf } from "./columns";
import { EventPanel } from "./EventPanel";
import { ExportDialog } from "./ExportDialog";
import { FieldPanel } from "./FieldPanel";
import { Histogram } from "./Histogram";
import { QueryBox } from "./QueryBox";
import { DEFAULT_RANGE, type EventSearch, eventQueryOf, withTerm } from "./query";
import { ResultTable } from "./ResultTable";
import { SavedMenu } from "./SavedMenu";
import styles from "./search.module.css";

const route = getRouteApi("/app/search");

export function SearchPage() {
  const { t, i18n } = useTranslation();
  const may = useMay();
  const search = route.useSearch();
  const navigate = useNavigate();
  const [run, setRun] = useState(0);
  const [current, setCurrent] = useState<string | null>(null);
  const [detail, setDetail] = useState(false);
  const [fieldsShown, setFieldsShown] = useState(false);
  const [exporting, setExporting] = useState(false);
  const inputRef = useRef<HTMLInputElement>(null);
  const scrollRef = useRef<HTMLDivElement>(null);

  // A quick range is measured from the moment of the search, so that paging stays whole.
  // biome-ignore lint/correctness/useExhaustiveDependencies: `run` asks for a new moment
  const query = useMemo(() => eventQueryOf(search, Date.now()), [search, run]);
  const events = useInfiniteQuery(eventsQuery(query, run));
  const histogram = useQuery(histogramQuery(query, run));
  const rows = useMemo(() => events.data?.pages.flatMap((page) => page.items) ?? [], [events.data]);
  const total = events.data?.pages[0]?.total ?? 0;
  const index = rows.findIndex((row) => row.event_id === current);
  const shown = detail ? rows[index] : undefined;

  const setSearch = (next: EventSearch) => {
    setRun((now) => now + 1);
    void navigate({ to: "/search", search: next });
  };
  const addTerm = (added: string, sense: "and" | "not") =>
    setSearch({ ...search, q: withTerm(search.q ?? "", added, sense) });
  const move = (step: number) => {
    const next = rowAt(rows, index, step);
    if (next) setCurrent(next.event_id);
    // Enter must mean the row, not the link or button that was used last.
    scrollRef.current?.focus({ preventScroll: true });
  };
  const loadMore = useLoadMore(events);

  useKeys({
    "/": () => inputRef.current?.focus(),
    ...stepKeys(move),
    Enter: () => current && setDetail(true),
    Escape: () => setDetail(false),
  });

  const badQuery = events.error instanceof ApiFailure && events.error.status === 400;
  const absolute = Boolean(search.from || search.to);
  const className = search.class;
  const columns = useMemo(() => columnsOf(className, search.columns), [className, search.columns]);

  return (
    <main id="main" className={styles.page}>
      <h1 className="visually-hidden">{t("search.title")}</h1>
      <QueryBox
        value={search.q ?? ""}
        className={className}
        bounds={query}
        error={events.error}
        inputRef={inputRef}
        onRun={(q) => setSearch(withQuery(search, q))}
      />
      <div className={styles.tools}>
        <ToggleList
          label={t("search.classes")}
          chosen={className?.split(",") ?? []}
          onToggle={(name) => setSearch(withClass(search, toggleInList(className, name, CLASSES)))}
          items={CLASSES.map((name) => ({ value: name, label: <ClassTag name={name} /> }))}
        />
        <span className={styles.spacer} />
        {absolute ? (
          <Button variant="subtle" px={8} onClick={() => setSearch(withRange(search, {}))}>
            {t("search.reset_range")}
          </Button>
        ) : null}
        <TimeRange
          value={search}
          fallback={DEFAULT_RANGE}
          onChange={(range) => setSearch(withRange(search, range))}
        />
        <SavedMenu search={search} onOpen={setSearch} />
        <ColumnMenu
          className={className}
          chosen={search.columns}
          onChange={(chosen) => setSearch(withColumns(search, chosen))}
        />
        <Button
          variant={fieldsShown ? "light" : "default"}
          px={8}
          aria-pressed={fieldsShown}
          onClick={() => setFieldsShown((was) => !was)}
        >
          {t("search.fields")}
        </Button>
        {may("event-search:export") ? (
          <Button variant="default" px={8} onClick={() => setExporting(true)}>
            {t("search.export")}
          </Button>
        ) : null}
        <Button
          variant="default"
          px={8}
          aria-label={t("common.refresh")}
          title={t("common.refresh")}
          loading={events.isFetching && !events.isFetchingNextPage}
          onClick={() => setRun((now) => now + 1)}
        >
          <IconRefresh size={15} aria-hidden="true" />
        </Button>
      </div>
      {histogram.error && !badQuery ? (
        <ErrorPanel
          what={t("error.what.histogram")}
          error={histogram.error}
          onRetry={() => void histogram.refetch()}
        />
      ) : null}
      {histogram.data && !badQuery ? (
        <Histogram
          data={histogram.data}
          onRange={(from, to) => setSearch(withRange(search, { from, to }))}
        />
      ) : (
        <div className={styles.histogram} />
      )}
      <p className={styles.count} role="status">
        {events.isLoading ? t("common.loading") : null}
        {events.data && !events.error
          ? t("search.total", { count: total, formatted: formatCount(total, i18n.language) })
          : null}
        {histogram.data && !badQuery
          ? ` · ${t("search.per_bucket", { width: formatDuration(histogram.data.bucket_us) })}`
          : ""}
        {events.isFetchingNextPage ? ` · ${t("common.more_loading")}` : ""}
      </p>
      {events.error && !badQuery ? (
        <ErrorPanel
          what={t("error.what.events")}
          error={events.error}
          onRetry={() => void events.refetch()}
        />
      ) : null}
      <div className={styles.split}>
        <div className={styles.frame}>
          <ResultTable
            rows={badQuery ? [] : rows}
            total={total}
            columns={columns}
            current={current}
            scrollRef={scrollRef}
            onOpen={(id) => {
              setCurrent(id);
              setDetail(true);
            }}
            onEnd={loadMore}
          />
          {events.data && rows.length === 0 && !badQuery ? (
            <div className={styles.nothing}>
              <EmptyState title={t("search.empty_title")} hint={t("search.empty_hint")}>
                <Button
                  variant="default"
                  onClick={() => setSearch(withRange(search, { range: "all" }))}
                >
                  {t("search.all_time")}
                </Button>
              </EmptyState>
            </div>
          ) : null}
        </div>
        {shown ? (
          <EventPanel event={shown} onTerm={addTerm} onClose={() => setDetail(false)} />
        ) : fieldsShown && !badQuery ? (
          <FieldPanel query={query} onTerm={addTerm} onClose={() => setFieldsShown(false)} />
        ) : null}
      </div>
      <ExportDialog
        opened={exporting}
        query={query}
        columns={search.columns}
        onClose={() => setExporting(false)}
      />
    </main>
  );
}

function withQuery(search: EventSearch, q: string): EventSearch {
  const { q: _, ...rest } = search;
  return q ? { ...rest, q } : rest;
}

function withClass(search: EventSearch, className: string | undefined): EventSearch {
  const { class: _, ...rest } = search;
  return className ? { ...rest, class: className } : rest;
}

function withColumns(search: EventSearch, columns: readonly string[]): EventSearch {
  const { columns: _, ...rest } = search;
  return columns.length > 0 ? { ...rest, columns: columns.join(",") } : rest;
}

function withRange(search: EventSearch, next: EventSearch): EventSearch {
  const { range: _r, from: _f, to: _t, ...rest } = search;
  return { ...rest, ...(next.range === DEFAULT_RANGE ? {} : next) };
}
