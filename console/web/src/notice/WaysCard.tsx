import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import { api, type NoticeWay, take } from "../api/client";
import { noticeWaysQuery } from "../api/queries";
import { useMay } from "../lib/abilities";
import { notify } from "../lib/notify";
import { Card } from "../parts/Card";
import { ErrorPanel } from "../parts/ErrorPanel";
import { Timestamp } from "../parts/Timestamp";
import { CodeDialog } from "./CodeDialog";
import { MailDialog } from "./MailDialog";
import styles from "./notice.module.css";
import { useWayChange } from "./useNotices";
import { WebhookDialog } from "./WebhookDialog";

/** The ways on which one is told besides the page. */
export function WaysCard() {
  const { t } = useTranslation();
  const ways = useQuery(noticeWaysQuery);
  const may = useMay();
  const [adding, setAdding] = useState<"email" | "webhook" | null>(null);
  /** The address whose code is asked for. */
  const [confirming, setConfirming] = useState<NoticeWay | null>(null);
  const items = ways.data?.items ?? [];
  const hasWebhooks = Boolean(ways.data?.has_webhooks) && may("alert:export");
  return (
    <Card
      title={t("notice.ways")}
      aside={
        <div className={layout.buttons}>
          {ways.data?.has_mail ? (
            <Button size="compact-xs" variant="default" onClick={() => setAdding("email")}>
              {t("notice.add_email")}
            </Button>
          ) : null}
          {hasWebhooks ? (
            <Button size="compact-xs" variant="default" onClick={() => setAdding("webhook")}>
              {t("notice.add_webhook")}
            </Button>
          ) : null}
        </div>
      }
    >
      {ways.error ? (
        <ErrorPanel
          what={t("error.what.notice_ways")}
          error={ways.error}
          onRetry={() => void ways.refetch()}
        />
      ) : null}
      {ways.data && items.length === 0 ? (
        <p className={styles.none}>
          {t(ways.data.has_mail || hasWebhooks ? "notice.no_ways" : "notice.no_way_out")}
        </p>
      ) : null}
      {items.length > 0 ? (
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">{t("notice.way")}</th>
              <th scope="col">{t("notice.way_state")}</th>
              <th scope="col">
                <span className="visually-hidden">{t("notice.way_actions")}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {items.map((way) => (
              <WayRow key={way.id} way={way} onConfirm={() => setConfirming(way)} />
            ))}
          </tbody>
        </table>
      ) : null}
      {adding === "email" ? (
        <MailDialog
          onClose={() => setAdding(null)}
          onAdded={(way) => {
            setAdding(null);
            setConfirming(way);
          }}
        />
      ) : null}
      {adding === "webhook" ? <WebhookDialog onClose={() => setAdding(null)} /> : null}
      {confirming ? <CodeDialog way={confirming} onClose={() => setConfirming(null)} /> : null}
    </Card>
  );
}

/** What one calls a way: an address of e-mail by itself, a webhook by its name. */
export function nameOf(way: NoticeWay): string {
  return way.name || way.target;
}

function WayRow({ way, onConfirm }: { way: NoticeWay; onConfirm: () => void }) {
  const { t } = useTranslation();
  const change = useWayChange();
  const name = nameOf(way);
  const params = { params: { path: { id: way.id } } };
  const test = async () => {
    const { is_sent, answer } = await take(api.POST("/api/v1/notice-ways/{id}/test", params));
    notify({
      color: is_sent ? "teal" : "red",
      title: t(is_sent ? "notice.test_sent" : "notice.test_failed", { name }),
      message: answer,
    });
  };
  return (
    <tr>
      <th scope="row">
        {name}
        {way.name ? <div className={`mono soft ${styles.target}`}>{way.target}</div> : null}
      </th>
      <td>
        <WayState way={way} />
      </td>
      <td>
        <div className={layout.buttons}>
          {way.is_confirmed ? null : (
            <Button
              size="compact-xs"
              aria-label={t("notice.confirm_named", { name })}
              onClick={onConfirm}
            >
              {t("notice.confirm")}
            </Button>
          )}
          {way.paused_since ? (
            <Button
              size="compact-xs"
              aria-label={t("notice.resume_named", { name })}
              onClick={() =>
                change.mutate(() => take(api.POST("/api/v1/notice-ways/{id}/resume", params)))
              }
            >
              {t("notice.resume")}
            </Button>
          ) : null}
          {way.is_confirmed ? (
            <Button
              size="compact-xs"
              variant="default"
              aria-label={t("notice.test_named", { name })}
              loading={change.isPending}
              onClick={() => change.mutate(test)}
            >
              {t("notice.test")}
            </Button>
          ) : null}
          <Button
            size="compact-xs"
            variant="default"
            aria-label={t("notice.way_remove_named", { name })}
            onClick={() =>
              change.mutate(() => take(api.DELETE("/api/v1/notice-ways/{id}", params)))
            }
          >
            {t("notice.rule_remove")}
          </Button>
        </div>
      </td>
    </tr>
  );
}

/** How a way is, in words. */
function WayState({ way }: { way: NoticeWay }) {
  const { t } = useTranslation();
  if (!way.is_confirmed) return <span className={styles.warn}>{t("notice.way_unconfirmed")}</span>;
  const lost = way.lost > 0 ? <div>{t("notice.way_lost", { count: way.lost })}</div> : null;
  if (way.paused_since) {
    return (
      <div className={styles.bad}>
        {t("notice.way_paused")} <Timestamp at={way.paused_since} />
        <div>{way.last_error}</div>
        {lost}
      </div>
    );
  }
  if (way.failing_since) {
    return (
      <div className={styles.warn}>
        {t("notice.way_failing")} <Timestamp at={way.failing_since} />
        <div>{way.last_error}</div>
        {lost}
      </div>
    );
  }
  return (
    <div>
      {way.last_sent_at ? (
        <>
          {t("notice.way_sent")} <Timestamp at={way.last_sent_at} />
        </>
      ) : (
        t("notice.way_ready")
      )}
      {way.waiting > 0 ? <div>{t("notice.way_waiting", { count: way.waiting })}</div> : null}
      {lost}
    </div>
  );
}
