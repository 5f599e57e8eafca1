import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Overview } from "../api/client";
import { useMay } from "../lib/abilities";
import { formatCount } from "../lib/number";
import { formatDuration } from "../lib/time";
import { EXERCISE } from "../stage/stage";
import styles from "./overview.module.css";

/** The numbers that are looked at first. */
export function Figures({ overview, wall }: { overview: Overview; wall: boolean }) {
  const { t, i18n } = useTranslation();
  const number = (value: number) => formatCount(value, i18n.language);
  const { waiting, acknowledge, close } = overview;
  const oldest = waiting.oldest
    ? formatDuration((Date.parse(overview.at) - Date.parse(waiting.oldest)) * 1_000)
    : "—";
  const received = overview.sensors.reduce((sum, sensor) => sum + sensor.packets_received, 0);
  const dropped = overview.sensors.reduce((sum, sensor) => sum + sensor.packets_dropped, 0);
  const seconds = (value: number | null) => (value === null ? "—" : formatDuration(value * 1e6));
  const queue = (text: ReactNode) => (wall ? text : <Link to="/alerts">{text}</Link>);
  const health = (text: ReactNode) =>
    wall || EXERCISE !== null ? text : <Link to="/health">{text}</Link>;
  const seesSensors = useMay()("sensor:read");
  return (
    <dl className={styles.figures}>
      <Figure name={t("overview.waiting")} note={t("overview.oldest", { age: oldest })}>
        {queue(number(waiting.count))}
      </Figure>
      <Figure name={t("overview.unassigned")} bad={waiting.unassigned > 0}>
        {queue(number(waiting.unassigned))}
      </Figure>
      <Figure
        name={t("overview.acknowledge")}
        note={t("overview.p90", {
          p90: seconds(acknowledge.p90_s),
          count: acknowledge.count,
          formatted: number(acknowledge.count),
        })}
      >
        {seconds(acknowledge.median_s)}
      </Figure>
      <Figure
        name={t("overview.close")}
        note={t("overview.p90", {
          p90: seconds(close.p90_s),
          count: close.count,
          formatted: number(close.count),
        })}
      >
        {seconds(close.median_s)}
      </Figure>
      {/* Within an exercise, sensors are its director's, and how the platform does is no part of it. */}
      {EXERCISE === null || seesSensors ? (
        <>
          <Figure
            name={t("overview.sensors")}
            note={t("overview.sensors_troubled", { count: overview.sensors_troubled })}
            bad={overview.sensors_troubled > 0}
          >
            {health(number(overview.sensors_total))}
          </Figure>
          <Figure
            name={t("overview.dropped")}
            note={t("overview.of_packets", { formatted: number(received) })}
            bad={dropped > 0}
          >
            {health(share(dropped, received))}
          </Figure>
        </>
      ) : null}
      {EXERCISE === null ? (
        <Figure
          name={t("overview.platform")}
          note={t("overview.behind", { duration: formatDuration(overview.alerts_behind_s * 1e6) })}
          bad={overview.parts_troubled > 0}
        >
          {health(
            overview.parts_troubled > 0
              ? t("overview.troubled", { count: overview.parts_troubled })
              : t("overview.well"),
          )}
        </Figure>
      ) : null}
    </dl>
  );
}

interface FigureProps {
  name: string;
  note?: string;
  bad?: boolean;
  children: ReactNode;
}

function Figure({ name, note, bad = false, children }: FigureProps) {
  return (
    <div data-bad={bad}>
      <dt>{name}</dt>
      <dd className={styles.figure}>{children}</dd>
      {note ? <dd className="soft">{note}</dd> : null}
    </div>
  );
}

/** A share as a percentage with enough digits that one lost packet does not read as none. */
export function share(part: number, whole: number): string {
  if (part === 0 || whole === 0) return "0 %";
  const percent = (100 * part) / whole;
  return percent < 0.01 ? "< 0.01 %" : `${percent.toFixed(2)} %`;
}
