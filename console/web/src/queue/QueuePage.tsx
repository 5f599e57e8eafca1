import { Button } from "@mantine/core";
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { alertsQuery, countsQuery, groupsQuery, sessionQuery } from "../api/queries";
import { useMay } from "../lib/abilities";
import { allowed, useCommands } from "../lib/commands";
import { useLoadMore } from "../lib/rows";
import { EmptyState } from "../parts/EmptyState";
import { ErrorPanel } from "../parts/ErrorPanel";
import { TriageDialogs } from "../triage/TriageDialogs";
import { type Subject, useTriage } from "../triage/useTriage";
import { AlertTable } from "./AlertTable";
import { columnsOf, densityOf, groupOf, nextGroup } from "./columns";
import { FilterBar } from "./FilterBar";
import {
  alertQueryOf,
  boundsOf,
  DEFAULT_SORT,
  isNarrowed,
  latestSeen,
  nextSort,
  type QueueSearch,
  withoutFilters,
  withParameter,
} from "./filter";
import { GroupTable } from "./GroupTable";
import { rowsOf } from "./pages";
import { QueueFoot } from "./QueueFoot";
import styles from "./queue.module.css";
import { leaveTrail } from "./trail";
import { useLiveQueue } from "./useLiveQueue";
import { useWaking } from "./useWaking";

const route = getRouteApi("/app/alerts");

