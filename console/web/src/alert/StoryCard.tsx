import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { type Alert, type AlertDetail, STATUSES } from "../api/client";
import { alertStoryQuery } from "../api/queries";
import { ruleTitle } from "../lib/rule";
import { Card } from "../parts/Card";
import { ErrorPanel } from "../parts/ErrorPanel";
import { Severity } from "../parts/Severity";
import { StatusTag } from "../parts/StatusTag";
import { Timestamp } from "../parts/Timestamp";
import styles from "./alert.module.css";

/** What was raised about the same machines around the alert, the earliest first, with the alert itself in its place. */
export function StoryCard({ alert }: { alert: AlertDetail }) {
  const { t } = useTranslation();
  const story = useQuery(alertStoryQuery(alert.id));
  const items = story.data?.items ?? [];
  const machine = alert.src ?? alert.dst;
  const after = items.findIndex((item) => item.alert.detected_at > alert.detected_at);
  const steps: StepProps[] = items.map((item) => ({ alert: item.alert, why: t(whyOf(item)) }));
  steps.splice(after < 0 ? items.length : after, 0, {
    alert,
    why: t("alert.story_this"),
    isThis: true,
  });
  return (
    <Card
      title={story.data ? `${t("alert.story")} (${items.length})` : t("alert.story")}
      aside={
        story.data?.is_more && machine ? (
          <Button
            size="compact-xs"
            variant="default"
            component={Link}
            to="/alerts"
            search={{ address: machine, status: STATUSES.join(",") } as never}
          >
            {t("alert.story_more")}
          </Button>
        ) : null
      }
    >
      {story.error ? (
        <ErrorPanel
          what={t("error.what.alerts")}
          error={story.error}
          onRetry={() => void story.refetch()}
        />
      ) : null}
      {story.data && items.length === 0 ? (
        <p className={styles.none}>{t("alert.story_none")}</p>
      ) : null}
      {items.length > 0 ? (
        <ol className={styles.story} aria-label={t("alert.story")}>
          {steps.map((step) => (
            <Step key={step.alert.id} {...step} />
          ))}
        </ol>
      ) : null}
    </Card>
  );
}

function whyOf({ is_of_rule }: { is_of_rule: boolean }) {
  return is_of_rule ? "alert.story_rule" : "alert.story_machine";
}

interface StepProps {
  alert: Alert;
  why: string;
  isThis?: boolean;
}

function Step({ alert, why, isThis }: StepProps) {
  const { i18n } = useTranslation();
  const title = ruleTitle(alert, i18n.language);
  return (
    <li aria-current={isThis ? "true" : undefined}>
      <Timestamp at={alert.detected_at} />
      <Severity level={alert.severity} />
      <span className={styles.storyTitle}>
        {isThis ? (
          <strong>{title}</strong>
        ) : (
          <Link to="/alerts/$id" params={{ id: alert.id }} title={alert.summary}>
            {title}
          </Link>
        )}{" "}
        <span className="soft">{why}</span>
      </span>
      <StatusTag status={alert.status} verdict={alert.verdict} />
    </li>
  );
}
