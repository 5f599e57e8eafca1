import { TextInput } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

interface CodeInputProps {
  value: string;
  onChange: (value: string) => void;
  error?: ReactNode;
  /** Whether a recovery code will do too. */
  takesRecovery?: boolean;
}

/** A one-time code, as apps show it and browsers fill it in. */
export function CodeInput({ value, onChange, error, takesRecovery = true }: CodeInputProps) {
  const { t } = useTranslation();
  return (
    <TextInput
      name="code"
      size="sm"
      label={t("factor.code")}
      description={takesRecovery ? t("factor.code_or_recovery") : t("factor.code_hint")}
      autoComplete="one-time-code"
      inputMode={takesRecovery ? "text" : "numeric"}
      autoCapitalize="characters"
      spellCheck={false}
      autoFocus
      data-autofocus
      required
      withAsterisk={false}
      maxLength={40}
      classNames={{ input: "mono" }}
      value={value}
      error={error}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
