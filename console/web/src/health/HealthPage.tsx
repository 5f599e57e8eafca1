import { IconAlertTriangle, IconCircleCheck, IconCircleX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Health, PartState } from "../api/client";
import { healthQuery } from "../api/queries";
import { formatCount } from "../lib/number";
import { Card } from "../parts/Card";
import { EmptyState } from "../parts/EmptyState";
import { ErrorPanel } from "../parts/ErrorPanel";
import { Timestamp } from "../parts/Timestamp";
import styles from "./health.module.css";

export function HealthPage() {
  const { t } = useTranslation();
  const health = useQuery(healthQuery);
  return (
    <main id="main" className={styles.page}>
      <h1>{t("health.title")}</h1>
      {health.error ? (
        <ErrorPanel
          what={t("error.what.health")}
          error={health.error}
          onRetry={() => void health.refetch()}
        />
      ) : null}
      {health.data ? (
        <>
          <Parts parts={health.data.parts} />
          <Sensors sensors={health.data.sensors} />
        </>
      ) : null}
    </main>
  );
}

function Parts({ parts }: { parts: Health["parts"] }) {
  const { t } = useTranslation();
  return (
    <Card title={t("health.parts")}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th>{t("health.part")}</th>
            <th>{t("health.state")}</th>
            <th>{t("health.address")}</th>
            <th>{t("health.detail")}</th>
          </tr>
        </thead>
        <tbody>
          {parts.map((part) => (
            <tr key={`${part.name}${part.address}`}>
              <td>
                <strong>{part.name}</strong>
              </td>
              <td>
                <State state={part.state} />
              </td>
              <td className="mono">{part.address || "—"}</td>
              <td>{part.detail || "—"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

const STATE_ICON = { up: IconCircleCheck, degraded: IconAlertTriangle, down: IconCircleX } as const;

function State({ state }: { state: PartState }) {
  const { t } = useTranslation();
  const Icon = STATE_ICON[state];
  return (
    <span className={styles.state} data-state={state}>
      <Icon size={15} aria-hidden="true" />
      {t(`health.state_${state}`)}
    </span>
  );
}

function Sensors({ sensors }: { sensors: Health["sensors"] }) {
  const { t, i18n } = useTranslation();
  const number = (value: number) => formatCount(value, i18n.language);
  if (sensors.length === 0) {
    return (
      <Card title={t("health.sensors")}>
        <EmptyState title={t("health.no_sensors_title")} hint={t("health.no_sensors_hint")} />
      </Card>
    );
  }
  return (
    <Card title={t("health.sensors")}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th>{t("health.sensor")}</th>
            <th>{t("health.last_seen")}</th>
            <th data-number="true">{t("health.received")}</th>
            <th data-number="true">{t("health.processed")}</th>
            <th data-number="true">{t("health.dropped")}</th>
            <th data-number="true">{t("health.drop_rate")}</th>
            <th>{t("health.reasons")}</th>
            <th data-number="true">{t("health.events")}</th>
          </tr>
        </thead>
        <tbody>
          {sensors.map((sensor) => {
            const reasons = Object.entries(sensor.packets_dropped).filter(([, count]) => count > 0);
            const dropped = reasons.reduce((sum, [, count]) => sum + count, 0);
            return (
              <tr key={sensor.sensor}>
                <td>
                  <strong>{sensor.sensor}</strong>
                </td>
                <td>
                  <Timestamp at={sensor.last_seen} />
                </td>
                <td data-number="true">{number(sensor.packets_received)}</td>
                <td data-number="true">{number(sensor.packets_processed)}</td>
                <td data-number="true" data-bad={dropped > 0}>
                  {number(dropped)}
                </td>
                <td data-number="true" data-bad={dropped > 0}>
                  {rate(dropped, sensor.packets_received)}
                </td>
                <td className={styles.reasons}>
                  {reasons.length === 0
                    ? "—"
                    : reasons.map(([name, count]) => `${name} ${number(count)}`).join(" · ")}
                </td>
                <td data-number="true">{number(sensor.events)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Card>
  );
}

/** A share as a percentage with enough digits that one lost packet does not read as none. */
function rate(part: number, whole: number): string {
  if (part === 0 || whole === 0) return "0 %";
  const percent = (100 * part) / whole;
  return percent < 0.01 ? "< 0.01 %" : `${percent.toFixed(2)} %`;
}
