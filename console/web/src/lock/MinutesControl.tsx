import { SegmentedControl } from "@mantine/core";
import { useTranslation } from "react-i18next";

/** After how many minutes a session may be set to lock by itself, as the server has them. */
const MINUTES: readonly number[] = [5, 10, 15, 30];
/** It does not. */
export const NEVER = 0;

interface MinutesControlProps {
  /** Id of what says what is chosen. */
  labelledBy: string;
  value: number;
  /** What stands for none. */
  never: string;
  disabled?: boolean;
  isOff?: (minutes: number) => boolean;
  onChange: (minutes: number) => void;
}

/** Chooses after how long a session locks by itself. */
export function MinutesControl(props: MinutesControlProps) {
  const { t } = useTranslation();
  const { labelledBy, value, never, disabled, isOff, onChange } = props;
  return (
    <SegmentedControl
      aria-labelledby={labelledBy}
      disabled={disabled ?? false}
      value={String(value)}
      onChange={(chosen) => onChange(Number(chosen))}
      data={[NEVER, ...MINUTES].map((minutes) => ({
        value: String(minutes),
        label: minutes === NEVER ? never : t("lock.minutes", { count: minutes }),
        disabled: isOff?.(minutes) ?? false,
      }))}
    />
  );
}
