import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Account, Alert } from "../api/client";
import { sessionQuery } from "../api/queries";
import { notifyFailure } from "../lib/failure";
import { notify } from "../lib/notify";
import { type Deed, type Outcome, type Target, useUndo, useWork } from "./actions";
import styles from "./triage.module.css";

/** What a deed is done to: which alerts, how many, and those of them that the page knows. */
export interface Subject {
  target: Target;
  count: number;
  known: readonly Alert[];
}

export type Question = "close" | "claim" | "assign" | "snooze" | "tag" | "except";

export interface Asked extends Subject {
  question: Question;
}

export type Triage = ReturnType<typeof useTriage>;

/** Undone with one key: this many deeds back. */
const UNDO_MAX = 50;

/** Deeds on alerts, from the queue and from an alert's page: with questions before, and undo after. */
export function useTriage(onDone?: (target: Target, deed: Deed) => void) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [asked, setAsked] = useState<Asked | null>(null);
  const past = useRef<string[][]>([]);
  const onError = (error: unknown) => notifyFailure(t("error.what.change"), error);

  const undoing = useUndo(({ restored, left }) => {
    const message = t("undo.done", { count: restored });
    notify({ message: left > 0 ? `${message} ${t("undo.left", { count: left })}` : message });
  }, onError);
  const undo = (operations: readonly string[] | undefined) => {
    if (!operations) return notify({ message: t("undo.nothing") });
    past.current = past.current.filter((each) => each !== operations);
    undoing.mutate(operations);
  };

  const tell = (outcome: Outcome, deed: Deed) => {
    const [first] = outcome.failed;
    if (first) {
      const count = outcome.failed.length;
      const message = t("queue.partly_failed", { count, message: first.message });
      notify({ color: "red", title: t("error.what.change"), message });
    }
    if (outcome.operations.length === 0) return;
    past.current = [...past.current.slice(1 - UNDO_MAX), outcome.operations];
    // One alert that is taken stays under the cursor: that is notice enough.
    if (deed.action === "acknowledge" && outcome.updated === 1) return;
    const id = `done-${outcome.operations[0]}`;
    notify({
      id,
      message: (
        <span className={styles.done}>
          {t(`done.${deed.action}`, { count: outcome.updated })}
          <Button
            size="compact-xs"
            variant="default"
            onClick={() => {
              notifications.hide(id);
              undo(outcome.operations);
            }}
          >
            {t("common.undo")}
          </Button>
        </span>
      ),
    });
  };
  const working = useWork({
    onError,
    onDone: (outcome, target, deed) => {
      setAsked(null);
      tell(outcome, deed);
      onDone?.(target, deed);
    },
  });

  const run = (subject: Subject | null, deed: Deed) => {
    if (subject && subject.count > 0 && !working.isPending) {
      working.mutate({ target: subject.target, deed });
    }
  };
  const ask = (question: Question, subject: Subject | null) => {
    if (subject && subject.count > 0) setAsked({ ...subject, question });
  };
  const me = () => client.getQueryData<Account>(sessionQuery.queryKey)?.id;

  return {
    asked,
    busy: working.isPending,
    run,
    ask,
    /** Takes them; asks first when somebody else has some. */
    acknowledge: (subject: Subject | null) => {
      if (subject && holdersOf(subject.known, me()).length > 0) ask("claim", subject);
      else run(subject, { action: "acknowledge" });
    },
    holders: asked ? holdersOf(asked.known, me()) : [],
    answer: (deed: Deed) => run(asked, deed),
    cancel: () => setAsked(null),
    undoLast: () => undo(past.current.at(-1)),
  };
}

/** Names of the others who have some of the alerts. */
export function holdersOf(alerts: readonly Alert[], me: string | undefined): string[] {
  const names = alerts.flatMap(({ assignee, status }) =>
    assignee && assignee.id !== me && status !== "closed" ? [assignee.display_name] : [],
  );
  return [...new Set(names)];
}

/** The tags that every one of them has. */
export function sharedTags(alerts: readonly Alert[]): string[] {
  const [first, ...rest] = alerts;
  return first?.tags.filter((tag) => rest.every((alert) => alert.tags.includes(tag))) ?? [];
}
