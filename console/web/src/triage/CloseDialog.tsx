import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { REASONS, type Reason, VERDICTS, type Verdict } from "../api/client";
import { AskDialog } from "./AskDialog";
import type { Deed } from "./actions";
import { NoteField } from "./NoteField";
import styles from "./triage.module.css";

interface CloseDialogProps {
  count: number;
  opened: boolean;
  busy: boolean;
  onCancel: () => void;
  onDeed: (deed: Deed) => void;
}

const LETTERS = "abcdefgh";

/** Asks for the verdict: digits choose it, letters its reason, Enter closes. */
export function CloseDialog({ count, opened, busy, onCancel, onDeed }: CloseDialogProps) {
  const { t } = useTranslation();
  const [verdict, setVerdict] = useState<Verdict>("true_positive");
  const [reason, setReason] = useState<Reason | null>(null);
  const [note, setNote] = useState("");

  useEffect(() => {
    if (!opened) return;
    setVerdict("true_positive");
    setReason(null);
    setNote("");
  }, [opened]);

  const chooseVerdict = (chosen: Verdict) => {
    setVerdict(chosen);
    setReason(null);
  };
  const chooseReason = (chosen: Reason) => setReason((now) => (now === chosen ? null : chosen));
  const reasons = REASONS[verdict];
  const onKey = (key: string): boolean => {
    const chosen = VERDICTS[Number(key) - 1];
    const why = key.length === 1 ? reasons[LETTERS.indexOf(key)] : undefined;
    if (chosen) chooseVerdict(chosen);
    else if (why) chooseReason(why);
    return chosen !== undefined || why !== undefined;
  };

  return (
    <AskDialog
      opened={opened}
      title={t("close.title", { count })}
      submit={t("close.submit")}
      hint={t("close.keys")}
      busy={busy}
      onKey={onKey}
      onCancel={onCancel}
      onSubmit={() => onDeed({ action: "close", verdict, reason, note })}
    >
      <fieldset className={styles.choices}>
        <legend className="visually-hidden">{t("close.verdict")}</legend>
        {VERDICTS.map((value, index) => (
          <label key={value} className={styles.choice} data-chosen={value === verdict}>
            <input
              type="radio"
              name="verdict"
              value={value}
              checked={value === verdict}
              data-autofocus={index === 0 ? true : undefined}
              onChange={() => chooseVerdict(value)}
            />
            <span>
              <strong>{t(`verdict.${value}`)}</strong>
              <span className="soft">{t(`verdict_hint.${value}`)}</span>
            </span>
            <kbd>{index + 1}</kbd>
          </label>
        ))}
      </fieldset>
      <fieldset className={styles.reasons}>
        <legend>{t("close.reason")}</legend>
        {reasons.map((value, index) => (
          <button
            key={value}
            type="button"
            className={styles.reason}
            aria-pressed={value === reason}
            onClick={() => chooseReason(value)}
          >
            <kbd>{LETTERS[index]}</kbd> {t(`reason.${value}`)}
          </button>
        ))}
      </fieldset>
      <NoteField value={note} onChange={setNote} />
    </AskDialog>
  );
}
