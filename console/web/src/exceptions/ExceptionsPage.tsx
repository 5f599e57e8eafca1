import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import { Rows } from "../admin/Rows";
import { exceptionsQuery, securityQuery } from "../api/queries";
import { stepKeys, useKeys } from "../lib/keys";
import { rowAt } from "../lib/rows";
import { ErrorPanel } from "../parts/ErrorPanel";
import { ToggleList } from "../parts/ToggleList";
import { lastSearch } from "../queue/trail";
import { ExceptionPanel } from "./ExceptionPanel";
import { ExceptionTable } from "./ExceptionTable";
import styles from "./exceptions.module.css";
import { type ExceptionsSearch, isShown, SHOWN } from "./search";

const route = getRouteApi("/app/alerts/exceptions");

/** Exceptions: those in force and those that wait; others when asked for. */
export function ExceptionsPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const search = route.useSearch();
  const exceptions = useQuery(exceptionsQuery);
  const { data: security } = useQuery(securityQuery);
  const all = exceptions.data?.items ?? [];
  const show = SHOWN.find((each) => each === search.show);
  const rows = all.filter((row) =>
    show ? isShown(row, show) : row.state === "active" || row.state === "waiting",
  );
  const opened = all.find((row) => row.id === search.exception);
  const setSearch = (next: ExceptionsSearch) =>
    void navigate({ to: "/alerts/exceptions", search: next, replace: true });
  const list = show ? { show } : {};
  const open = (id: string) => setSearch({ ...list, exception: id });
  const index = rows.findIndex((row) => row.id === search.exception);
  useKeys({
    ...stepKeys((step) => {
      const next = rowAt(rows, index, step);
      if (next) open(next.id);
    }),
    Escape: () => setSearch(list),
  });
  return (
    <main id="main" className={layout.page}>
      <header className={styles.head}>
        <h1>{t("exception.title")}</h1>
        <Link to="/alerts" search={lastSearch()}>
          {t("alert.back")}
        </Link>
      </header>
      <div className={layout.states}>
        <ToggleList
          label={t("exception.show")}
          chosen={show ? [show] : []}
          onToggle={(value) => setSearch(value === show ? {} : { show: value })}
          items={SHOWN.map((value) => ({
            value,
            label: t(`exception.shown.${value}`),
            count: exceptions.data ? all.filter((row) => isShown(row, value)).length : undefined,
          }))}
        />
      </div>
      {exceptions.error ? (
        <ErrorPanel
          what={t("error.what.exceptions")}
          error={exceptions.error}
          onRetry={() => void exceptions.refetch()}
        />
      ) : null}
      <div className={layout.split}>
        <Rows
          isEmpty={exceptions.data !== undefined && rows.length === 0}
          empty={{
            title: t(show ? "exception.no_match" : "exception.empty_title"),
            hint: t(show ? "exception.no_match_hint" : "exception.empty_hint"),
            onClear: show ? () => setSearch({}) : undefined,
          }}
        >
          <ExceptionTable rows={rows} current={search.exception} onOpen={open} />
        </Rows>
        {opened && security ? (
          <ExceptionPanel
            key={opened.id}
            exception={opened}
            security={security}
            onClose={() => setSearch(list)}
          />
        ) : null}
      </div>
    </main>
  );
}
