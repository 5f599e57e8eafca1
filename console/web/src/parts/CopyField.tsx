import { Textarea } from "@mantine/core";
import { CopyValue } from "./CopyValue";

interface CopyFieldProps {
  label: string;
  value: string;
}

/** A text to be taken elsewhere: chosen whole when one comes to it, and copied by a button. */
export function CopyField({ label, value }: CopyFieldProps) {
  return (
    <Textarea
      size="xs"
      readOnly
      autosize
      label={label}
      value={value}
      onFocus={(event) => event.currentTarget.select()}
      rightSection={<CopyValue value={value} />}
    />
  );
}