export function QueuePage() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const search = route.useSearch();
  const navigate = useNavigate();
  const [paused, setPaused] = useState(false);
  const [scrolled, setScrolled] = useState(false);
  const [viewsOpened, setViewsOpened] = useState(false);
  const [cursor, setCursor] = useState<string | null>(null);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  /** All that match, loaded or not. */
  const [everything, setEverything] = useState(false);
  const scrollRef = useRef<HTMLDivElement>(null);
  const textRef = useRef<HTMLInputElement>(null);
  const { data: me } = useQuery(sessionQuery);
  const may = useMay();
  const mayWork = may("alert:work");

  // A quick range is measured from the moment it was chosen, so that paging stays whole.
  const bounds = useMemo(() => boundsOf(search, Date.now()), [search]);
  const query = useMemo(() => alertQueryOf(search, bounds), [search, bounds]);
  const by = groupOf(search.group);
  const alerts = useInfiniteQuery(alertsQuery(query));
  const groups = useQuery({ ...groupsQuery(query, by ?? "rule"), enabled: by !== undefined });
  const counts = useQuery(countsQuery(bounds));
  useWaking(counts.data?.wakes_at);
  // In another order than the latest first, new alerts have no place on top: they wait.
  const sorted = search.sort !== undefined;
  const live = useLiveQueue(query, paused || scrolled || sorted, me?.id);
  const rows = useMemo(() => rowsOf(alerts.data), [alerts.data]);
  const first = alerts.data?.pages[0];
  const total = first?.total ?? 0;

  useEffect(
    () =>
      leaveTrail(
        rows.map((row) => row.id),
        search,
      ),
    [rows, search],
  );
  // Another filter is another queue.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the query stands for the filter
  useEffect(() => {
    setEverything(false);
    setSelected(new Set());
  }, [query, by]);

  const setSearch = useCallback(
    (next: QueueSearch) => void navigate({ to: "/alerts", search: next, replace: true }),
    [navigate],
  );
  const set = (name: keyof QueueSearch, value: string | undefined) =>
    setSearch(withParameter(search, name, value));
  const keys = by
    ? (groups.data?.items ?? []).map((group) => group.key)
    : rows.map((row) => row.id);
  const index = cursor === null ? -1 : keys.indexOf(cursor);
  const move = (step: number) => {
    const next = keys[index < 0 ? 0 : Math.min(keys.length - 1, Math.max(0, index + step))];
    if (next !== undefined) setCursor(next);
    // Enter must mean the row, not the link or button that was used last.
    scrollRef.current?.focus({ preventScroll: true });
  };
  const open = (key: string) => {
    if (!by) return void navigate({ to: "/alerts/$id", params: { id: key } });
    // The groups stay one step back.
    const { group: _, ...rest } = search;
    setCursor(null);
    void navigate({ to: "/alerts", search: { ...rest, [by]: key } });
  };
  const select = (id: string) => {
    setEverything(false);
    setSelected((now) => {
      const next = new Set(now);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  };
  const deselect = () => {
    setEverything(false);
    setSelected(new Set());
  };

  /** What a deed is done to: the group under the cursor, all that match, those selected, or the one under the cursor. */
  const subject = (): Subject | null => {
    if (by) {
      const group = groups.data?.items.find((each) => each.key === cursor);
      if (!group || !groups.data) return null;
      const filter = { ...query, [by]: group.key };
      const target = { filter, seenAt: groups.data.seen_at };
      return { target, count: group.alerts, known: [] };
    }
    if (everything && first) {
      const target = { filter: query, seenAt: latestSeen(first.seen_at, rows) };
      return { target, count: total, known: [] };
    }
    const ids = selected.size > 0 ? [...selected] : cursor !== null ? [cursor] : [];
    const wanted = new Set(ids);
    return { target: { ids }, count: ids.length, known: rows.filter((row) => wanted.has(row.id)) };
  };
  const triage = useTriage((target) => {
    if (!("ids" in target)) {
      deselect();
      return;
    }
    const gone = new Set(target.ids);
    // What has left the queue leaves the cursor to the next.
    const left = new Set(rowsOf(client.getQueryData(alertsQuery(query).queryKey)).map((r) => r.id));
    const next = rows.slice(Math.max(0, index)).find((row) => !gone.has(row.id));
    if (cursor && gone.has(cursor) && !left.has(cursor) && next) setCursor(next.id);
    deselect();
  });

  /** An exception is made from one alert. */
  const except = () => {
    const one = subject();
    if (one?.count === 1 && "ids" in one.target) triage.ask("except", one);
  };

  useCommands(
    allowed(
      {
        "queue.down": () => move(1),
        "queue.up": () => move(-1),
        "queue.open": () => cursor !== null && open(cursor),
        "queue.acknowledge": () => triage.acknowledge(subject()),
        "queue.acknowledge_note": () => triage.ask("claim", subject()),
        "queue.assign": () => triage.ask("assign", subject()),
        "queue.close": () => triage.ask("close", subject()),
        "queue.reopen": () => triage.run(subject(), { action: "reopen" }),
        "queue.snooze": () => triage.ask("snooze", subject()),
        "queue.tag": () => triage.ask("tag", subject()),
        ...(may("rule:create") ? { "queue.except": () => except() } : {}),
        "queue.select": () => cursor !== null && !by && select(cursor),
        "queue.select_all": () => !by && setEverything((was) => !was),
        "queue.undo": triage.undoLast,
        "queue.focus": () => textRef.current?.focus(),
        "queue.mine": () => set("assignee", search.assignee === "me" ? undefined : "me"),
        "queue.nobodys": () => set("assignee", search.assignee === "nobody" ? undefined : "nobody"),
        "queue.group": () => {
          setCursor(null);
          set("group", nextGroup(by));
        },
        "queue.views": () => setViewsOpened(true),
        "queue.pause": () => setPaused((was) => !was),
      },
      mayWork,
    ),
    {
      ArrowDown: () => move(1),
      ArrowUp: () => move(-1),
      Enter: () => cursor !== null && open(cursor),
      Escape: deselect,
    },
  );

  const showWaiting = () => {
    if (sorted) void alerts.refetch();
    live.showWaiting();
    scrollRef.current?.scrollTo({ top: 0 });
  };
  const loadMore = useLoadMore(alerts);
  const error = by ? groups.error : alerts.error;

  return (
    <main id="main" className={styles.page}>
      <h1 className="visually-hidden">{t("queue.title")}</h1>
      <FilterBar
        search={search}
        counts={counts.data}
        textRef={textRef}
        stream={live.stream}
        paused={paused}
        viewsOpened={viewsOpened}
        onViewsOpened={setViewsOpened}
        onPause={() => setPaused((was) => !was)}
        onChange={setSearch}
      />
      {error ? (
        <ErrorPanel
          what={t("error.what.alerts")}
          error={error}
          onRetry={() => void (by ? groups.refetch() : alerts.refetch())}
        />
      ) : null}
      <div className={styles.frame}>
        {by ? (
          <GroupTable
            by={by}
            groups={groups.data?.items ?? []}
            isMore={groups.data?.is_more ?? false}
            cursor={cursor}
            scrollRef={scrollRef}
            onCursor={setCursor}
            onOpen={open}
          />
        ) : (
          <AlertTable
            rows={rows}
            total={total}
            cursor={cursor}
            columns={columnsOf(search.columns)}
            density={densityOf(search.density)}
            selected={selected}
            everything={everything}
            fresh={live.fresh}
            scrollRef={scrollRef}
            onCursor={setCursor}
            onOpen={open}
            onSelect={select}
            onSelectAll={() => {
              setEverything(false);
              setSelected((now) =>
                everything || now.size >= rows.length
                  ? new Set()
                  : new Set(rows.map((row) => row.id)),
              );
            }}
            sort={query.sort ?? DEFAULT_SORT}
            onSort={(column) => set("sort", nextSort(search.sort, column))}
            onScrolled={setScrolled}
            onEnd={loadMore}
          />
        )}
        {live.waiting > 0 && !by ? (
          <Button className={styles.waiting} radius="xl" onClick={showWaiting}>
            {t("live.new", { count: live.waiting })}
          </Button>
        ) : null}
        {alerts.data && rows.length === 0 ? (
          <div className={styles.nothing}>
            {isNarrowed(search) ? (
              <EmptyState title={t("queue.no_match_title")} hint={t("queue.no_match_hint")}>
                <Button variant="default" onClick={() => setSearch(withoutFilters(search))}>
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
      <QueueFoot
        total={total}
        hasMore={first?.total_has_more ?? false}
        selected={everything ? total : selected.size}
        everything={everything}
        canSelectEverything={!by && total > selected.size}
        isLoadingMore={alerts.isFetchingNextPage}
        subject={subject}
        triage={triage}
        onExcept={may("rule:create") && !everything && selected.size === 1 ? except : undefined}
        onEverything={() => setEverything(true)}
        onDeselect={deselect}
      />
      <TriageDialogs triage={triage} />
    </main>
  );
}
