import { ActionIcon, Button } from "@mantine/core";
import { IconArrowLeft, IconChevronDown, IconChevronUp } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { AlertDetail } from "../api/client";
import { sessionQuery } from "../api/queries";
import { AlertExceptions } from "../exceptions/AlertExceptions";
import { WatchButton } from "../handover/WatchButton";
import { useMay } from "../lib/abilities";
import { keyOf } from "../lib/commands";
import { formatCount } from "../lib/number";
import { ruleTitle } from "../lib/rule";
import { OrganisationName } from "../organisations/OrganisationName";
import { EntityLink } from "../parts/EntityLink";
import { Severity } from "../parts/Severity";
import { StatusTag } from "../parts/StatusTag";
import { Timestamp } from "../parts/Timestamp";
import { isSnoozed } from "../queue/filter";
import { lastSearch, neighbour } from "../queue/trail";
import type { Subject, Triage } from "../triage/useTriage";
import styles from "./alert.module.css";

interface SummaryHeadProps {
  alert: AlertDetail;
  triage: Triage;
  subject: () => Subject | null;
  onStep: (direction: 1 | -1) => void;
}

export function SummaryHead({ alert, triage, subject, onStep }: SummaryHeadProps) {
  const { t, i18n } = useTranslation();
  const { data: account } = useQuery(sessionQuery);
  const may = useMay();
  const mayWork = may("alert:work");
  const mine = alert.status === "acknowledged" && alert.assignee?.id === account?.id;
  return (
    <header className={styles.head} data-severity={alert.severity}>
      <div className={styles.path}>
        <Link to="/alerts" search={lastSearch()} className={styles.back}>
          <IconArrowLeft size={14} aria-hidden="true" /> {t("alert.back")}
        </Link>
        <ActionIcon
          size={22}
          disabled={!neighbour(alert.id, -1)}
          onClick={() => onStep(-1)}
          aria-label={t("alert.previous")}
          title={t("alert.previous")}
        >
          <IconChevronUp size={15} />
        </ActionIcon>
        <ActionIcon
          size={22}
          disabled={!neighbour(alert.id, 1)}
          onClick={() => onStep(1)}
          aria-label={t("alert.next")}
          title={t("alert.next")}
        >
          <IconChevronDown size={15} />
        </ActionIcon>
        <span className={`mono soft ${styles.id}`}>{alert.id}</span>
      </div>
      <div className={styles.titleLine}>
        <Severity level={alert.severity} />
        <h1>{ruleTitle(alert, i18n.language)}</h1>
        {mayWork ? (
          <div className={styles.buttons}>
            {alert.status === "closed" ? (
              <Button
                variant="default"
                loading={triage.busy}
                onClick={() => triage.run(subject(), { action: "reopen" })}
              >
                {t("alert.reopen")} <kbd>{keyOf("alert.reopen")}</kbd>
              </Button>
            ) : (
              <>
                {mine ? null : (
                  <Button
                    variant={alert.status === "open" ? "filled" : "default"}
                    loading={triage.busy}
                    onClick={() => triage.acknowledge(subject())}
                  >
                    {t("queue.acknowledge")} <kbd>{keyOf("alert.acknowledge")}</kbd>
                  </Button>
                )}
                {(["close", "assign", "snooze"] as const).map((question) => (
                  <Button
                    key={question}
                    variant="default"
                    onClick={() => triage.ask(question, subject())}
                  >
                    {t(`queue.${question}`)} <kbd>{keyOf(`alert.${question}`)}</kbd>
                  </Button>
                ))}
              </>
            )}
            <Button variant="default" onClick={() => triage.ask("tag", subject())}>
              {t("queue.tag")} <kbd>{keyOf("alert.tag")}</kbd>
            </Button>
            {may("rule:create") ? (
              <Button variant="default" onClick={() => triage.ask("except", subject())}>
                {t("queue.except")} <kbd>{keyOf("alert.except")}</kbd>
              </Button>
            ) : null}
            <WatchButton alert={alert.id} />
          </div>
        ) : null}
      </div>
      {alert.summary ? <p className={styles.summary}>{alert.summary}</p> : null}
      <AlertExceptions alert={alert} />
      <OtherAlert text={t("alert.continues")} id={alert.continues} />
      <OtherAlert text={t("alert.continued_by")} id={alert.continued_by} />
      <dl className={styles.meta}>
        <div>
          <dt>{t("queue.status")}</dt>
          <dd>
            <StatusTag status={alert.status} verdict={alert.verdict} />
            {alert.reason ? ` · ${t(`reason.${alert.reason}`)}` : ""}
            {isSnoozed(alert, Date.now()) ? ` · ${t("snooze.is")}` : ""}
            {alert.is_suppressed ? ` · ${t("exception.is")}` : ""}
          </dd>
        </div>
        <div>
          <dt>{t("alert.assignee")}</dt>
          <dd>{alert.assignee?.display_name ?? t("common.unassigned")}</dd>
        </div>
        <div>
          <dt>{t("alert.detected")}</dt>
          <dd>
            <Timestamp at={alert.detected_at} />
          </dd>
        </div>
        <div>
          <dt>{t("alert.seen")}</dt>
          <dd>
            <Timestamp at={alert.first_seen} />
            {alert.last_seen === alert.first_seen ? null : (
              <>
                {" – "}
                <Timestamp at={alert.last_seen} />
              </>
            )}
          </dd>
        </div>
        <div>
          <dt>{t("alert.count")}</dt>
          <dd>{formatCount(alert.count, i18n.language)}</dd>
        </div>
        <div>
          <dt>{t("alert.sensor")}</dt>
          <dd>
            <EntityLink kind="sensor" value={alert.sensor} />
          </dd>
        </div>
        <div>
          <dt>{t("alert.tenant")}</dt>
          <dd>
            <OrganisationName code={alert.tenant} />
          </dd>
        </div>
        {alert.tags.length > 0 ? (
          <div>
            <dt>{t("tag.tags")}</dt>
            <dd>{alert.tags.join(", ")}</dd>
          </div>
        ) : null}
        {alert.exercise_id > 0 ? (
          <div>
            <dt className={styles.exercise}>{t("alert.exercise", { id: alert.exercise_id })}</dt>
          </div>
        ) : null}
      </dl>
    </header>
  );
}

/** The alert that this one goes on from, or that goes on from this one. */
function OtherAlert({ text, id }: { text: string; id: string | null }) {
  if (!id) return null;
  return (
    <p className={styles.summary}>
      {text}{" "}
      <Link to="/alerts/$id" params={{ id }} className="mono">
        {id}
      </Link>
    </p>
  );
}
