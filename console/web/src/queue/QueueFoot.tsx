import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useMay } from "../lib/abilities";
import { keyOf, useKeyChoice } from "../lib/commands";
import { formatCount } from "../lib/number";
import type { Subject, Triage } from "../triage/useTriage";
import styles from "./queue.module.css";

interface QueueFootProps {
  total: number;
  /** Whether there are more, which were not counted. */
  hasMore: boolean;
  selected: number;
  everything: boolean;
  canSelectEverything: boolean;
  isLoadingMore: boolean;
  subject: () => Subject | null;
  triage: Triage;
  /** Makes an exception from the one that is selected. */
  onExcept?: (() => void) | undefined;
  onEverything: () => void;
  onDeselect: () => void;
}

/** What is selected and what can be done to it; else how many there are, and the keys. */
export function QueueFoot(props: QueueFootProps) {
  const { t, i18n } = useTranslation();
  const { total, selected, subject, triage } = props;
  const mayWork = useMay()("alert:work");
  const count = (number: number) => formatCount(number, i18n.language);
  const all = `${count(total)}${props.hasMore ? "+" : ""}`;
  return (
    <footer className={styles.foot}>
      {selected > 0 ? (
        <>
          <strong>
            {props.everything
              ? t("queue.everything", { count: total, formatted: all })
              : t("queue.selected", { count: selected })}
          </strong>
          {mayWork ? (
            <>
              <Button size="compact-xs" onClick={() => triage.acknowledge(subject())}>
                {t("queue.acknowledge")}
              </Button>
              {(["close", "assign", "snooze", "tag"] as const).map((question) => (
                <Button
                  key={question}
                  size="compact-xs"
                  variant="default"
                  onClick={() => triage.ask(question, subject())}
                >
                  {t(`queue.${question}`)}
                </Button>
              ))}
            </>
          ) : null}
          {props.onExcept ? (
            <Button size="compact-xs" variant="default" onClick={props.onExcept}>
              {t("queue.except")}
            </Button>
          ) : null}
          {props.canSelectEverything && !props.everything ? (
            <Button size="compact-xs" variant="subtle" onClick={props.onEverything}>
              {t("queue.select_everything", { count: total, formatted: all })}
            </Button>
          ) : null}
          <Button size="compact-xs" variant="subtle" onClick={props.onDeselect}>
            {t("queue.deselect")}
          </Button>
        </>
      ) : (
        <span>
          {t("queue.total", { count: total, formatted: all })}
          {props.isLoadingMore ? ` · ${t("common.more_loading")}` : ""}
        </span>
      )}
      <Hints mayWork={mayWork} />
    </footer>
  );
}

const HINTS = [
  { work: false, commands: ["queue.down", "queue.up"], meaning: "keys.down_up" },
  { work: false, commands: ["queue.open"], meaning: "keys.open" },
  { work: true, commands: ["queue.acknowledge"], meaning: "keys.acknowledge" },
  { work: true, commands: ["queue.close"], meaning: "keys.close" },
  { work: true, commands: ["queue.select"], meaning: "keys.select" },
] as const;

function Hints({ mayWork }: { mayWork: boolean }) {
  const { t } = useTranslation();
  const { off } = useKeyChoice();
  return (
    <span className={styles.hints} aria-hidden="true">
      {off
        ? null
        : HINTS.filter(({ work }) => mayWork || !work).map(({ commands, meaning }) => (
            <span key={meaning}>
              {commands.map((command) => (
                <kbd key={command}>{keyOf(command)}</kbd>
              ))}{" "}
              {t(meaning)}
            </span>
          ))}
      <kbd>?</kbd> {t("keys.help")}
    </span>
  );
}
