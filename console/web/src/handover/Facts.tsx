import { Link } from "@tanstack/react-router";
import type { ParseKeys } from "i18next";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { HandoverAlert, HandoverFacts } from "../api/client";
import { isPageKind } from "../lib/entity";
import { formatCount } from "../lib/number";
import { titleOf } from "../lib/rule";
import { formatDuration } from "../lib/time";
import { OrganisationName } from "../organisations/OrganisationName";
import { Card } from "../parts/Card";
import { EntityLink } from "../parts/EntityLink";
import { Severity } from "../parts/Severity";
import { StatusTag } from "../parts/StatusTag";
import { Timestamp } from "../parts/Timestamp";
import styles from "./handover.module.css";
import { type Band, bandsOf, CHANGES, changeRows, deedRows, holderRows, openRows } from "./rows";

/** How things stand, or stood when the shift was handed over. */
export function Facts({ facts }: { facts: HandoverFacts }) {
  const { t } = useTranslation();
  return (
    <div className={styles.boards}>
      <Open facts={facts} />
      <Alerts title={t("handover.urgent")} alerts={facts.urgent} />
      <Watched facts={facts} />
      <Alerts title={t("handover.waking")} alerts={facts.waking} wakes />
      <Changes facts={facts} />
      <Counted
        title={t("handover.holders")}
        head={t("handover.holder")}
        rows={holderRows(facts).map(({ id, name, count }) => ({ key: id, name, count }))}
      />
      <Sensors facts={facts} />
      <Deeds facts={facts} />
    </div>
  );
}

function Board(props: { title: string; wide?: boolean; empty: boolean; children: ReactNode }) {
  const { t } = useTranslation();
  return (
    <Card title={props.title} className={props.wide ? styles.wide : undefined}>
      {props.empty ? (
        <p className={styles.none}>{t("handover.none")}</p>
      ) : (
        <div className={styles.scroll}>{props.children}</div>
      )}
    </Card>
  );
}

function Open({ facts }: { facts: HandoverFacts }) {
  const { t, i18n } = useTranslation();
  const bands = bandsOf(facts);
  const rows = openRows(facts);
  const number = (value: number) => (value === 0 ? "" : formatCount(value, i18n.language));
  const age = ({ from, to }: Band) =>
    to === null
      ? t("overview.older", { age: formatDuration(from * 1e6) })
      : t("overview.younger", { age: formatDuration(to * 1e6) });
  return (
    <Board title={t("handover.open")} wide empty={rows.length === 0}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">{t("queue.severity")}</th>
            {bands.map((band) => (
              <th key={band.from} scope="col" data-number="true">
                {age(band)}
              </th>
            ))}
            <th scope="col" data-number="true">
              {t("overview.total")}
            </th>
            <th scope="col" data-number="true">
              {t("overview.unassigned")}
            </th>
            <th scope="col" data-number="true">
              {t("handover.set_aside")}
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.severity}>
              <th scope="row">
                <Severity level={row.severity} />
              </th>
              {row.byAge.map((count, index) => (
                <td key={bands[index]?.from} data-number="true">
                  {number(count)}
                </td>
              ))}
              <td data-number="true">{number(row.total)}</td>
              <td data-number="true">{number(row.unassigned)}</td>
              <td data-number="true">{number(row.setAside)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Board>
  );
}

interface AlertsProps {
  title: string;
  alerts: readonly HandoverAlert[];
  /** Whether it matters when they wake. */
  wakes?: boolean;
}

function Alerts({ title, alerts, wakes = false }: AlertsProps) {
  const { t, i18n } = useTranslation();
  return (
    <Board title={title} wide empty={alerts.length === 0}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">{t("queue.column.severity")}</th>
            <th scope="col">{t("queue.column.title")}</th>
            <th scope="col">{t("queue.column.tenant")}</th>
            <th scope="col">{t("queue.column.status")}</th>
            <th scope="col">{t("queue.column.assignee")}</th>
            <th scope="col">{t("queue.column.time")}</th>
            <th scope="col" data-number="true">
              {t("queue.column.count")}
            </th>
            {wakes ? <th scope="col">{t("handover.wakes")}</th> : null}
          </tr>
        </thead>
        <tbody>
          {alerts.map((alert) => (
            <tr key={alert.id}>
              <td>
                <Severity level={alert.severity} />
              </td>
              <th scope="row">
                <AlertLink alert={alert} />
              </th>
              <td>
                <OrganisationName code={alert.organisation} />
              </td>
              <td>
                <StatusTag status={alert.status} verdict={null} />
              </td>
              <td>{alert.holder ?? t("common.unassigned")}</td>
              <td>
                <Timestamp at={alert.detected_at} />
              </td>
              <td data-number="true">{formatCount(alert.count, i18n.language)}</td>
              {wakes ? <td>{alert.wakes_at ? <Timestamp at={alert.wakes_at} /> : null}</td> : null}
            </tr>
          ))}
        </tbody>
      </table>
    </Board>
  );
}

function AlertLink({ alert }: { alert: HandoverAlert }) {
  const { i18n } = useTranslation();
  return (
    <Link to="/alerts/$id" params={{ id: alert.id }}>
      {titleOf(alert, i18n.language)}
    </Link>
  );
}

