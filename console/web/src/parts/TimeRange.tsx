import { Button, Popover, TextInput } from "@mantine/core";
import { IconChevronDown, IconClock } from "@tabler/icons-react";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import {
  formatShort,
  fromLocalInput,
  isQuickRange,
  QUICK_RANGES,
  type QuickRange,
  type RangeSearch,
  toLocalInput,
} from "../lib/time";
import styles from "./parts.module.css";

interface TimeRangeProps {
  value: RangeSearch;
  fallback: QuickRange;
  onChange: (range: RangeSearch) => void;
}

/** Quick ranges and exact bounds in one popover. */
export function TimeRange({ value, fallback, onChange }: TimeRangeProps) {
  const { t } = useTranslation();
  const [opened, setOpened] = useState(false);
  const absolute = Boolean(value.from || value.to);
  const quick = isQuickRange(value.range) ? value.range : fallback;
  const now = Date.now();
  const label = absolute
    ? `${value.from ? formatShort(value.from, now) : t("range.open_start")} – ${
        value.to ? formatShort(value.to, now) : t("range.open_end")
      }`
    : t(`range.quick_${quick}`);

  const choose = (range: RangeSearch) => {
    setOpened(false);
    onChange(range);
  };
  const applyExact = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const from = fromLocalInput(String(form.get("from") ?? ""));
    const to = fromLocalInput(String(form.get("to") ?? ""));
    choose({ ...(from ? { from } : {}), ...(to ? { to } : {}) });
  };

  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-end" trapFocus shadow="md">
      <Popover.Target>
        <Button
          variant="default"
          leftSection={<IconClock size={14} aria-hidden="true" />}
          rightSection={<IconChevronDown size={13} aria-hidden="true" />}
          onClick={() => setOpened((was) => !was)}
          title={t("range.label")}
        >
          {label}
        </Button>
      </Popover.Target>
      <Popover.Dropdown className={styles.rangeMenu} aria-label={t("range.label")}>
        <div className={styles.rangeQuick}>
          {QUICK_RANGES.map((range) => (
            <button
              key={range}
              type="button"
              aria-pressed={!absolute && range === quick}
              onClick={() => choose({ range })}
            >
              {t(`range.quick_${range}`)}
            </button>
          ))}
        </div>
        <form className={styles.rangeExact} onSubmit={applyExact}>
          <strong>{t("range.absolute")}</strong>
          <TextInput
            type="datetime-local"
            step={1}
            name="from"
            label={t("range.from")}
            defaultValue={toLocalInput(value.from)}
          />
          <TextInput
            type="datetime-local"
            step={1}
            name="to"
            label={t("range.to")}
            defaultValue={toLocalInput(value.to)}
          />
          <Button type="submit">{t("common.apply")}</Button>
        </form>
      </Popover.Dropdown>
    </Popover>
  );
}
