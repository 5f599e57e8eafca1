import { Button, NumberInput, Textarea } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import { api, type Exception, type Security, STATUSES, take } from "../api/client";
import { formatCount } from "../lib/number";
import { nameOf } from "../lib/organisation";
import { ruleTitle } from "../lib/rule";
import { Dialog } from "../parts/Dialog";
import { Facts } from "../parts/Facts";
import { SidePanel } from "../parts/SidePanel";
import { Timestamp } from "../parts/Timestamp";
import { useAct } from "../people/useAct";
import { StateWords } from "./ExceptionTable";
import { conditionsText, DAYS_MAX, DEFAULT_DAYS, daysAhead, effectText, isDays } from "./words";

interface ExceptionPanelProps {
  exception: Exception;
  security: Security;
  onClose: () => void;
}

/** One exception: what it does, what it caught, who answers for it, and what one may do with it. */
export function ExceptionPanel({ exception, security, onClose }: ExceptionPanelProps) {
  const { t, i18n } = useTranslation();
  const count = (value: number) => formatCount(value, i18n.language);
  const done = (what: Exception["made"] | null, name: string) =>
    what
      ? [
          {
            name,
            value: (
              <>
                {what.by.display_name}, <Timestamp at={what.at} />
                {what.note ? <br /> : null}
                {what.note}
              </>
            ),
          },
        ]
      : [];
  const { extension } = exception;
  const facts = [
    { name: t("people.state_label"), value: <StateWords exception={exception} /> },
    {
      name: t("exception.rule"),
      value: <span className="mono">{exception.rule_id}</span>,
    },
    { name: t("exception.conditions"), value: conditionsText(t, exception) },
    {
      name: t("people.organisation"),
      value: `${nameOf(exception.organisation, i18n.language)} ${
        exception.with_beneath ? t("exception.and_beneath") : ""
      }`,
    },
    { name: t("exception.effect_label"), value: effectText(t, exception) },
    { name: t("queue.reason"), value: t(`reason.${exception.reason}`) },
    ...done(exception.made, t("exception.made_by")),
    { name: t("exception.until"), value: <Timestamp at={exception.expires_at} second /> },
    ...done(exception.approved, t("exception.approved_by")),
    ...done(extension, t("exception.extension_by")),
    ...(extension
      ? [{ name: t("exception.extension_to"), value: <Timestamp at={extension.expires_at} /> }]
      : []),
    ...done(exception.ended, t("exception.ended_by")),
    { name: t("exception.hits"), value: count(exception.hits) },
    { name: t("exception.events"), value: count(exception.events) },
    {
      name: t("exception.last_hit"),
      value: exception.last_hit_at ? (
        <Timestamp at={exception.last_hit_at} second />
      ) : (
        t("common.none")
      ),
    },
  ];
  const title = ruleTitle(exception, i18n.language);
  const caught = {
    exception: exception.id,
    suppressed: "with",
    status: STATUSES.join(","),
    snoozed: "with",
  };
  return (
    <SidePanel label={title} head={title} hasKey className={layout.panel} onClose={onClose}>
      <Facts facts={facts} />
      <p>
        <Link to="/alerts" search={caught}>
          {t("exception.see_caught")}
        </Link>
        {exception.alert ? (
          <>
            {" · "}
            <Link to="/alerts/$id" params={{ id: exception.alert }}>
              {t("exception.made_from")}
            </Link>
          </>
        ) : null}
      </p>
      <Deeds exception={exception} security={security} />
    </SidePanel>
  );
}

/** Extends, agrees, ends. */
function Deeds({ exception, security }: { exception: Exception; security: Security }) {
  const { t } = useTranslation();
  const act = useAct(security, "exceptions");
  const [asked, setAsked] = useState<"extend" | "end" | null>(null);
  const [note, setNote] = useState("");
  const [days, setDays] = useState<number | string>(DEFAULT_DAYS);
  const params = { path: { id: exception.id } };
  const may = (action: Exception["actions"][number]) => exception.actions.includes(action);
  const ask = (question: "extend" | "end") => {
    setNote("");
    setAsked(question);
  };
  const answer = () => {
    const question = asked;
    setAsked(null);
    const expires_at = daysAhead(Number(days), Date.now());
    act.run(() =>
      question === "extend"
        ? take(api.POST("/api/v1/exceptions/{id}/extend", { params, body: { expires_at, note } }))
        : take(api.POST("/api/v1/exceptions/{id}/end", { params, body: { note } })),
    );
  };
  const approve = () =>
    act.run(() => take(api.POST("/api/v1/exceptions/{id}/approve", { params })));
  const isReady = note.trim() !== "" && (asked === "end" || isDays(Number(days)));
  return (
    <div className={layout.buttons}>
      {may("approve") ? (
        <Button loading={act.isPending} onClick={approve}>
          {t("exception.approve")}
        </Button>
      ) : null}
      {may("extend") ? (
        <Button variant="default" loading={act.isPending} onClick={() => ask("extend")}>
          {t("exception.extend")}
        </Button>
      ) : null}
      {may("end") ? (
        <Button variant="default" loading={act.isPending} onClick={() => ask("end")}>
          {t("exception.end")}
        </Button>
      ) : null}
      <Dialog
        opened={asked !== null}
        onClose={() => setAsked(null)}
        title={t(asked === "end" ? "exception.end" : "exception.extend")}
      >
        <form
          className={layout.form}
          onSubmit={(event) => {
            event.preventDefault();
            if (isReady) answer();
          }}
        >
          <p>{t(asked === "end" ? "exception.end_hint" : "exception.extend_hint")}</p>
          {asked === "extend" ? (
            <NumberInput
              label={t("exception.days")}
              min={1}
              max={DAYS_MAX}
              allowDecimal={false}
              value={days}
              onChange={setDays}
            />
          ) : null}
          <Textarea
            label={t("exception.note")}
            required
            autosize
            minRows={2}
            maxLength={2000}
            value={note}
            onChange={(event) => setNote(event.currentTarget.value)}
          />
          <div className={layout.buttons}>
            <Button variant="default" onClick={() => setAsked(null)}>
              {t("common.cancel")}
            </Button>
            <Button type="submit" disabled={!isReady}>
              {t(asked === "end" ? "exception.end_do" : "exception.extend_do")}
            </Button>
          </div>
        </form>
      </Dialog>
      {act.dialog}
    </div>
  );
}
