import { Button, TextInput } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import { Rows } from "../admin/Rows";
import type { PreparedSensor } from "../api/client";
import { securityQuery, sensorPlacesQuery, sensorsQuery } from "../api/queries";
import { stepKeys, useKeys } from "../lib/keys";
import { rowAt } from "../lib/rows";
import { ErrorPanel } from "../parts/ErrorPanel";
import { LoadMore } from "../parts/LoadMore";
import { ToggleList } from "../parts/ToggleList";
import { OrganisationSelect } from "../people/OrganisationSelect";
import { AddDialog } from "./AddDialog";
import { SensorPanel } from "./SensorPanel";
import { SensorTable } from "./SensorTable";
import { readSensorsSearch, type SensorsSearch, STATES } from "./search";
import styles from "./sensors.module.css";
import { TokenOnce } from "./TokenOnce";

const route = getRouteApi("/app/admin/sensors");

export function SensorsPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { sensor, ...filters } = route.useSearch();
  const sensors = useInfiniteQuery(sensorsQuery(filters));
  const { data: places } = useQuery(sensorPlacesQuery);
  const { data: security } = useQuery(securityQuery);
  const [isAdding, setAdding] = useState(false);
  const [added, setAdded] = useState<PreparedSensor | null>(null);

  const rows = sensors.data?.pages.flatMap((page) => page.items) ?? [];
  const counts = sensors.data?.pages[0]?.counts;
  const index = rows.findIndex((row) => row.id === sensor);
  const setSearch = (next: SensorsSearch) =>
    void navigate({ to: "/admin/sensors", search: next, replace: true });
  const open = (id: string) => setSearch({ ...filters, sensor: id });
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
    setSearch(readSensorsSearch({ ...filters, q: text }));
  };
  const canAdd = places?.can_enrol && places.items.some((place) => place.can_add);
  const isFiltered = Object.keys(filters).length > 0;

  return (
    <div className={layout.page}>
      <h2 className="visually-hidden">{t("sensors.title")}</h2>
      <form onSubmit={submit} className={styles.filters} key={filters.q ?? ""}>
        <TextInput size="xs" name="q" label={t("sensors.text")} defaultValue={filters.q ?? ""} />
        <OrganisationSelect
          label={t("people.organisation")}
          places={places?.items ?? []}
          value={filters.organisation ?? null}
          clearable
          onChange={(code) => setSearch(readSensorsSearch({ ...filters, organisation: code }))}
        />
        <Button type="submit" variant="default">
          {t("common.apply")}
        </Button>
        {canAdd && security ? (
          <Button onClick={() => setAdding(true)}>{t("sensors.add")}</Button>
        ) : null}
      </form>
      {places && !places.can_enrol ? (
        <p className={styles.warning} role="note">
          {t("sensors.no_key")}
        </p>
      ) : null}
      <div className={layout.states}>
        <ToggleList
          label={t("people.state_label")}
          chosen={filters.state ? [filters.state] : []}
          onToggle={(state) =>
            setSearch(
              readSensorsSearch({ ...filters, state: filters.state === state ? "" : state }),
            )
          }
          items={STATES.map((state) => ({
            value: state,
            label: `${t(`sensors.state.${state}`)}${counts ? ` ${counts[state]}` : ""}`,
          }))}
        />
      </div>
      {sensors.error ? (
        <ErrorPanel
          what={t("error.what.sensors")}
          error={sensors.error}
          onRetry={() => void sensors.refetch()}
        />
      ) : null}
      <p className="visually-hidden" role="status">
        {sensors.isLoading ? t("common.loading") : ""}
      </p>
      <div className={layout.split}>
        <Rows
          isEmpty={sensors.data !== undefined && rows.length === 0}
          empty={{
            title: t(isFiltered ? "sensors.no_match" : "sensors.empty_title"),
            hint: t(isFiltered ? "sensors.no_match_hint" : "sensors.empty_hint"),
            onClear: isFiltered ? () => setSearch({}) : undefined,
          }}
        >
          <SensorTable rows={rows} current={sensor} onOpen={open} />
          <LoadMore pages={sensors} />
        </Rows>
        {sensor && security ? (
          <SensorPanel
            key={sensor}
            id={sensor}
            security={security}
            canEnrol={places?.can_enrol ?? false}
            onClose={close}
          />
        ) : null}
      </div>
      {security ? (
        <AddDialog
          opened={isAdding}
          places={places?.items ?? []}
          security={security}
          onClose={() => setAdding(false)}
          onAdded={(prepared) => {
            setAdding(false);
            setAdded(prepared);
          }}
        />
      ) : null}
      <TokenOnce
        token={added?.token ?? null}
        name={added?.sensor.name ?? ""}
        isRenewal={false}
        onClose={() => {
          if (added) open(added.sensor.id);
          setAdded(null);
        }}
      />
    </div>
  );
}
