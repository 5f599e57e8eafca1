import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useRef } from "react";
import { useTranslation } from "react-i18next";
import { type Alert, ApiFailure } from "../api/client";
import { alertEventsQuery, alertQuery } from "../api/queries";
import { useKeys } from "../lib/keys";
import { EmptyState } from "../parts/EmptyState";
import { ErrorPanel } from "../parts/ErrorPanel";
import { CloseDialog } from "../queue/CloseDialog";
import { useAlertStream } from "../queue/stream";
import { lastSearch, neighbour } from "../queue/trail";
import { ActivityCard } from "./ActivityCard";
import styles from "./alert.module.css";
import { EventsCard } from "./EventsCard";
import { FlowCard } from "./FlowCard";
import { RuleCard } from "./RuleCard";
import { SummaryHead } from "./SummaryHead";
import { useAlertActions } from "./useAlertActions";

const route = getRouteApi("/app/alerts/$id");

export function AlertPage() {
  const { t } = useTranslation();
  const { id } = route.useParams();
  const navigate = useNavigate();
  const alert = useQuery(alertQuery(id));
  const events = useQuery(alertEventsQuery(id));
  const commentRef = useRef<HTMLTextAreaElement>(null);
  const actions = useAlertActions(id);

  useAlertStream({
    onAlerts: (changed) => {
      const isClosed = alert.data?.status === "closed";
      // What goes on after closing is another alert of the same rule; the closed one then leads to it.
      const concerns = (each: Alert) =>
        each.id === id || (isClosed && each.rule_id === alert.data?.rule_id);
      if (!changed.some(concerns)) return;
      void alert.refetch();
      void events.refetch();
    },
    onStatus: (change) => {
      if (change.id === id) void alert.refetch();
    },
    onReopened: () => void alert.refetch(),
  });

  const step = (direction: 1 | -1) => {
    const next = neighbour(id, direction);
    if (next) void navigate({ to: "/alerts/$id", params: { id: next } });
  };
  const closable = alert.data !== undefined && alert.data.status !== "closed";
  useKeys({
    j: () => step(1),
    k: () => step(-1),
    u: () => void navigate({ to: "/alerts", search: lastSearch() }),
    a: () => closable && actions.acknowledge(),
    c: () => closable && actions.askClose(),
    r: () => alert.data?.status === "closed" && actions.reopen(),
    m: () => commentRef.current?.focus(),
  });

  if (alert.error) {
    const missing = alert.error instanceof ApiFailure && alert.error.status === 404;
    return (
      <main id="main" className={styles.page}>
        {missing ? (
          <EmptyState title={t("alert.missing_title")} hint={t("error.not_found")} />
        ) : (
          <ErrorPanel
            what={t("error.what.alert")}
            error={alert.error}
            onRetry={() => void alert.refetch()}
          />
        )}
      </main>
    );
  }
  if (!alert.data) {
    return (
      <main id="main" className={styles.page}>
        <p className="soft">{t("common.loading")}</p>
      </main>
    );
  }
  return (
    <main id="main" className={styles.page}>
      <SummaryHead alert={alert.data} actions={actions} onStep={step} />
      <div className={styles.columns}>
        <div className={styles.main}>
          <FlowCard alert={alert.data} events={events.data?.items} />
          <EventsCard
            alert={alert.data}
            events={events.data?.items}
            error={events.error}
            onRetry={() => void events.refetch()}
          />
        </div>
        <div className={styles.side}>
          <RuleCard alert={alert.data} />
          <ActivityCard alert={alert.data} inputRef={commentRef} />
        </div>
      </div>
      <CloseDialog
        count={1}
        opened={actions.closing}
        busy={actions.busy}
        onCancel={actions.cancelClose}
        onClose={actions.close}
      />
    </main>
  );
}
