import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { AlertDetail, EventRow } from "../api/client";
import { endpoint } from "../lib/endpoint";
import { formatBytes, formatCount } from "../lib/number";
import { formatDuration } from "../lib/time";
import { Card } from "../parts/Card";
import { Timestamp } from "../parts/Timestamp";
import styles from "./alert.module.css";
import { communityIdOf, type Direction, type Flow, flowOf } from "./flow";
import { Pivot } from "./Pivot";

interface FlowCardProps {
  alert: AlertDetail;
  events: readonly EventRow[] | undefined;
}

/** Who talked to whom, and how much in each direction. */
export function FlowCard({ alert, events }: FlowCardProps) {
  const { t } = useTranslation();
  const flow = events ? flowOf(alert, events) : null;
  const communityId = events ? communityIdOf(alert, events) : "";
  const span = { first: alert.first_seen, last: alert.last_seen };
  const more = alert.flow_ids.length - 1;
  return (
    <Card
      title={t("alert.flow")}
      aside={
        more > 0 ? <span className="soft">{t("alert.flow_more", { count: more })}</span> : null
      }
    >
      <div className={styles.flow}>
        <div className={styles.end}>
          <span className="soft">{t("alert.flow_client")}</span>
          {alert.src ? (
            <Pivot
              field="src"
              value={alert.src}
              text={endpoint(alert.src, alert.sport)}
              {...span}
            />
          ) : (
            "—"
          )}
        </div>
        {flow ? <Lanes flow={flow} /> : <div className={styles.lanes} />}
        <div className={styles.end}>
          <span className="soft">{t("alert.flow_server")}</span>
          {alert.dst ? (
            <Pivot
              field="dst"
              value={alert.dst}
              text={endpoint(alert.dst, alert.dport)}
              {...span}
            />
          ) : (
            "—"
          )}
        </div>
      </div>
      {events && !flow ? <p className={styles.flowNone}>{t("alert.flow_none")}</p> : null}
      <dl className={`${styles.meta} ${styles.flowFacts}`}>
        {flow ? <FlowFacts flow={flow} proto={alert.proto ?? ""} /> : null}
        {communityId ? (
          <Fact name={t("alert.flow_community")}>
            <Pivot field="community_id" value={communityId} {...span} />
          </Fact>
        ) : null}
      </dl>
    </Card>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function FlowFacts({ flow, proto }: { flow: Flow; proto: string }) {
  const { t } = useTranslation();
  return (
    <>
      <Fact name={t("alert.flow_app")}>{[proto, flow.app].filter(Boolean).join(" / ") || "—"}</Fact>
      <Fact name={t("alert.flow_state")}>
        <span className="mono">{flow.state || "—"}</span>
      </Fact>
      <Fact name={t("alert.flow_start")}>
        <Timestamp at={flow.start} />
      </Fact>
      <Fact name={t("alert.flow_duration")}>{formatDuration(flow.durationUs)}</Fact>
      {flow.endReason ? <Fact name={t("alert.flow_end")}>{flow.endReason}</Fact> : null}
      {flow.missedBytes > 0 ? (
        <Fact name={t("alert.flow_missed")}>{formatBytes(flow.missedBytes)}</Fact>
      ) : null}
    </>
  );
}

/** Both directions as bars on one scale. */
function Lanes({ flow }: { flow: Flow }) {
  const { t } = useTranslation();
  const most = Math.max(flow.sent.bytes, flow.received.bytes, 1);
  return (
    <div className={styles.lanes}>
      <Lane label={t("alert.flow_sent")} way="→" direction={flow.sent} most={most} />
      <Lane label={t("alert.flow_received")} way="←" direction={flow.received} most={most} />
    </div>
  );
}

interface LaneProps {
  label: string;
  way: "→" | "←";
  direction: Direction;
  most: number;
}

function Lane({ label, way, direction, most }: LaneProps) {
  const { t, i18n } = useTranslation();
  const packets = formatCount(direction.packets, i18n.language);
  return (
    <div className={styles.lane}>
      <span>
        <span aria-hidden="true">{way} </span>
        {label} <strong>{formatBytes(direction.bytes)}</strong>{" "}
        <span className="soft">
          {t("alert.flow_packets", { count: direction.packets, formatted: packets })}
        </span>
      </span>
      <span className={styles.bar} data-way={way} aria-hidden="true">
        <i style={{ width: `${Math.max(1, (100 * direction.bytes) / most)}%` }} />
      </span>
    </div>
  );
}
