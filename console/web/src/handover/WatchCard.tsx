import { Button, Select, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, take } from "../api/client";
import { sessionQuery, watchQuery } from "../api/queries";
import { useMay } from "../lib/abilities";
import { ENTITY_KINDS, type PageKind } from "../lib/entity";
import { ruleTitle } from "../lib/rule";
import { OrganisationName } from "../organisations/OrganisationName";
import { Card } from "../parts/Card";
import { ErrorPanel } from "../parts/ErrorPanel";
import { StatusTag } from "../parts/StatusTag";
import { Timestamp } from "../parts/Timestamp";
import { WatchedThing } from "./Facts";
import styles from "./handover.module.css";
import { useWatch } from "./useWatch";

/** What is kept an eye on; it stands in each hand-over. */
export function WatchCard() {
  const { t, i18n } = useTranslation();
  const watched = useQuery(watchQuery);
  const watch = useWatch();
  const mayWork = useMay()("alert:work");
  const items = watched.data?.items ?? [];
  const remove = (id: string) =>
    watch.mutate(() => take(api.DELETE("/api/v1/watch/{id}", { params: { path: { id } } })));
  return (
    <Card title={t("watch.title")}>
      {watched.error ? (
        <ErrorPanel
          what={t("error.what.watch")}
          error={watched.error}
          onRetry={() => void watched.refetch()}
        />
      ) : null}
      {mayWork ? <AddThing /> : null}
      {watched.data && items.length === 0 ? (
        <p className={styles.none}>{t("watch.empty")}</p>
      ) : (
        <div className={styles.scroll}>
          <table className={styles.table}>
            <thead>
              <tr>
                <th scope="col">{t("watch.what")}</th>
                <th scope="col">{t("watch.note")}</th>
                <th scope="col">{t("queue.column.tenant")}</th>
                <th scope="col">{t("watch.by")}</th>
                <th scope="col">{t("watch.since")}</th>
                <th scope="col">
                  <span className="visually-hidden">{t("watch.remove")}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {items.map((item) => {
                const name = item.alert ? ruleTitle(item.alert, i18n.language) : (item.value ?? "");
                return (
                  <tr key={item.id}>
                    <th scope="row">
                      {item.alert ? (
                        <>
                          <Link to="/alerts/$id" params={{ id: item.alert.id }}>
                            {name}
                          </Link>{" "}
                          <StatusTag status={item.alert.status} verdict={item.alert.verdict} />
                        </>
                      ) : (
                        <WatchedThing kind={item.kind ?? ""} value={item.value ?? ""} />
                      )}
                    </th>
                    <td className={styles.words}>{item.note}</td>
                    <td>
                      <OrganisationName code={item.organisation} />
                    </td>
                    <td>{item.added_by.display_name}</td>
                    <td>
                      <Timestamp at={item.added_at} />
                    </td>
                    <td>
                      {item.can_remove ? (
                        <Button
                          size="compact-xs"
                          variant="default"
                          aria-label={t("watch.remove_named", { name })}
                          onClick={() => remove(item.id)}
                        >
                          {t("watch.remove")}
                        </Button>
                      ) : null}
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

/** Puts a thing that events name on the list of one's own organisation. */
function AddThing() {
  const { t } = useTranslation();
  const watch = useWatch();
  const { data: account } = useQuery(sessionQuery);
  const [kind, setKind] = useState<PageKind>("address");
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const text = (name: string) => String(new FormData(form).get(name) ?? "").trim();
    const body = {
      organisation: account?.organisation.code ?? "",
      kind,
      value: text("value"),
      note: text("note"),
    };
    watch.mutate(() => take(api.POST("/api/v1/watch", { body })), {
      onSuccess: () => form.reset(),
    });
  };
  return (
    <form className={styles.watchForm} onSubmit={submit}>
      <Select
        size="xs"
        label={t("watch.kind")}
        value={kind}
        data={ENTITY_KINDS.map((value) => ({ value, label: t(`entity.kind.${value}`) }))}
        allowDeselect={false}
        onChange={(value) => setKind(ENTITY_KINDS.find((each) => each === value) ?? "address")}
      />
      <TextInput size="xs" name="value" required label={t("watch.value")} maxLength={1024} />
      <TextInput size="xs" name="note" label={t("watch.note")} maxLength={1000} />
      <Button type="submit" variant="default" loading={watch.isPending}>
        {t("watch.add")}
      </Button>
    </form>
  );
}
