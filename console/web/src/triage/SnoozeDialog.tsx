import { TextInput } from "@mantine/core";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { AGAIN } from "../api/client";
import { formatShort, fromLocalInput, morningAfter, toLocalInput } from "../lib/time";
import { AskDialog } from "./AskDialog";
import type { Deed } from "./actions";
import { NoteField } from "./NoteField";
import styles from "./triage.module.css";

interface SnoozeDialogProps {
  count: number;
  opened: boolean;
  busy: boolean;
  onCancel: () => void;
  onDeed: (deed: Deed) => void;
}

const HOUR_MS = 3_600_000;
const CHOICES = ["hour", "four_hours", "tomorrow", "week", "again", "exact"] as const;
type Choice = (typeof CHOICES)[number];

/** Setting alerts aside: digits choose until when, Enter does it. */
export function SnoozeDialog({ count, opened, busy, onCancel, onDeed }: SnoozeDialogProps) {
  const { t } = useTranslation();
  const [choice, setChoice] = useState<Choice>("hour");
  const [exact, setExact] = useState("");
  const [note, setNote] = useState("");
  useEffect(() => {
    if (!opened) return;
    setChoice("hour");
    setExact(toLocalInput(new Date(Date.now() + 24 * HOUR_MS).toISOString()));
    setNote("");
  }, [opened]);

  const until = untilOf(choice, exact, Date.now());
  return (
    <AskDialog
      opened={opened}
      title={t("snooze.title", { count })}
      submit={t("snooze.submit")}
      hint={t("snooze.keys")}
      busy={busy}
      disabled={until === undefined}
      onKey={(key) => {
        const chosen = CHOICES[Number(key) - 1];
        if (chosen) setChoice(chosen);
        return chosen !== undefined;
      }}
      onCancel={onCancel}
      onSubmit={() => until && onDeed({ action: "snooze", until, note })}
    >
      <fieldset className={styles.choices}>
        <legend className="visually-hidden">{t("snooze.until")}</legend>
        {CHOICES.map((value, index) => {
          const at = value === "exact" ? undefined : untilOf(value, "", Date.now());
          return (
            <label key={value} className={styles.choice} data-chosen={value === choice}>
              <input
                type="radio"
                name="until"
                value={value}
                checked={value === choice}
                data-autofocus={index === 0 ? true : undefined}
                onChange={() => setChoice(value)}
              />
              <span>
                <strong>{t(`snooze.${value}`)}</strong>
              </span>
              {at && at !== AGAIN ? (
                <span className="soft">{formatShort(at, Date.now())}</span>
              ) : null}
              <kbd>{index + 1}</kbd>
            </label>
          );
        })}
      </fieldset>
      {choice === "exact" ? (
        <TextInput
          type="datetime-local"
          step={1}
          mb={10}
          label={t("snooze.exact_label")}
          value={exact}
          onChange={(event) => setExact(event.currentTarget.value)}
        />
      ) : null}
      <NoteField value={note} onChange={setNote} />
    </AskDialog>
  );
}

/** The time that a choice means; undefined when it is none, or has passed. */
export function untilOf(choice: Choice, exact: string, nowMs: number): string | undefined {
  switch (choice) {
    case "hour":
      return new Date(nowMs + HOUR_MS).toISOString();
    case "four_hours":
      return new Date(nowMs + 4 * HOUR_MS).toISOString();
    case "tomorrow":
      return morningAfter(nowMs, 1);
    case "week":
      return morningAfter(nowMs, 7);
    case "again":
      return AGAIN;
    case "exact": {
      const at = fromLocalInput(exact);
      return at && Date.parse(at) > nowMs ? at : undefined;
    }
  }
}
