import { Button, Switch } from "@mantine/core";
import { type KeyboardEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import {
  areaOf,
  COMMANDS,
  type Command,
  chooseKey,
  isUsable,
  keyOf,
  meaningOf,
  resetKeys,
  switchSingleKeys,
  TAKEN_KEYS,
  takenBy,
  useKeyChoice,
} from "../lib/commands";
import { Dialog } from "../parts/Dialog";
import styles from "./shell.module.css";

/** Keys that are what they are. */
const FIXED = [
  {
    title: "keys.search",
    area: "search",
    keys: [
      ["/", "keys.focus"],
      ["j k", "keys.down_up"],
      ["Enter", "keys.detail"],
      ["Esc", "keys.dismiss"],
    ],
  },
  {
    title: "keys.anywhere",
    area: "anywhere",
    keys: [
      ["g", "keys.go"],
      ["?", "keys.help"],
    ],
  },
] as const;

interface KeysDialogProps {
  opened: boolean;
  onClose: () => void;
}

/** The keys, which can be changed here and switched off. */
export function KeysDialog({ opened, onClose }: KeysDialogProps) {
  const { t } = useTranslation();
  const { off } = useKeyChoice();
  const [waiting, setWaiting] = useState<Command | null>(null);
  const [told, setTold] = useState("");

  const choose = (command: Command, key: string) => {
    const other = takenBy(command, key);
    if (TAKEN_KEYS.includes(key) || other) {
      const name = other ? t(meaningOf(other)) : t("keys.anywhere");
      setTold(t("keys.taken", { key, name }));
      return;
    }
    chooseKey(command, key);
    setTold(t("keys.chosen", { key, name: t(meaningOf(command)) }));
    setWaiting(null);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (waiting === null || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      setWaiting(null);
    } else if (isUsable(event.key)) {
      event.preventDefault();
      choose(waiting, event.key);
    }
  };
  const close = () => {
    setWaiting(null);
    setTold("");
    onClose();
  };

  return (
    <Dialog
      opened={opened}
      onClose={close}
      closeOnEscape={waiting === null}
      title={t("keys.title")}
      size={760}
    >
      <div className={styles.keyHead}>
        <Switch
          label={t("keys.single")}
          description={t("keys.single_hint")}
          checked={!off}
          onChange={(event) => switchSingleKeys(!event.currentTarget.checked)}
        />
        <Button variant="default" size="compact-sm" onClick={resetKeys}>
          {t("keys.reset")}
        </Button>
      </div>
      <p role="status" className={styles.keyTold}>
        {waiting ? t("keys.press", { name: t(meaningOf(waiting)) }) : ""} {told}
      </p>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the buttons inside take the key */}
      <div className={styles.keys} onKeyDown={onKeyDown}>
        {(["queue", "alert"] as const).map((area) => (
          <section key={area}>
            <h2>{t(`keys.${area}`)}</h2>
            <dl>
              <Commands area={area} waiting={waiting} onChoose={setWaiting} />
            </dl>
          </section>
        ))}
        {FIXED.map((group) => (
          <section key={group.title}>
            <h2>{t(group.title)}</h2>
            <dl>
              <Commands area={group.area} waiting={waiting} onChoose={setWaiting} />
              {group.keys.map(([key, meaning]) => (
                <div key={key}>
                  <dt>
                    {key.split(" ").map((part) => (
                      <kbd key={part}>{part}</kbd>
                    ))}
                  </dt>
                  <dd>{t(meaning)}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}

interface CommandsProps {
  area: string;
  /** The command that waits for its new key. */
  waiting: Command | null;
  onChoose: (command: Command | null) => void;
}

/** The commands of an area, each with a button that changes its key. */
function Commands({ area, waiting, onChoose }: CommandsProps) {
  const { t } = useTranslation();
  return commandsOf(area).map((command) => (
    <div key={command}>
      <dt>
        <button
          type="button"
          className={styles.key}
          aria-pressed={waiting === command}
          aria-label={t("keys.change", { key: keyOf(command), name: t(meaningOf(command)) })}
          onClick={() => onChoose(waiting === command ? null : command)}
        >
          <kbd>{keyOf(command)}</kbd>
        </button>
      </dt>
      <dd>{t(meaningOf(command))}</dd>
    </div>
  ));
}

function commandsOf(area: string): Command[] {
  return (Object.keys(COMMANDS) as Command[]).filter((command) => areaOf(command) === area);
}
