import { Button } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { alertsQuery, countsQuery } from "../api/queries";
import { useKeys } from "../lib/keys";
import { formatCount } from "../lib/number";
import { EmptyState } from "../parts/EmptyState";
import { ErrorPanel } from "../parts/ErrorPanel";
import { AlertTable } from "./AlertTable";
import { CloseDialog } from "./CloseDialog";
import { FilterBar } from "./FilterBar";
import {
  alertQueryOf,
  boundsOf,
  DEFAULT_SORT,
  isNarrowed,
  nextSort,
  type QueueSearch,
} from "./filter";
import { rowsOf } from "./pages";
import styles from "./queue.module.css";
import { leaveTrail } from "./trail";
import { useLiveQueue } from "./useLiveQueue";
import { useTriage } from "./useTriage";

const route = getRouteApi("/app/alerts");

export function QueuePage() {
  const { t, i18n } = useTranslation();
  const search = route.useSearch();
  const navigate = useNavigate();
  const [paused, setPaused] = useState(false);
  const [scrolled, setScrolled] = useState(false);
  const [cursor, setCursor] = useState<string | null>(null);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const scrollRef = useRef<HTMLDivElement>(null);
  const textRef = useRef<HTMLInputElement>(null);

  // A quick range is measured from the moment it was chosen, so that paging stays whole.
  const bounds = useMemo(() => boundsOf(search, Date.now()), [search]);
  const query = useMemo(() => alertQueryOf(search, bounds), [search, bounds]);
  const alerts = useInfiniteQuery(alertsQuery(query));
  const counts = useQuery(countsQuery(bounds));
  // In another order than the latest first, new alerts have no place on top: they wait.
  const sorted = search.sort !== undefined;
  const live = useLiveQueue(query, paused || scrolled || sorted);
  const rows = useMemo(() => rowsOf(alerts.data), [alerts.data]);
  const total = alerts.data?.pages[0]?.total ?? 0;

  useEffect(
    () =>
      leaveTrail(
        rows.map((row) => row.id),
        search,
      ),
    [rows, search],
  );

  const setSearch = useCallback(
    (next: QueueSearch) => void navigate({ to: "/alerts", search: next, replace: true }),
    [navigate],
  );
  const open = (id: string) => void navigate({ to: "/alerts/$id", params: { id } });
  const index = rows.findIndex((row) => row.id === cursor);
  const move = (step: number) => {
    const next = rows[index < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, index + step))];
    if (next) setCursor(next.id);
    // Enter must mean the row, not the link or button that was used last.
    scrollRef.current?.focus({ preventScroll: true });
  };
  const select = (id: string) =>
    setSelected((now) => {
      const next = new Set(now);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  const targets = selected.size > 0 ? [...selected] : cursor ? [cursor] : [];

  const triage = useTriage({
    queryKey: alertsQuery(query).queryKey,
    status: query.status ?? "",
    onDone: (ids) => {
      const gone = new Set(ids);
      const next = rows.slice(Math.max(0, index)).find((row) => !gone.has(row.id));
      if (cursor && gone.has(cursor) && next) setCursor(next.id);
      setSelected(new Set());
    },
  });

  useKeys({
    j: () => move(1),
    ArrowDown: () => move(1),
    k: () => move(-1),
    ArrowUp: () => move(-1),
    Enter: () => cursor && open(cursor),
    o: () => cursor && open(cursor),
    a: () => triage.acknowledge(targets),
    c: () => targets.length > 0 && triage.askClose(targets),
    x: () => cursor && select(cursor),
    p: () => setPaused((was) => !was),
    "/": () => textRef.current?.focus(),
    Escape: () => setSelected(new Set()),
  });

  const showWaiting = () => {
    if (sorted) void alerts.refetch();
    live.showWaiting();
    scrollRef.current?.scrollTo({ top: 0 });
  };
  const loadMore = useCallback(() => {
    if (alerts.hasNextPage && !alerts.isFetchingNextPage && !alerts.isFetchNextPageError) {
      void alerts.fetchNextPage();
    }
  }, [alerts]);

  return (
    <main id="main" className={styles.page}>
      <h1 className="visually-hidden">{t("queue.title")}</h1>
      <FilterBar
        search={search}
        counts={counts.data}
        textRef={textRef}
        stream={live.stream}
        paused={paused}
        onPause={() => setPaused((was) => !was)}
        onChange={setSearch}
      />
      {alerts.error ? (
        <ErrorPanel
          what={t("error.what.alerts")}
          error={alerts.error}
          onRetry={() => void alerts.refetch()}
        />
      ) : null}
      <div className={styles.frame}>
        <AlertTable
          rows={rows}
          total={total}
          cursor={cursor}
          selected={selected}
          fresh={live.fresh}
          scrollRef={scrollRef}
          onCursor={setCursor}
          onOpen={open}
          onSelect={select}
          onSelectAll={() =>
            setSelected((now) =>
              now.size >= rows.length ? new Set() : new Set(rows.map((row) => row.id)),
            )
          }
          sort={query.sort ?? DEFAULT_SORT}
          onSort={(column) => {
            const { sort, ...rest } = search;
            const next = nextSort(sort, column);
            setSearch(next ? { ...rest, sort: next } : rest);
          }}
          onScrolled={setScrolled}
          onEnd={loadMore}
        />
        {live.waiting > 0 ? (
          <Button className={styles.waiting} radius="xl" onClick={showWaiting}>
            {t("live.new", { count: live.waiting })}
          </Button>
        ) : null}
        {alerts.data && rows.length === 0 ? (
          <div className={styles.nothing}>
            {isNarrowed(search) ? (
              <EmptyState title={t("queue.no_match_title")} hint={t("queue.no_match_hint")}>
                <Button variant="default" onClick={() => setSearch({})}>
                  {t("common.clear_filters")}
                </Button>
              </EmptyState>
            ) : (
              <EmptyState title={t("queue.empty_title")} hint={t("queue.empty_hint")}>
                <Button variant="default" component={Link} to="/health">
                  {t("queue.to_health")}
                </Button>
              </EmptyState>
            )}
          </div>
        ) : null}
      </div>
      <footer className={styles.foot}>
        {selected.size > 0 ? (
          <>
            <strong>{t("queue.selected", { count: selected.size })}</strong>
            <Button size="compact-xs" onClick={() => triage.acknowledge(targets)}>
              {t("queue.acknowledge")}
            </Button>
            <Button size="compact-xs" variant="default" onClick={() => triage.askClose(targets)}>
              {t("queue.close")}
            </Button>
            <Button size="compact-xs" variant="subtle" onClick={() => setSelected(new Set())}>
              {t("queue.deselect")}
            </Button>
          </>
        ) : (
          <span>
            {t("queue.total", { count: total, formatted: formatCount(total, i18n.language) })}
            {alerts.isFetchingNextPage ? ` · ${t("common.more_loading")}` : ""}
          </span>
        )}
        <span className={styles.hints} aria-hidden="true">
          <kbd>j</kbd>
          <kbd>k</kbd> {t("keys.down_up")} <kbd>↵</kbd> {t("keys.open")} <kbd>a</kbd>{" "}
          {t("keys.acknowledge")} <kbd>c</kbd> {t("keys.close")} <kbd>x</kbd> {t("keys.select")}{" "}
          <kbd>?</kbd> {t("keys.help")}
        </span>
      </footer>
      <CloseDialog
        count={triage.closing.length}
        opened={triage.closing.length > 0}
        busy={triage.busy}
        onCancel={triage.cancelClose}
        onClose={triage.close}
      />
    </main>
  );
}