function Watched({ facts }: { facts: HandoverFacts }) {
  const { t } = useTranslation();
  return (
    <Board title={t("handover.watched")} wide empty={facts.watched.length === 0}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">{t("watch.what")}</th>
            <th scope="col">{t("watch.note")}</th>
            <th scope="col">{t("queue.column.tenant")}</th>
            <th scope="col">{t("watch.by")}</th>
            <th scope="col">{t("watch.since")}</th>
          </tr>
        </thead>
        <tbody>
          {facts.watched.map((one) => (
            <tr key={`${one.organisation} ${one.alert?.id ?? `${one.kind} ${one.value}`}`}>
              <th scope="row">
                {one.alert ? (
                  <>
                    <AlertLink alert={one.alert} />{" "}
                    <StatusTag status={one.alert.status} verdict={null} />
                  </>
                ) : (
                  <WatchedThing kind={one.kind ?? ""} value={one.value ?? ""} />
                )}
              </th>
              <td className={styles.words}>{one.note}</td>
              <td>
                <OrganisationName code={one.organisation} />
              </td>
              <td>{one.by}</td>
              <td>
                <Timestamp at={one.added_at} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Board>
  );
}

/** A thing of the watch list, with its kind. */
export function WatchedThing({ kind, value }: { kind: string; value: string }) {
  const { t } = useTranslation();
  if (!isPageKind(kind)) return <span className="mono">{value}</span>;
  return (
    <>
      <span className="soft">{t(`entity.kind.${kind}`)}</span>{" "}
      <EntityLink kind={kind} value={value} />
    </>
  );
}

function Changes({ facts }: { facts: HandoverFacts }) {
  const { t, i18n } = useTranslation();
  const rows = changeRows(facts);
  return (
    <Board title={t("handover.changes")} wide empty={rows.length === 0}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">{t("queue.column.tenant")}</th>
            {CHANGES.map((change) => (
              <th key={change} scope="col" data-number="true">
                {t(`handover.change.${change}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ organisation, counts }) => (
            <tr key={organisation ?? ""} data-sum={organisation === null}>
              <th scope="row">{organisation ?? t("overview.total")}</th>
              {CHANGES.map((change) => (
                <td key={change} data-number="true">
                  {formatCount(counts[change], i18n.language)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Board>
  );
}

interface CountedProps {
  title: string;
  head: string;
  rows: readonly { key: string; name: string; count: number }[];
}

function Counted({ title, head, rows }: CountedProps) {
  const { t, i18n } = useTranslation();
  return (
    <Board title={title} empty={rows.length === 0}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">{head}</th>
            <th scope="col" data-number="true">
              {t("handover.number")}
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, name, count }) => (
            <tr key={key}>
              <th scope="row">{name}</th>
              <td data-number="true">{formatCount(count, i18n.language)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Board>
  );
}

function Sensors({ facts }: { facts: HandoverFacts }) {
  const { t } = useTranslation();
  return (
    <Board title={t("handover.sensors")} empty={facts.sensors.length === 0}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">{t("health.sensor")}</th>
            <th scope="col">{t("queue.column.tenant")}</th>
            <th scope="col">{t("health.state")}</th>
            <th scope="col">{t("health.heard")}</th>
          </tr>
        </thead>
        <tbody>
          {facts.sensors.map((one) => (
            <tr key={`${one.organisation} ${one.sensor}`}>
              <th scope="row">
                <EntityLink kind="sensor" value={one.sensor} />
              </th>
              <td>
                <OrganisationName code={one.organisation} />
              </td>
              <td>{t(`health.state_${one.state}`)}</td>
              <td>
                <Timestamp at={one.heard} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Board>
  );
}

const DEEDS = [
  "account.invite",
  "account.reset",
  "account.disable",
  "account.enable",
  "factor.remove",
  "membership.create",
  "membership.approve",
  "membership.end",
  "organisation.add",
  "organisation.change",
  "organisation.end",
  "audit.export",
  "exception.add",
  "exception.extend",
  "exception.approve",
  "exception.end",
] as const;

const DEED_NAMES: Record<(typeof DEEDS)[number], ParseKeys> = {
  "account.invite": "handover.deed.invite",
  "account.reset": "handover.deed.reset",
  "account.disable": "handover.deed.disable",
  "account.enable": "handover.deed.enable",
  "factor.remove": "handover.deed.factor",
  "membership.create": "handover.deed.role",
  "membership.approve": "handover.deed.approve",
  "membership.end": "handover.deed.role_end",
  "organisation.add": "handover.deed.organisation_add",
  "organisation.change": "handover.deed.organisation_change",
  "organisation.end": "handover.deed.organisation_end",
  "audit.export": "handover.deed.audit_export",
  "exception.add": "handover.deed.exception_add",
  "exception.extend": "handover.deed.exception_extend",
  "exception.approve": "handover.deed.exception_approve",
  "exception.end": "handover.deed.exception_end",
};

function Deeds({ facts }: { facts: HandoverFacts }) {
  const { t } = useTranslation();
  const nameOf = (action: string) => {
    const known = DEEDS.find((each) => each === action);
    return known ? t(DEED_NAMES[known]) : action;
  };
  return (
    <Counted
      title={t("handover.deeds")}
      head={t("handover.deed_head")}
      rows={deedRows(facts).map(({ action, count }) => ({
        key: action,
        name: nameOf(action),
        count,
      }))}
    />
  );
}
