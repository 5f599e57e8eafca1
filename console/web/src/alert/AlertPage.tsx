import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useRef } from "react";
import { useTranslation } from "react-i18next";
import { type Alert, ApiFailure } from "../api/client";
import { alertEventsQuery, alertQuery } from "../api/queries";
import { useMay } from "../lib/abilities";
import { allowed, useCommands } from "../lib/commands";
import { EmptyState } from "../parts/EmptyState";
import { ErrorPanel } from "../parts/ErrorPanel";
import { useAlertStream } from "../queue/stream";
import { lastSearch, neighbour } from "../queue/trail";
import { TriageDialogs } from "../triage/TriageDialogs";
import { type Subject, useTriage } from "../triage/useTriage";
import { ActivityCard } from "./ActivityCard";
import styles from "./alert.module.css";
import { EventsCard } from "./EventsCard";
import { FlowCard } from "./FlowCard";
import { RuleCard } from "./RuleCard";
import { StoryCard } from "./StoryCard";
import { SummaryHead } from "./SummaryHead";

const route = getRouteApi("/app/alerts/$id");

export function AlertPage() {
  const { t } = useTranslation();
  const { id } = route.useParams();
  const navigate = useNavigate();
  const may = useMay();
  const mayWork = may("alert:work");
  const alert = useQuery(alertQuery(id));
  const events = useQuery(alertEventsQuery(id));
  const commentRef = useRef<HTMLTextAreaElement>(null);

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
  // What is finished makes room for the next.
  const triage = useTriage((_, deed) => {
    if (deed.action === "close") step(1);
  });
  const subject = (): Subject | null =>
    alert.data ? { target: { ids: [id] }, count: 1, known: [alert.data] } : null;
  useCommands(
    allowed(
      {
        "alert.next": () => step(1),
        "alert.previous": () => step(-1),
        "alert.back": () => void navigate({ to: "/alerts", search: lastSearch() }),
        "alert.acknowledge": () => triage.acknowledge(subject()),
        "alert.acknowledge_note": () => triage.ask("claim", subject()),
        "alert.assign": () => triage.ask("assign", subject()),
        "alert.close": () => triage.ask("close", subject()),
        "alert.reopen": () => triage.run(subject(), { action: "reopen" }),
        "alert.snooze": () => triage.ask("snooze", subject()),
        "alert.tag": () => triage.ask("tag", subject()),
        ...(may("rule:create") ? { "alert.except": () => triage.ask("except", subject()) } : {}),
        "alert.undo": triage.undoLast,
        "alert.comment": () => commentRef.current?.focus(),
      },
      mayWork,
    ),
  );

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
      <SummaryHead alert={alert.data} triage={triage} subject={subject} onStep={step} />
      <div className={styles.columns}>
        <div className={styles.main}>
          <FlowCard alert={alert.data} events={events.data?.items} />
          <EventsCard
            alert={alert.data}
            events={events.data?.items}
            error={events.error}
            onRetry={() => void events.refetch()}
          />
          <StoryCard alert={alert.data} />
        </div>
        <div className={styles.side}>
          <RuleCard alert={alert.data} />
          <ActivityCard alert={alert.data} inputRef={commentRef} />
        </div>
      </div>
      <TriageDialogs triage={triage} />
    </main>
  );
}
