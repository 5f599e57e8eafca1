import { Button, Checkbox, TextInput } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import { Rows } from "../admin/Rows";
import { securityQuery, servicePlacesQuery, servicesQuery } from "../api/queries";
import { stepKeys, useKeys } from "../lib/keys";
import { rowAt } from "../lib/rows";
import { ErrorPanel } from "../parts/ErrorPanel";
import { LoadMore } from "../parts/LoadMore";
import { OrganisationSelect } from "../people/OrganisationSelect";
import { OpenDialog } from "./OpenDialog";
import { ServicePanel } from "./ServicePanel";
import { ServiceTable } from "./ServiceTable";
import { readServicesSearch, type ServicesSearch } from "./search";
import styles from "./services.module.css";

const route = getRouteApi("/app/admin/services");

export function ServicesPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { service, ...filters } = route.useSearch();
  const services = useInfiniteQuery(servicesQuery(filters));
  const { data: places } = useQuery(servicePlacesQuery);
  const { data: security } = useQuery(securityQuery);
  const [isOpening, setOpening] = useState(false);

  const rows = services.data?.pages.flatMap((page) => page.items) ?? [];
  const index = rows.findIndex((row) => row.id === service);
  const setSearch = (next: ServicesSearch) =>
    void navigate({ to: "/admin/services", search: next, replace: true });
  const open = (id: string) => setSearch({ ...filters, service: id });
  const close = () => setSearch(filters);
  const move = (step: number) => {
    const next = rowAt(rows, index, step);
    if (next) open(next.id);
  };
  useKeys({
    ...stepKeys(move),
    Escape: close,
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const text = String(new FormData(event.currentTarget).get("q") ?? "").trim();
    setSearch(readServicesSearch({ ...filters, q: text }));
  };
  const canOpen = places?.items.some((place) => place.can_open);
  const isFiltered = Object.keys(filters).length > 0;

  return (
    <div className={layout.page}>
      <h2 className="visually-hidden">{t("services.title")}</h2>
      <form onSubmit={submit} className={styles.filters} key={filters.q ?? ""}>
        <TextInput size="xs" name="q" label={t("services.text")} defaultValue={filters.q ?? ""} />
        <OrganisationSelect
          label={t("people.organisation")}
          places={places?.items ?? []}
          value={filters.organisation ?? null}
          clearable
          onChange={(code) => setSearch(readServicesSearch({ ...filters, organisation: code }))}
        />
        <Checkbox
          size="xs"
          label={t("services.with_ended")}
          checked={filters.ended === "yes"}
          onChange={(event) =>
            setSearch(
              readServicesSearch({ ...filters, ended: event.currentTarget.checked ? "yes" : "" }),
            )
          }
        />
        <Button type="submit" variant="default">
          {t("common.apply")}
        </Button>
        {canOpen && security ? (
          <Button onClick={() => setOpening(true)}>{t("services.open")}</Button>
        ) : null}
      </form>
      {services.error ? (
        <ErrorPanel
          what={t("error.what.services")}
          error={services.error}
          onRetry={() => void services.refetch()}
        />
      ) : null}
      <p className="visually-hidden" role="status">
        {services.isLoading ? t("common.loading") : ""}
      </p>
      <div className={layout.split}>
        <Rows
          isEmpty={services.data !== undefined && rows.length === 0}
          empty={{
            title: t(isFiltered ? "services.no_match" : "services.empty_title"),
            hint: t(isFiltered ? "services.no_match_hint" : "services.empty_hint"),
            onClear: isFiltered ? () => setSearch({}) : undefined,
          }}
        >
          <ServiceTable rows={rows} current={service} onOpen={open} />
          <LoadMore pages={services} />
        </Rows>
        {service && security ? (
          <ServicePanel
            key={service}
            id={service}
            places={places?.items ?? []}
            security={security}
            onClose={close}
          />
        ) : null}
      </div>
      {security ? (
        <OpenDialog
          opened={isOpening}
          places={places?.items ?? []}
          security={security}
          onClose={() => setOpening(false)}
          onOpened={(opened) => {
            setOpening(false);
            open(opened.id);
          }}
        />
      ) : null}
    </div>
  );
}
