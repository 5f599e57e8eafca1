import { Button, Textarea } from "@mantine/core";
import { type KeyboardEvent, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { RESOLUTIONS, type Resolution } from "../api/client";
import { Dialog } from "../parts/Dialog";
import type { CloseReason } from "./actions";
import styles from "./queue.module.css";

interface CloseDialogProps {
  count: number;
  opened: boolean;
  busy: boolean;
  onCancel: () => void;
  onClose: (reason: CloseReason) => void;
}

/** Asks for the verdict: 1–4 choose, Enter closes, Ctrl+Enter does so from the note. */
export function CloseDialog({ count, opened, busy, onCancel, onClose }: CloseDialogProps) {
  const { t } = useTranslation();
  const [resolution, setResolution] = useState<Resolution>("true_positive");
  const [note, setNote] = useState("");

  useEffect(() => {
    if (!opened) return;
    setResolution("true_positive");
    setNote("");
  }, [opened]);

  const submit = () => onClose({ resolution, note });
  const onKeyDown = (event: KeyboardEvent<HTMLFormElement>) => {
    const inNote = event.target instanceof HTMLTextAreaElement;
    const chosen = RESOLUTIONS[Number(event.key) - 1];
    if (!inNote && chosen && !event.ctrlKey) {
      event.preventDefault();
      setResolution(chosen);
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      submit();
    }
  };

  return (
    <Dialog opened={opened} onClose={onCancel} title={t("close.title", { count })} size={480}>
      <form
        onKeyDown={onKeyDown}
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <fieldset className={styles.reasons}>
          <legend className="visually-hidden">{t("close.reason")}</legend>
          {RESOLUTIONS.map((value, index) => (
            <label key={value} className={styles.reason} data-chosen={value === resolution}>
              <input
                type="radio"
                name="resolution"
                value={value}
                checked={value === resolution}
                data-autofocus={index === 0 ? true : undefined}
                onChange={() => setResolution(value)}
              />
              <span>
                <strong>{t(`resolution.${value}`)}</strong>
                <span className="soft">{t(`resolution_hint.${value}`)}</span>
              </span>
              <kbd>{index + 1}</kbd>
            </label>
          ))}
        </fieldset>
        <Textarea
          label={t("close.note")}
          placeholder={t("close.note_hint")}
          value={note}
          onChange={(event) => setNote(event.currentTarget.value)}
          autosize
          minRows={2}
          maxRows={6}
          maxLength={4000}
        />
        <div className={styles.dialogFoot}>
          <span className="soft">{t("close.keys")}</span>
          <Button variant="default" onClick={onCancel}>
            {t("common.cancel")}
          </Button>
          <Button type="submit" loading={busy}>
            {t("close.submit")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
