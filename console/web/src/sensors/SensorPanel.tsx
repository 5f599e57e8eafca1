import { Button, Textarea } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import { api, type EnrolmentToken, type Security, type SensorDetail, take } from "../api/client";
import { sensorQuery } from "../api/queries";
import { formatCount } from "../lib/number";
import { nameOf } from "../lib/organisation";
import { Dialog } from "../parts/Dialog";
import { ErrorPanel } from "../parts/ErrorPanel";
import { Facts } from "../parts/Facts";
import { SidePanel } from "../parts/SidePanel";
import { Timestamp } from "../parts/Timestamp";
import { useAct } from "../people/useAct";
import { StateTag } from "./StateTag";
import { TokenOnce } from "./TokenOnce";

interface SensorPanelProps {
  id: string;
  security: Security;
  /** Whether the console can enrol sensors at all. */
  canEnrol: boolean;
  onClose: () => void;
}

/** One sensor: how it stands, what became of it, and what one may do with it. */
export function SensorPanel({ id, security, canEnrol, onClose }: SensorPanelProps) {
  const { t } = useTranslation();
  const sensor = useQuery(sensorQuery(id));
  const name = sensor.data?.name ?? "";
  return (
    <SidePanel
      label={name || t("sensors.title")}
      head={name}
      hasKey
      className={layout.panel}
      onClose={onClose}
    >
      {sensor.error ? (
        <ErrorPanel
          what={t("error.what.sensor")}
          error={sensor.error}
          onRetry={() => void sensor.refetch()}
        />
      ) : null}
      {sensor.data ? (
        <>
          <What sensor={sensor.data} />
          <Deeds sensor={sensor.data} security={security} canEnrol={canEnrol} />
          {sensor.data.actions.includes("change") ? (
            <NoteForm key={sensor.data.note} sensor={sensor.data} security={security} />
          ) : null}
          <History sensor={sensor.data} />
        </>
      ) : null}
    </SidePanel>
  );
}

function What({ sensor }: { sensor: SensorDetail }) {
  const { t, i18n } = useTranslation();
  const at = (time: string | null) => (time ? <Timestamp at={time} second /> : t("common.none"));
  const count = (value: number) => formatCount(value, i18n.language);
  const { report } = sensor;
  const facts = [
    { name: t("people.state_label"), value: <StateTag state={sensor.state} /> },
    { name: t("people.organisation"), value: nameOf(sensor.organisation, i18n.language) },
    ...(sensor.note ? [{ name: t("sensors.note"), value: sensor.note }] : []),
    { name: t("sensors.id"), value: <span className="mono">{sensor.id}</span> },
    { name: t("sensors.generation"), value: sensor.generation || t("common.none") },
    { name: t("sensors.enrolled"), value: at(sensor.enrolled_at) },
    ...(sensor.revoked_at ? [{ name: t("sensors.revoked"), value: at(sensor.revoked_at) }] : []),
    ...(sensor.token_expires_at
      ? [{ name: t("sensors.token_until"), value: at(sensor.token_expires_at) }]
      : []),
    ...(report
      ? [
          { name: t("health.heard"), value: at(report.heard_at) },
          { name: t("health.received"), value: count(report.packets_received) },
          { name: t("health.dropped"), value: count(report.packets_dropped) },
          { name: t("health.events"), value: count(report.events) },
        ]
      : []),
  ];
  return (
    <>
      <Facts facts={facts} />
      {sensor.is_told ? null : (
        <p role="status" className={layout.bad}>
          {t("sensors.untold")}
        </p>
      )}
    </>
  );
}

interface DeedsProps {
  sensor: SensorDetail;
  security: Security;
  canEnrol: boolean;
}

