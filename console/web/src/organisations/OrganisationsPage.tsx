import { Button, Checkbox, Select, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import type { FormEvent } from "react";
import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import { KINDS } from "../api/client";
import { organisationsQuery, securityQuery } from "../api/queries";
import { useMay } from "../lib/abilities";
import { useKeys } from "../lib/keys";
import { formatDay } from "../lib/time";
import { EmptyState } from "../parts/EmptyState";
import { ErrorPanel } from "../parts/ErrorPanel";
import { AddDialog } from "./AddDialog";
import { OrganisationPanel } from "./OrganisationPanel";
import { OrganisationTree } from "./OrganisationTree";
import styles from "./organisations.module.css";
import { type OrganisationsSearch, readOrganisationsSearch } from "./search";

const route = getRouteApi("/app/admin/organisations");

/** The organisations of a day as a tree, and one of them beside it. */
export function OrganisationsPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const may = useMay();
  const { organisation, add, ...filters } = route.useSearch();
  const list = useQuery(organisationsQuery(filters));
  const { data: security } = useQuery(securityQuery);
  const items = list.data?.items ?? [];
  const setSearch = (search: OrganisationsSearch) =>
    void navigate({ to: "/admin/organisations", search, replace: true });
  const show = (code: string) => setSearch({ ...filters, organisation: code });
  const close = () => setSearch(filters);
  const restrict = (more: Record<string, unknown>) =>
    setSearch(readOrganisationsSearch({ ...filters, organisation, ...more }));
  useKeys({ Escape: close });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    restrict({ q: String(new FormData(event.currentTarget).get("q") ?? "").trim() });
  };
  const top = items.find((item) => item.parent === null)?.code;

  return (
    <div className={layout.page}>
      <h2 className="visually-hidden">{t("organisation.title")}</h2>
      <form onSubmit={submit} className={styles.filters} key={filters.q ?? ""}>
        <TextInput
          size="xs"
          name="q"
          label={t("organisation.name_or_code")}
          defaultValue={filters.q ?? ""}
        />
        <Select
          size="xs"
          label={t("organisation.kind_label")}
          value={filters.kind ?? null}
          data={KINDS.map((kind) => ({ value: kind, label: t(`organisation.kind.${kind}`) }))}
          clearable
          onChange={(kind) => restrict({ kind })}
        />
        <TextInput
          size="xs"
          type="date"
          label={t("organisation.on")}
          value={filters.on ?? ""}
          onChange={(event) => restrict({ on: event.currentTarget.value })}
        />
        <Checkbox
          size="xs"
          label={t("organisation.others")}
          checked={filters.others === "true"}
          onChange={(event) => restrict({ others: event.currentTarget.checked ? "true" : "" })}
        />
        <Button type="submit" variant="default">
          {t("common.apply")}
        </Button>
        {may("organisation:create") && top ? (
          <Button onClick={() => setSearch({ ...filters, add: "new" })}>
            {t("organisation.add")}
          </Button>
        ) : null}
      </form>
      {list.error ? (
        <ErrorPanel
          what={t("error.what.organisations")}
          error={list.error}
          onRetry={() => void list.refetch()}
        />
      ) : null}
      <p className={`soft ${styles.total}`} role="status">
        {list.data
          ? t("organisation.total", { count: list.data.total, day: formatDay(list.data.on) })
          : list.isLoading
            ? t("common.loading")
            : ""}
      </p>
      <div className={layout.split}>
        <div className={layout.frame}>
          <OrganisationTree
            items={items}
            isFiltered={Boolean(filters.q || filters.kind)}
            current={organisation}
            onOpen={show}
          />
          {list.data && items.length === 0 ? (
            <EmptyState title={t("organisation.empty_title")} hint={t("organisation.empty_hint")}>
              <Button variant="default" onClick={() => setSearch({})}>
                {t("common.clear_filters")}
              </Button>
            </EmptyState>
          ) : null}
        </div>
        {organisation && security ? (
          <OrganisationPanel
            key={organisation}
            code={organisation}
            security={security}
            onOpen={show}
            onClose={close}
          />
        ) : null}
      </div>
      {top && security ? (
        <AddDialog
          opened={add !== undefined && may("organisation:create")}
          parent={organisation ?? top}
          code={add === "new" ? "" : (add ?? "")}
          security={security}
          onClose={close}
          onDone={(added) => show(added.code)}
        />
      ) : null}
    </div>
  );
}
