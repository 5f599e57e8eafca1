import { Button, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { TFunction } from "i18next";
import { type KeyboardEvent, type RefObject, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Activity, type AlertDetail, REASONS, VERDICTS } from "../api/client";
import { useMay } from "../lib/abilities";
import { notifyFailure } from "../lib/failure";
import { formatShort } from "../lib/time";
import { Card } from "../parts/Card";
import { Timestamp } from "../parts/Timestamp";
import { comment } from "../triage/actions";
import styles from "./alert.module.css";

const COMMENT_LENGTH_MAX = 4_000;

interface ActivityCardProps {
  alert: AlertDetail;
  inputRef: RefObject<HTMLTextAreaElement | null>;
}

/** Who did what, oldest first, and a box to add to it. */
export function ActivityCard({ alert, inputRef }: ActivityCardProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const mayWork = useMay()("alert:work");
  const [text, setText] = useState("");
  const send = useMutation({
    mutationFn: () => comment(alert.id, text.trim()),
    onSuccess: () => {
      setText("");
      return client.invalidateQueries({ queryKey: ["alert", alert.id] });
    },
    onError: (error) => notifyFailure(t("error.what.change"), error),
  });
  const sendable = text.trim() !== "" && !send.isPending;
  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && sendable) send.mutate();
    if (event.key === "Escape") event.currentTarget.blur();
  };
  return (
    <Card title={t("alert.activity")}>
      <div className={styles.cardBody}>
        {alert.activity.length === 0 ? <p className="soft">{t("alert.activity_empty")}</p> : null}
        <ol className={styles.activity}>
          {alert.activity.map((entry) => (
            <Entry key={`${entry.at}${entry.action}`} entry={entry} />
          ))}
        </ol>
        {mayWork ? (
          <>
            <Textarea
              ref={inputRef}
              aria-label={t("alert.comment")}
              placeholder={t("alert.comment_placeholder")}
              value={text}
              onChange={(event) => setText(event.currentTarget.value)}
              onKeyDown={onKeyDown}
              autosize
              minRows={2}
              maxRows={8}
              maxLength={COMMENT_LENGTH_MAX}
            />
            <Button
              mt={8}
              variant="default"
              disabled={!sendable}
              loading={send.isPending}
              onClick={() => send.mutate()}
            >
              {t("alert.comment_send")}
            </Button>
          </>
        ) : null}
      </div>
    </Card>
  );
}

function Entry({ entry }: { entry: Activity }) {
  const { t } = useTranslation();
  const detail = entry.detail as Record<string, unknown>;
  const words = [detail.text, detail.note].find(
    (each): each is string => typeof each === "string" && each !== "",
  );
  return (
    <li>
      <div>
        <strong>{entry.actor.display_name}</strong> {t(`activity.${entry.action}`)}
        {partsOf(entry, t).map((part) => ` · ${part}`)}
        <span className={styles.at}>
          <Timestamp at={entry.at} />
        </span>
      </div>
      {words ? <p>{words}</p> : null}
    </li>
  );
}

const UNDOABLE = [
  "acknowledged",
  "assigned",
  "closed",
  "reopened",
  "snoozed",
  "woken",
  "tagged",
] as const;

/** What a line says beside who, what and the note. */
function partsOf(entry: Activity, t: TFunction): string[] {
  const text = (name: string) => {
    const value = (entry.detail as Record<string, unknown>)[name];
    return typeof value === "string" ? value : "";
  };
  // Lines from before there were verdicts.
  const old = text("resolution") === "benign" ? "benign_true_positive" : text("resolution");
  const verdict = VERDICTS.find((each) => each === (text("verdict") || old));
  const reason = verdict && REASONS[verdict].find((each) => each === text("reason"));
  const until = text("until");
  const undone = UNDOABLE.find((each) => each === text("action"));
  const parts = [
    verdict && t(`verdict.${verdict}`),
    reason && t(`reason.${reason}`),
    text("to") && t("activity.to", { name: text("to") }),
    text("from") && t("activity.from", { name: text("from") }),
    until && (until === "again" ? t("snooze.again") : formatShort(until, Date.now())),
    text("added") && `+ ${text("added")}`,
    text("removed") && `− ${text("removed")}`,
    undone && t(`activity.${undone}`),
  ];
  return parts.filter((part): part is string => Boolean(part));
}
