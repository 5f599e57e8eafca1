import { useTranslation } from "react-i18next";
import { Dialog } from "../parts/Dialog";
import styles from "./shell.module.css";

const GROUPS = [
  {
    title: "keys.queue",
    keys: [
      ["j k", "keys.down_up"],
      ["Enter", "keys.open"],
      ["a", "keys.acknowledge"],
      ["c", "keys.close"],
      ["x", "keys.select"],
      ["/", "keys.focus"],
      ["p", "keys.pause"],
    ],
  },
  {
    title: "keys.alert",
    keys: [
      ["j k", "keys.neighbours"],
      ["a", "keys.acknowledge"],
      ["c", "keys.close"],
      ["r", "keys.reopen"],
      ["m", "keys.comment"],
      ["u", "keys.back"],
    ],
  },
  {
    title: "keys.search",
    keys: [
      ["/", "keys.focus"],
      ["j k", "keys.down_up"],
      ["Enter", "keys.detail"],
      ["Esc", "keys.dismiss"],
    ],
  },
  {
    title: "keys.anywhere",
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

export function KeysDialog({ opened, onClose }: KeysDialogProps) {
  const { t } = useTranslation();
  return (
    <Dialog opened={opened} onClose={onClose} title={t("keys.title")} size={640}>
      <div className={styles.keys}>
        {GROUPS.map((group) => (
          <section key={group.title}>
            <h2>{t(group.title)}</h2>
            <dl>
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
