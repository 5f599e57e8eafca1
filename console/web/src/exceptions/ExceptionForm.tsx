import { Button, Checkbox, NumberInput, Select, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { useStepUp } from "../account/useStepUp";
import {
  type AlertDetail,
  api,
  type ExceptionPreview,
  type ExceptionRequest,
  REASONS,
  type Reason,
  SEVERITIES,
  type Security,
  take,
} from "../api/client";
import { notify } from "../lib/notify";
import { ruleTitle } from "../lib/rule";
import { useOrganisations } from "../organisations/useOrganisations";
import { ConditionFields, type Draft, draftsOf, usedOf } from "./ConditionFields";
import styles from "./exceptions.module.css";
import { PreviewPanel } from "./PreviewPanel";
import { DAYS_MAX, DEFAULT_DAYS, daysAhead, isDays } from "./words";

const VERDICTS = ["benign_true_positive", "false_positive"] as const;
/** To what alerts may be lowered. */
const LOWER = SEVERITIES.filter((severity) => severity !== "critical");
/** Instead of an organisation with all beneath it: the alert's alone. */
const ALONE = "alone";

interface ExceptionFormProps {
  alert: AlertDetail;
  security: Security;
  onClose: () => void;
}

/** What is excepted, until when and why. It is looked at before it can be saved; whatever changes is looked at again. */
export function ExceptionForm({ alert, security, onClose }: ExceptionFormProps) {
  const { t, i18n } = useTranslation();
  const client = useQueryClient();
  const stepUp = useStepUp(security);
  const [drafts, setDrafts] = useState<Draft[]>(() => draftsOf(alert.offered));
  const [reach, setReach] = useState<string>(ALONE);
  const [lowerTo, setLowerTo] = useState<string | null>(null);
  const [reason, setReason] = useState<Reason>("expected_application");
  const [note, setNote] = useState("");
  const [days, setDays] = useState<number | string>(DEFAULT_DAYS);
  const [closeOpen, setCloseOpen] = useState(false);
  const [seen, setSeen] = useState<ExceptionPreview | null>(null);

  const { name, above } = useOrganisations();
  const request = (): ExceptionRequest => ({
    alert: alert.id,
    organisation: reach === ALONE ? alert.tenant : reach,
    with_beneath: reach !== ALONE,
    conditions: usedOf(drafts),
    effect: lowerTo ? "lower" : "hide",
    severity: LOWER.find((severity) => severity === lowerTo) ?? null,
    reason,
    note,
    expires_at: daysAhead(Number(days), Date.now()),
    close_open: closeOpen && seen?.needs_approval === false,
  });
  /** What was looked at was another exception. */
  const change = (apply: () => void) => {
    apply();
    setSeen(null);
  };
  const preview = useMutation({
    mutationFn: () => take(api.POST("/api/v1/exceptions/preview", { body: request() })),
    onSuccess: setSeen,
    onError: (error) => stepUp.onError(error, () => preview.mutate()),
  });
  const save = useMutation({
    mutationFn: () => take(api.POST("/api/v1/exceptions", { body: request() })),
    onError: (error) => stepUp.onError(error, () => save.mutate()),
    onSuccess: ({ exception, closed }) => {
      const made = t(exception.state === "waiting" ? "exception.made_waits" : "exception.made");
      const also =
        closed === null ? t("exception.closed_too_many") : t("exception.closed", { count: closed });
      notify({ message: closed === 0 ? made : `${made} ${also}` });
      for (const key of ["exceptions", "alerts", "alert-counts", "alert"])
        void client.invalidateQueries({ queryKey: [key] });
      onClose();
    },
  });
  const isReady = isDays(Number(days));
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!isReady) return;
    if (!seen) preview.mutate();
    else if (note.trim() !== "") save.mutate();
  };
  const reaches = [
    { value: ALONE, label: t("exception.reach.own", { name: name(alert.tenant) }) },
    ...[alert.tenant, ...above(alert.tenant)].map((code) => ({
      value: code,
      label: t("exception.reach.beneath", { name: name(code) }),
    })),
  ];
  const inside = { withinPortal: false } as const;
  return (
    <form className={styles.form} onSubmit={submit}>
      <p className={styles.rule}>
        {ruleTitle(alert, i18n.language)} <span className="mono soft">{alert.rule_id}</span>
      </p>
      <ConditionFields drafts={drafts} onChange={(next) => change(() => setDrafts(next))} />
      <div className={styles.pair}>
        <Select
          label={t("exception.organisation")}
          data={reaches}
          value={reach}
          allowDeselect={false}
          comboboxProps={inside}
          onChange={(value) => change(() => setReach(value ?? ALONE))}
        />
        <Select
          label={t("exception.effect_label")}
          data={[
            { value: "hide", label: t("exception.effect.hide") },
            ...LOWER.map((value) => ({
              value,
              label: t("exception.lowered_to", { severity: t(`severity.${value}`) }),
            })),
          ]}
          value={lowerTo ?? "hide"}
          allowDeselect={false}
          comboboxProps={inside}
          onChange={(value) => change(() => setLowerTo(value === "hide" ? null : value))}
        />
        <Select
          label={t("queue.reason")}
          data={VERDICTS.map((verdict) => ({
            group: t(`verdict.${verdict}`),
            items: REASONS[verdict].map((value) => ({ value, label: t(`reason.${value}`) })),
          }))}
          value={reason}
          allowDeselect={false}
          comboboxProps={inside}
          onChange={(value) => {
            const all = VERDICTS.flatMap((verdict) => REASONS[verdict]);
            setReason(all.find((each) => each === value) ?? reason);
          }}
        />
        <NumberInput
          label={t("exception.days")}
          description={t("exception.days_hint")}
          min={1}
          max={DAYS_MAX}
          allowDecimal={false}
          value={days}
          error={isReady ? null : t("exception.days_wrong")}
          onChange={setDays}
        />
      </div>
      <Textarea
        label={t("exception.note")}
        description={t("exception.note_hint")}
        required
        autosize
        minRows={2}
        maxLength={2000}
        value={note}
        onChange={(event) => setNote(event.currentTarget.value)}
      />
      {seen ? <PreviewPanel preview={seen} /> : null}
      {seen && seen.open > 0 && !seen.needs_approval ? (
        <Checkbox
          label={t("exception.close_open", { count: seen.open })}
          checked={closeOpen}
          onChange={(event) => setCloseOpen(event.currentTarget.checked)}
        />
      ) : null}
      <div className={styles.buttons}>
        <Button variant="default" onClick={onClose}>
          {t("common.cancel")}
        </Button>
        <Button
          variant={seen ? "default" : "filled"}
          loading={preview.isPending}
          disabled={!isReady}
          onClick={() => preview.mutate()}
        >
          {t("exception.preview")}
        </Button>
        <Button
          type="submit"
          loading={save.isPending}
          disabled={!seen || !isReady || note.trim() === ""}
        >
          {t("exception.save")}
        </Button>
      </div>
      {stepUp.dialog}
    </form>
  );
}
