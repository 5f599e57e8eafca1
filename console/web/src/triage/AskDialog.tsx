import { Button } from "@mantine/core";
import type { KeyboardEvent, ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Dialog } from "../parts/Dialog";
import styles from "./triage.module.css";

interface AskDialogProps {
  opened: boolean;
  title: string;
  submit: string;
  hint?: string;
  busy: boolean;
  disabled?: boolean;
  children: ReactNode;
  /** A key outside of text fields; true when it meant something. */
  onKey?: (key: string) => boolean;
  onCancel: () => void;
  onSubmit: () => void;
}

/** A question before a deed: Enter does it, Ctrl+Enter also from the note, Escape leaves it. */
export function AskDialog(props: AskDialogProps) {
  const { t } = useTranslation();
  const submit = () => {
    if (!props.busy && !props.disabled) props.onSubmit();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLFormElement>) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      submit();
    } else if (!event.ctrlKey && !event.metaKey && !event.altKey && !isText(event.target)) {
      if (props.onKey?.(event.key)) event.preventDefault();
    }
  };
  return (
    <Dialog opened={props.opened} onClose={props.onCancel} title={props.title} size={500}>
      <form
        onKeyDown={onKeyDown}
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        {props.children}
        <div className={styles.foot}>
          <span className="soft">{props.hint}</span>
          <Button variant="default" onClick={props.onCancel}>
            {t("common.cancel")}
          </Button>
          <Button type="submit" loading={props.busy} disabled={props.disabled ?? false}>
            {props.submit}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function isText(target: EventTarget): boolean {
  if (target instanceof HTMLTextAreaElement) return true;
  return target instanceof HTMLInputElement && target.type !== "radio";
}
