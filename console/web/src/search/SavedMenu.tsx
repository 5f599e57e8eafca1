import { ActionIcon, Button, Popover, TextInput } from "@mantine/core";
import { IconChevronDown, IconDeviceFloppy, IconTrash } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type SavedSearch, take } from "../api/client";
import { searchesQuery, sessionQuery } from "../api/queries";
import { nameOf } from "../lib/organisation";
import { pick } from "../lib/search-params";
import { OrganisationName } from "../organisations/OrganisationName";
import { ErrorPanel } from "../parts/ErrorPanel";
import { type EventSearch, PARAMETERS, readEventSearch } from "./query";
import styles from "./search.module.css";

const NAME_CHARS_MAX = 100;

interface SavedMenuProps {
  search: EventSearch;
  onOpen: (search: EventSearch) => void;
}

/** Searches kept under a name: one's own, and those that are shared with one's organisation. */
export function SavedMenu({ search, onOpen }: SavedMenuProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [opened, setOpened] = useState(false);
  const saved = useQuery({ ...searchesQuery, enabled: opened });
  const renew = () => client.invalidateQueries({ queryKey: searchesQuery.queryKey });
  const remove = useMutation({
    mutationFn: (id: string) =>
      take(api.DELETE("/api/v1/searches/{id}", { params: { path: { id } } })),
    onSettled: renew,
  });
  const update = useMutation({
    mutationFn: (one: SavedSearch) =>
      take(
        api.PUT("/api/v1/searches/{id}", {
          params: { path: { id: one.id } },
          body: {
            name: one.name,
            organisation: one.organisation,
            parameters: parametersOf(search),
          },
        }),
      ),
    onSettled: renew,
  });
  const wrong = saved.error ?? remove.error ?? update.error;
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-end" shadow="md" trapFocus>
      <Popover.Target>
        <Button
          variant="default"
          px={8}
          rightSection={<IconChevronDown size={13} aria-hidden="true" />}
          onClick={() => setOpened((was) => !was)}
        >
          {t("search.saved")}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label={t("search.saved")} className={styles.menu}>
        {wrong ? <ErrorPanel what={t("error.what.searches")} error={wrong} /> : null}
        {saved.data?.length === 0 ? <p className="soft">{t("search.saved_none")}</p> : null}
        <ul className={styles.saved}>
          {saved.data?.map((one) => (
            <li key={one.id}>
              <button
                type="button"
                onClick={() => {
                  setOpened(false);
                  onOpen(readEventSearch(one.parameters));
                }}
              >
                <strong>{one.name}</strong>{" "}
                <span className="soft">
                  {one.own ? null : t("search.saved_by", { name: one.owner.display_name })}{" "}
                  {one.organisation ? <OrganisationName code={one.organisation} /> : null}
                </span>
                <span className="mono soft clip">{one.parameters.q ?? ""}</span>
              </button>
              {one.own ? (
                <>
                  <ActionIcon
                    onClick={() => update.mutate(one)}
                    aria-label={t("search.saved_update", { name: one.name })}
                    title={t("search.saved_update", { name: one.name })}
                  >
                    <IconDeviceFloppy size={15} />
                  </ActionIcon>
                  <ActionIcon
                    onClick={() => remove.mutate(one.id)}
                    aria-label={t("search.saved_remove", { name: one.name })}
                    title={t("search.saved_remove", { name: one.name })}
                  >
                    <IconTrash size={15} />
                  </ActionIcon>
                </>
              ) : null}
            </li>
          ))}
        </ul>
        <SaveForm search={search} onSaved={renew} />
      </Popover.Dropdown>
    </Popover>
  );
}

function SaveForm({ search, onSaved }: { search: EventSearch; onSaved: () => void }) {
  const { t, i18n } = useTranslation();
  const { data: account } = useQuery(sessionQuery);
  const save = useMutation({
    mutationFn: (body: { name: string; organisation: string | null }) =>
      take(api.POST("/api/v1/searches", { body: { ...body, parameters: parametersOf(search) } })),
    onSuccess: onSaved,
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const given = new FormData(form);
    const organisation = String(given.get("organisation") ?? "").trim();
    save.mutate(
      { name: String(given.get("name") ?? ""), organisation: organisation || null },
      { onSuccess: () => form.reset() },
    );
  };
  return (
    <form onSubmit={submit} className={styles.saveForm}>
      {save.error ? <ErrorPanel what={t("error.what.change")} error={save.error} /> : null}
      {save.data ? <p role="status">{t("search.saved_done", { name: save.data.name })}</p> : null}
      <TextInput name="name" label={t("search.saved_name")} maxLength={NAME_CHARS_MAX} required />
      {account ? (
        <label>
          <input type="checkbox" name="organisation" value={account.organisation.code} />{" "}
          {t("search.saved_share")} {nameOf(account.organisation, i18n.language)}
        </label>
      ) : null}
      <Button type="submit" loading={save.isPending}>
        {t("search.saved_save")}
      </Button>
    </form>
  );
}

function parametersOf(search: EventSearch): Record<string, string> {
  return pick({ ...search }, PARAMETERS) as Record<string, string>;
}
