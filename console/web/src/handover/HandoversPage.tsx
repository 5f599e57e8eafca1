import { Button, Select } from "@mantine/core";
import { IconArrowLeft } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type HandoverEntry, type HandoverPlace, take } from "../api/client";
import { handoversQuery } from "../api/queries";
import { nameOf } from "../lib/organisation";
import { Card } from "../parts/Card";
import { EmptyState } from "../parts/EmptyState";
import { ErrorPanel } from "../parts/ErrorPanel";
import { LoadMore } from "../parts/LoadMore";
import { Timestamp } from "../parts/Timestamp";
import styles from "./handover.module.css";
import { StateTag } from "./StateTag";
import { useHandoverChange } from "./useHandover";
import { WatchCard } from "./WatchCard";

/** All hand-overs that one may read, and the watch list. */
export function HandoversPage() {
  const { t } = useTranslation();
  const list = useInfiniteQuery(handoversQuery);
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  const places = list.data?.pages[0]?.places ?? [];
  return (
    <main id="main" className={styles.page}>
      <header className={styles.top}>
        <Link to="/alerts" className={styles.back}>
          <IconArrowLeft size={14} aria-hidden="true" /> {t("alert.back")}
        </Link>
        <h1>{t("handover.title")}</h1>
        <span className={styles.spacer} />
        <Begin places={places} drafts={rows.filter((row) => row.state === "draft")} />
      </header>
      {list.error ? (
        <ErrorPanel
          what={t("error.what.handover")}
          error={list.error}
          onRetry={() => void list.refetch()}
        />
      ) : null}
      <p className="visually-hidden" role="status">
        {list.isLoading ? t("common.loading") : ""}
      </p>
      <Card title={t("handover.list")}>
        {list.data && rows.length === 0 ? (
          <EmptyState title={t("handover.empty_title")} hint={t("handover.empty_hint")} />
        ) : (
          <HandoverTable rows={rows} />
        )}
        <LoadMore pages={list} />
      </Card>
      <WatchCard />
    </main>
  );
}

function HandoverTable({ rows }: { rows: readonly HandoverEntry[] }) {
  const { t, i18n } = useTranslation();
  return (
    <div className={styles.scroll}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">{t("handover.shift")}</th>
            <th scope="col">{t("queue.column.tenant")}</th>
            <th scope="col">{t("health.state")}</th>
            <th scope="col">{t("handover.author")}</th>
            <th scope="col">{t("handover.taken_by")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.id}>
              <th scope="row">
                <Link to="/alerts/handover/$id" params={{ id: row.id }}>
                  <Timestamp at={row.from} /> – <Timestamp at={row.to} />
                </Link>
              </th>
              <td>{nameOf(row.organisation, i18n.language)}</td>
              <td>
                <StateTag state={row.state} />
              </td>
              <td>{row.author.display_name}</td>
              <td>{row.acknowledged_by?.display_name ?? t("common.none")}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface BeginProps {
  places: readonly HandoverPlace[];
  drafts: readonly HandoverEntry[];
}

/** Begins the draft of a shift that one leads, or leads to the one that there is. */
function Begin({ places, drafts }: BeginProps) {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const change = useHandoverChange();
  const [chosen, setChosen] = useState<string | null>(null);
  const code = chosen ?? places[0]?.code;
  if (code === undefined) return null;
  const draft = drafts.find((each) => each.organisation.code === code);
  const open = (id: string) => navigate({ to: "/alerts/handover/$id", params: { id } });
  const begin = async () => {
    const made = await take(api.POST("/api/v1/handovers", { body: { organisation: code } }));
    await open(made.id);
  };
  return (
    <span className={styles.begin}>
      {places.length > 1 ? (
        <Select
          size="xs"
          aria-label={t("people.organisation")}
          value={code}
          data={places.map((place) => ({ value: place.code, label: nameOf(place, i18n.language) }))}
          allowDeselect={false}
          onChange={setChosen}
        />
      ) : null}
      {draft ? (
        <Button onClick={() => void open(draft.id)}>{t("handover.to_draft")}</Button>
      ) : (
        <Button loading={change.isPending} onClick={() => change.mutate(begin)}>
          {t("handover.begin")}
        </Button>
      )}
    </span>
  );
}
