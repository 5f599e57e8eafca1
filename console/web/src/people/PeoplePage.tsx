import { Button, Select, TextInput } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import { Rows } from "../admin/Rows";
import { type Invitation, ROLES } from "../api/client";
import { accountsQuery, placesQuery, securityQuery } from "../api/queries";
import { stepKeys, useKeys } from "../lib/keys";
import { rowAt } from "../lib/rows";
import { ErrorPanel } from "../parts/ErrorPanel";
import { LoadMore } from "../parts/LoadMore";
import { ToggleList } from "../parts/ToggleList";
import { InviteDialog } from "./InviteDialog";
import { LinkOnce } from "./LinkOnce";
import { OrganisationSelect } from "./OrganisationSelect";
import { PeopleTable } from "./PeopleTable";
import { PersonPanel } from "./PersonPanel";
import styles from "./people.module.css";
import { type PeopleSearch, readPeopleSearch, STATES } from "./search";
import { Waiting } from "./Waiting";

const route = getRouteApi("/app/admin/people");

export function PeoplePage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { person, ...filters } = route.useSearch();
  const accounts = useInfiniteQuery(accountsQuery(filters));
  const { data: places } = useQuery(placesQuery);
  const { data: security } = useQuery(securityQuery);
  const [isInviting, setInviting] = useState(false);
  const [invited, setInvited] = useState<Invitation | null>(null);

  const rows = accounts.data?.pages.flatMap((page) => page.items) ?? [];
  const counts = accounts.data?.pages[0]?.counts;
  const index = rows.findIndex((row) => row.id === person);
  const setSearch = (next: PeopleSearch) =>
    void navigate({ to: "/admin/people", search: next, replace: true });
  const open = (id: string) => setSearch({ ...filters, person: id });
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
    setSearch(readPeopleSearch({ ...filters, q: text }));
  };
  const canInvite = places?.items.some((place) => place.can_invite) ?? false;

  return (
    <div className={layout.page}>
      <h2 className="visually-hidden">{t("people.title")}</h2>
      <form onSubmit={submit} className={styles.filters} key={filters.q ?? ""}>
        <TextInput size="xs" name="q" label={t("people.name")} defaultValue={filters.q ?? ""} />
        <OrganisationSelect
          label={t("people.organisation")}
          places={places?.items ?? []}
          value={filters.organisation ?? null}
          clearable
          onChange={(code) => setSearch(readPeopleSearch({ ...filters, organisation: code }))}
        />
        <Select
          size="xs"
          label={t("people.role")}
          value={filters.role ?? null}
          data={ROLES.map((role) => ({ value: role, label: t(`role.${role}`) }))}
          clearable
          onChange={(role) => setSearch(readPeopleSearch({ ...filters, role }))}
        />
        <Button type="submit" variant="default">
          {t("common.apply")}
        </Button>
        {canInvite && security ? (
          <Button onClick={() => setInviting(true)}>{t("people.invite")}</Button>
        ) : null}
      </form>
      <div className={layout.states}>
        <ToggleList
          label={t("people.state_label")}
          chosen={filters.state ? [filters.state] : []}
          onToggle={(state) =>
            setSearch(readPeopleSearch({ ...filters, state: filters.state === state ? "" : state }))
          }
          items={STATES.map((state) => ({
            value: state,
            label: `${t(`people.state.${state}`)}${counts ? ` ${counts[state]}` : ""}`,
          }))}
        />
      </div>
      {security ? <Waiting security={security} /> : null}
      {accounts.error ? (
        <ErrorPanel
          what={t("error.what.accounts")}
          error={accounts.error}
          onRetry={() => void accounts.refetch()}
        />
      ) : null}
      <p className="visually-hidden" role="status">
        {accounts.isLoading ? t("common.loading") : ""}
      </p>
      <div className={layout.split}>
        <Rows
          isEmpty={accounts.data !== undefined && rows.length === 0}
          empty={{
            title: t("people.empty_title"),
            hint: t("people.empty_hint"),
            onClear: () => setSearch({}),
          }}
        >
          <PeopleTable rows={rows} current={person} onOpen={open} />
          <LoadMore pages={accounts} />
        </Rows>
        {person && security ? (
          <PersonPanel
            key={person}
            id={person}
            places={places?.items ?? []}
            security={security}
            onClose={close}
          />
        ) : null}
      </div>
      {security ? (
        <InviteDialog
          opened={isInviting}
          places={places?.items ?? []}
          security={security}
          onClose={() => setInviting(false)}
          onInvited={(invitation) => {
            setInviting(false);
            setInvited(invitation);
          }}
        />
      ) : null}
      <LinkOnce
        link={invited?.link ?? null}
        name={invited?.account.display_name ?? ""}
        onClose={() => {
          if (invited) open(invited.account.id);
          setInvited(null);
        }}
      />
    </div>
  );
}
