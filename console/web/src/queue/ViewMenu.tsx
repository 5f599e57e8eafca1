import { ActionIcon, Button, Checkbox, Popover, TextInput } from "@mantine/core";
import { IconBookmark, IconTrash } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, take, type View } from "../api/client";
import { sessionQuery, viewsQuery } from "../api/queries";
import { notifyFailure } from "../lib/failure";
import { type QueueSearch, readQueueSearch } from "./filter";
import styles from "./queue.module.css";

interface ViewMenuProps {
  search: QueueSearch;
  opened: boolean;
  onOpened: (opened: boolean) => void;
  onChange: (search: QueueSearch) => void;
}

const NAME_LENGTH_MAX = 80;

/** Saved views: filter, order and columns under a name, one's own or shared. */
export function ViewMenu({ search, opened, onOpened, onChange }: ViewMenuProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const { data: account } = useQuery(sessionQuery);
  const views = useQuery({ ...viewsQuery, enabled: opened });
  const [name, setName] = useState("");
  const [shared, setShared] = useState(false);
  const onError = (error: unknown) => notifyFailure(t("error.what.change"), error);
  const save = useMutation({
    mutationFn: () =>
      take(
        api.POST("/api/v1/views", {
          body: { name: name.trim(), shared, search: { ...search } as Record<string, string> },
        }),
      ),
    onSuccess: (all) => {
      client.setQueryData(viewsQuery.queryKey, all);
      setName("");
      onOpened(false);
    },
    onError,
  });
  const remove = useMutation({
    mutationFn: (id: string) =>
      take(api.DELETE("/api/v1/views/{id}", { params: { path: { id } } })),
    onSettled: () => client.invalidateQueries({ queryKey: viewsQuery.queryKey }),
    onError,
  });
  const open = (view: View) => {
    onOpened(false);
    onChange(readQueueSearch(view.search));
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() && !save.isPending) save.mutate();
  };
  return (
    <Popover opened={opened} onChange={onOpened} position="bottom-end" trapFocus shadow="md">
      <Popover.Target>
        <Button
          variant="default"
          px={10}
          leftSection={<IconBookmark size={14} aria-hidden="true" />}
          onClick={() => onOpened(!opened)}
        >
          {t("view.title")}
        </Button>
      </Popover.Target>
      <Popover.Dropdown className={styles.menu} aria-label={t("view.title")}>
        {views.data?.items.length === 0 ? <p className="soft">{t("view.none")}</p> : null}
        {views.data?.items.map((view) => {
          const isOwn = view.owner.id === account?.id;
          return (
            <div key={view.id} className={styles.view}>
              <button type="button" onClick={() => open(view)}>
                {view.name}
                <span className="soft">
                  {isOwn
                    ? view.shared
                      ? ` · ${t("view.shared")}`
                      : ""
                    : ` · ${view.owner.display_name}`}
                </span>
              </button>
              {isOwn ? (
                <ActionIcon
                  aria-label={t("view.remove", { name: view.name })}
                  title={t("view.remove", { name: view.name })}
                  onClick={() => remove.mutate(view.id)}
                >
                  <IconTrash size={14} />
                </ActionIcon>
              ) : null}
            </div>
          );
        })}
        <form onSubmit={submit}>
          <TextInput
            label={t("view.save_as")}
            value={name}
            maxLength={NAME_LENGTH_MAX}
            onChange={(event) => setName(event.currentTarget.value)}
            mb={8}
          />
          <Checkbox
            size="xs"
            label={t("view.share")}
            checked={shared}
            onChange={(event) => setShared(event.currentTarget.checked)}
            mb={8}
          />
          <Button type="submit" loading={save.isPending} disabled={!name.trim()}>
            {t("view.save")}
          </Button>
        </form>
      </Popover.Dropdown>
    </Popover>
  );
}
