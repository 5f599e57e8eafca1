import { TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Person } from "../api/client";
import { peopleQuery, sessionQuery } from "../api/queries";
import { useMay } from "../lib/abilities";
import { AskDialog } from "./AskDialog";
import type { Deed } from "./actions";
import { NoteField } from "./NoteField";
import styles from "./triage.module.css";

interface AssignDialogProps {
  count: number;
  opened: boolean;
  busy: boolean;
  onCancel: () => void;
  onDeed: (deed: Deed) => void;
}

const TYPING_MS = 200;
const SHOWN_MAX = 8;

/** Giving alerts to somebody: typing narrows the names, the arrows choose, Enter gives. */
export function AssignDialog({ count, opened, busy, onCancel, onDeed }: AssignDialogProps) {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const [note, setNote] = useState("");
  const [asked] = useDebouncedValue(text, TYPING_MS);
  const mayAssign = useMay()("alert:assign");
  const { data: me } = useQuery(sessionQuery);
  const people = useQuery({ ...peopleQuery(asked), enabled: opened && mayAssign });
  // To take them and to give them back is work; to give them to another is a right of its own.
  const offered = mayAssign ? people.data?.items.slice(0, SHOWN_MAX) : me && [me];
  const found: (Person | null)[] = [...(offered ?? [])];
  // The last choice is nobody: back into the queue.
  found.push(null);
  useEffect(() => {
    if (!opened) return;
    setText("");
    setAt(0);
    setNote("");
  }, [opened]);

  const chosen = found[Math.min(at, found.length - 1)] ?? null;
  const onArrows = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    setAt((now) => Math.min(found.length - 1, Math.max(0, now + step)));
  };
  return (
    <AskDialog
      opened={opened}
      title={t("assign.title", { count })}
      submit={t("assign.submit")}
      hint={t("assign.keys")}
      busy={busy}
      disabled={offered === undefined || asked !== text}
      onCancel={onCancel}
      onSubmit={() => onDeed({ action: "assign", assignee: chosen, note })}
    >
      <TextInput
        label={t("assign.person")}
        value={text}
        onChange={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onArrows}
        aria-controls="assign-people"
        aria-activedescendant={`assign-${chosen?.id ?? "nobody"}`}
        role="combobox"
        aria-expanded="true"
        aria-autocomplete="list"
        autoComplete="off"
        mb={6}
        data-autofocus
      />
      <div
        id="assign-people"
        role="listbox"
        aria-label={t("assign.person")}
        className={styles.choices}
      >
        {found.map((person, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field's arrows choose
          <div
            key={person?.id ?? "nobody"}
            id={`assign-${person?.id ?? "nobody"}`}
            role="option"
            tabIndex={-1}
            aria-selected={person === chosen}
            data-chosen={person === chosen}
            className={styles.choice}
            onClick={() => setAt(index)}
          >
            {person?.display_name ?? t("assign.nobody")}
          </div>
        ))}
      </div>
      <NoteField value={note} onChange={setNote} />
    </AskDialog>
  );
}
