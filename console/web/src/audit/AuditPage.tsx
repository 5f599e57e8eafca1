import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useMemo, useRef } from "react";
import { useTranslation } from "react-i18next";
import { auditQuery } from "../api/queries";
import { useMay } from "../lib/abilities";
import { stepKeys, useKeys } from "../lib/keys";
import { rowAt, useLoadMore } from "../lib/rows";
import { EmptyState } from "../parts/EmptyState";
import { ErrorPanel } from "../parts/ErrorPanel";
import { AuditFilters } from "./AuditFilters";
import { AuditTable } from "./AuditTable";
import styles from "./audit.module.css";
import { EntryPanel } from "./EntryPanel";
import { ExportButton } from "./ExportButton";
import { type AuditSearch, auditQueryOf } from "./search";

const route = getRouteApi("/app/admin/audit");

export function AuditPage() {
  const { t } = useTranslation();
  const may = useMay();
  const search = route.useSearch();
  const navigate = useNavigate();
  const scrollRef = useRef<HTMLDivElement>(null);
  const { entry: current, ...filters } = search;
  const key = JSON.stringify(filters);
  // A quick range is measured from the moment it was chosen, so that paging stays whole; the open entry is no part of it.
  const query = useMemo(() => auditQueryOf(JSON.parse(key) as AuditSearch, Date.now()), [key]);
  const entries = useInfiniteQuery(auditQuery(query));
  const rows = useMemo(
    () => entries.data?.pages.flatMap((page) => page.items) ?? [],
    [entries.data],
  );
  const index = rows.findIndex((row) => String(row.seq) === current);
  const shown = rows[index];

  const setSearch = (next: AuditSearch) =>
    void navigate({ to: "/admin/audit", search: next, replace: true });
  const open = (seq: number) => setSearch({ ...filters, entry: String(seq) });
  const close = () => setSearch(filters);
  const move = (step: number) => {
    const next = rowAt(rows, index, step);
    if (next) open(next.seq);
    scrollRef.current?.focus({ preventScroll: true });
  };
  const loadMore = useLoadMore(entries);

  useKeys({
    ...stepKeys(move),
    Escape: close,
  });

  return (
    <div className={styles.page}>
      <h2 className="visually-hidden">{t("audit.title")}</h2>
      <AuditFilters key={key} search={filters} onChange={setSearch}>
        {may("audit-log:export") ? <ExportButton /> : null}
      </AuditFilters>
      {entries.error ? (
        <ErrorPanel
          what={t("error.what.audit")}
          error={entries.error}
          onRetry={() => void entries.refetch()}
        />
      ) : null}
      <p className="visually-hidden" role="status">
        {entries.isLoading ? t("common.loading") : ""}
        {entries.isFetchingNextPage ? t("common.more_loading") : ""}
      </p>
      <div className={styles.split}>
        <div className={styles.frame}>
          <AuditTable
            rows={rows}
            current={current}
            hasMore={entries.hasNextPage}
            scrollRef={scrollRef}
            onOpen={open}
            onEnd={loadMore}
          />
          {entries.data && rows.length === 0 ? (
            <div className={styles.nothing}>
              <EmptyState title={t("audit.empty_title")} hint={t("audit.empty_hint")}>
                <Button variant="default" onClick={() => setSearch({ range: "all" })}>
                  {t("common.clear_filters")}
                </Button>
              </EmptyState>
            </div>
          ) : null}
        </div>
        {shown ? <EntryPanel key={shown.seq} entry={shown} onClose={close} /> : null}
      </div>
    </div>
  );
}
