import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { AskDialog } from "./AskDialog";
import type { Deed } from "./actions";
import { NoteField } from "./NoteField";
import styles from "./triage.module.css";

interface ClaimDialogProps {
  count: number;
  /** Who has some of them now. */
  holders: readonly string[];
  opened: boolean;
  busy: boolean;
  onCancel: () => void;
  onDeed: (deed: Deed) => void;
}

/** Taking alerts with a note; from somebody else, only knowingly. */
export function ClaimDialog(props: ClaimDialogProps) {
  const { t } = useTranslation();
  const { opened, holders } = props;
  const [note, setNote] = useState("");
  useEffect(() => {
    if (opened) setNote("");
  }, [opened]);
  const isTakeOver = holders.length > 0;
  return (
    <AskDialog
      opened={opened}
      title={t(isTakeOver ? "claim.take_over" : "claim.title", { count: props.count })}
      submit={t(isTakeOver ? "claim.take_over_submit" : "queue.acknowledge")}
      hint={t("claim.keys")}
      busy={props.busy}
      onCancel={props.onCancel}
      onSubmit={() => props.onDeed({ action: "acknowledge", note, take_over: isTakeOver })}
    >
      {isTakeOver ? (
        <p className={styles.warning}>{t("claim.held", { names: holders.join(", ") })}</p>
      ) : null}
      <NoteField value={note} autoFocus onChange={setNote} />
    </AskDialog>
  );
}