/** Makes another token, revokes. */
function Deeds({ sensor, security, canEnrol }: DeedsProps) {
  const { t } = useTranslation();
  const act = useAct(security, "sensors");
  const [asked, setAsked] = useState<"renew" | "revoke" | null>(null);
  const [token, setToken] = useState<EnrolmentToken | null>(null);
  const params = { path: { id: sensor.id } };
  const may = (action: SensorDetail["actions"][number]) => sensor.actions.includes(action);
  const isNew = sensor.generation === 0;
  const renew = () => {
    setAsked(null);
    act.run(async () => setToken(await take(api.POST("/api/v1/sensors/{id}/renew", { params }))));
  };
  const revoke = () => {
    setAsked(null);
    act.run(() => take(api.POST("/api/v1/sensors/{id}/revoke", { params })));
  };
  const renewName = t(isNew ? "sensors.token_anew" : "sensors.renew");
  return (
    <div className={layout.buttons}>
      {may("renew") && canEnrol ? (
        <Button variant="default" loading={act.isPending} onClick={() => setAsked("renew")}>
          {renewName}
        </Button>
      ) : null}
      {may("revoke") ? (
        <Button
          variant="default"
          color="red"
          loading={act.isPending}
          onClick={() => setAsked("revoke")}
        >
          {t("sensors.revoke")}
        </Button>
      ) : null}
      <Dialog
        opened={asked !== null}
        onClose={() => setAsked(null)}
        title={asked === "revoke" ? t("sensors.revoke") : renewName}
      >
        <div className={layout.form}>
          <p>{t(hintOf(asked, isNew), { name: sensor.name })}</p>
          <div className={layout.buttons}>
            <Button variant="default" onClick={() => setAsked(null)}>
              {t("common.cancel")}
            </Button>
            {asked === "revoke" ? (
              <Button color="red.9" onClick={revoke}>
                {t("sensors.revoke")}
              </Button>
            ) : (
              <Button onClick={renew}>{t("sensors.make_token")}</Button>
            )}
          </div>
        </div>
      </Dialog>
      <TokenOnce
        token={token}
        name={sensor.name}
        isRenewal={!isNew}
        onClose={() => setToken(null)}
      />
      {act.dialog}
    </div>
  );
}

/** What follows from what is asked. */
function hintOf(asked: "renew" | "revoke" | null, isNew: boolean) {
  if (asked === "revoke") return isNew ? "sensors.withdraw_hint" : "sensors.revoke_hint";
  return isNew ? "sensors.token_anew_hint" : "sensors.renew_hint";
}

function NoteForm({ sensor, security }: { sensor: SensorDetail; security: Security }) {
  const { t } = useTranslation();
  const act = useAct(security, "sensors");
  const [note, setNote] = useState(sensor.note);
  const params = { path: { id: sensor.id } };
  return (
    <section className={layout.section}>
      <div className={layout.form}>
        <Textarea
          size="xs"
          autosize
          minRows={2}
          label={t("sensors.note")}
          description={t("sensors.note_hint")}
          value={note}
          onChange={(event) => setNote(event.currentTarget.value)}
        />
        <div className={layout.buttons}>
          <Button
            variant="default"
            loading={act.isPending}
            disabled={note.trim() === sensor.note}
            onClick={() =>
              act.run(() => take(api.PATCH("/api/v1/sensors/{id}", { params, body: { note } })))
            }
          >
            {t("sensors.note_save")}
          </Button>
        </div>
      </div>
      {act.dialog}
    </section>
  );
}

function History({ sensor }: { sensor: SensorDetail }) {
  const { t } = useTranslation();
  return (
    <section className={layout.section}>
      <h3>{t("sensors.history")}</h3>
      <ul className={layout.entries}>
        {sensor.history.map((step) => (
          <li key={`${step.at} ${step.step} ${step.generation}`}>
            <span>
              {t(`sensors.step.${step.step}`, { generation: step.generation })}
              <br />
              <span className="soft">
                <Timestamp at={step.at} second />
                {step.by ? ` · ${step.by.display_name}` : ""}
                {step.address ? ` · ${t("sensors.from", { address: step.address })}` : ""}
              </span>
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
