import { Button } from "@mantine/core";
import { IconChevronDown, IconChevronRight } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Fragment, useState } from "react";
import { useTranslation } from "react-i18next";
import type { AlertDetail, EventRow } from "../api/client";
import { type Markers, markersOf } from "../lib/marks";
import { around } from "../lib/time";
import { Card } from "../parts/Card";
import { ClassTag } from "../parts/ClassTag";
import { Endpoints } from "../parts/Endpoints";
import { ErrorPanel } from "../parts/ErrorPanel";
import { EventFields } from "../parts/EventFields";
import { KeyFields } from "../parts/KeyFields";
import { Timestamp } from "../parts/Timestamp";
import styles from "./alert.module.css";

const SEARCH_MARGIN_MS = 300_000;

interface EventsCardProps {
  alert: AlertDetail;
  events: readonly EventRow[] | undefined;
  error: unknown;
  onRetry: () => void;
}

/** Every event the alert stands on, of all classes; each opens to all its fields. */
export function EventsCard({ alert, events, error, onRetry }: EventsCardProps) {
  const { t } = useTranslation();
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const toggle = (id: string) =>
    setOpen((now) => {
      const next = new Set(now);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  const own = new Set(alert.event_ids);
  const markers = useMarkers(alert);

  return (
    <Card
      title={`${t("alert.events")}${events ? ` (${events.length})` : ""}`}
      className={styles.eventsCard}
      aside={
        <Button
          size="compact-xs"
          variant="default"
          component={Link}
          to="/search"
          search={
            {
              ...(alert.src ? { q: `src:${alert.src}` } : {}),
              ...around(alert.first_seen, alert.last_seen, SEARCH_MARGIN_MS),
            } as never
          }
        >
          {t("alert.search_events")}
        </Button>
      }
    >
      {error ? (
        <ErrorPanel what={t("error.what.alert_events")} error={error} onRetry={onRetry} />
      ) : null}
      {events?.length === 0 ? <p className={styles.none}>{t("alert.events_empty")}</p> : null}
      {events && events.length > 0 && markers ? (
        <p className={`soft ${styles.legend}`}>
          <mark>{t("alert.marked")}</mark> {t("alert.marked_hint")}
        </p>
      ) : null}
      {events && events.length > 0 ? (
        <table className={styles.events}>
          <thead>
            <tr>
              <th>{t("event.column.time")}</th>
              <th>{t("event.column.class")}</th>
              <th>{t("event.column.endpoints")}</th>
              <th>{t("event.column.summary")}</th>
            </tr>
          </thead>
          <tbody>
            {events.map((event) => {
              const expanded = open.has(event.event_id);
              return (
                <Fragment key={event.event_id}>
                  <tr data-own={own.has(event.event_id)}>
                    <td>
                      <button
                        type="button"
                        className={styles.expand}
                        aria-expanded={expanded}
                        aria-label={expanded ? t("event.collapse") : t("event.expand")}
                        onClick={() => toggle(event.event_id)}
                      >
                        {expanded ? <IconChevronDown size={14} /> : <IconChevronRight size={14} />}
                      </button>
                      <Timestamp at={event.ts} />
                    </td>
                    <td>
                      <ClassTag name={event.class} />
                    </td>
                    <td className="clip">
                      <Endpoints of={event} />
                    </td>
                    <td className="clip">
                      <KeyFields
                        className={event.class}
                        fields={event.fields}
                        marker={own.has(event.event_id) ? markers?.own : markers?.beside}
                      />
                    </td>
                  </tr>
                  {expanded ? (
                    <tr className={styles.expanded}>
                      <td colSpan={4}>
                        <EventFields
                          event={event}
                          marker={own.has(event.event_id) ? markers?.own : markers?.beside}
                        />
                      </td>
                    </tr>
                  ) : null}
                </Fragment>
              );
            })}
          </tbody>
        </table>
      ) : null}
    </Card>
  );
}

/** What of the alert's events its rule looked for; the reader of some rules is loaded when it is needed. */
function useMarkers(alert: AlertDetail): Markers | undefined {
  const { data } = useQuery({
    queryKey: ["markers", alert.id, alert.rule_version, alert.group],
    queryFn: () => markersOf(alert),
    staleTime: Number.POSITIVE_INFINITY,
  });
  return data;
}
