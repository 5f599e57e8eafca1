import { Textarea } from "@mantine/core";
import { useTranslation } from "react-i18next";

const NOTE_LENGTH_MAX = 4_000;

interface NoteFieldProps {
  value: string;
  autoFocus?: boolean;
  onChange: (note: string) => void;
}

export function NoteField({ value, autoFocus, onChange }: NoteFieldProps) {
  const { t } = useTranslation();
  return (
    <Textarea
      label={t("close.note")}
      placeholder={t("close.note_hint")}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      autosize
      minRows={2}
      maxRows={6}
      maxLength={NOTE_LENGTH_MAX}
      data-autofocus={autoFocus ? true : undefined}
    />
  );
}
