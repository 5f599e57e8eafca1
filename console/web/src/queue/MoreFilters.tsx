import { Button, MultiSelect, Popover, Select, TagsInput, TextInput } from "@mantine/core";
import { IconFilter } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { REASONS, VERDICTS, type Verdict } from "../api/client";
import { tagsQuery } from "../api/queries";
import { DEFAULT_SNOOZED, type QueueSearch, WITH_SNOOZED, withParameter } from "./filter";
import styles from "./queue.module.css";

const NAMES = ["verdict", "reason", "tag", "rule", "src", "dst", "snoozed", "suppressed"] as const;
const EXACT = ["rule", "src", "dst"] as const;

interface MoreFiltersProps {
  search: QueueSearch;
  onChange: (search: QueueSearch) => void;
}

/** The filters that are used less: verdicts, tags, exact values, what is set aside. */
export function MoreFilters({ search, onChange }: MoreFiltersProps) {
  const { t } = useTranslation();
  const [opened, setOpened] = useState(false);
  const tags = useQuery({ ...tagsQuery, enabled: opened });
  const used = NAMES.filter((name) => search[name] !== undefined).length;
  const set = (name: keyof QueueSearch, value: string | undefined) =>
    onChange(withParameter(search, name, value));
  const list = (name: "verdict" | "reason" | "tag") => search[name]?.split(",") ?? [];
  const verdicts = list("verdict");
  const reasonsOf = (verdict: Verdict) => ({
    group: t(`verdict.${verdict}`),
    items: REASONS[verdict].map((reason) => ({ value: reason, label: t(`reason.${reason}`) })),
  });
  const shown = VERDICTS.filter((each) => verdicts.length === 0 || verdicts.includes(each));
  const applyExact = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const next = EXACT.reduce(
      (now, name) => withParameter(now, name, String(form.get(name) ?? "").trim()),
      search,
    );
    onChange(next);
    setOpened(false);
  };
  const inside = { withinPortal: false } as const;
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-start" trapFocus shadow="md">
      <Popover.Target>
        <Button
          variant="default"
          px={10}
          leftSection={<IconFilter size={14} aria-hidden="true" />}
          onClick={() => setOpened((was) => !was)}
        >
          {used > 0 ? t("queue.more_filters_used", { count: used }) : t("queue.more_filters")}
        </Button>
      </Popover.Target>
      <Popover.Dropdown className={styles.menu} aria-label={t("queue.more_filters")}>
        <MultiSelect
          label={t("close.verdict")}
          data={VERDICTS.map((value) => ({ value, label: t(`verdict.${value}`) }))}
          value={verdicts}
          onChange={(next) => set("verdict", next.join(","))}
          comboboxProps={inside}
        />
        <MultiSelect
          label={t("queue.reason")}
          data={shown.map(reasonsOf)}
          value={list("reason")}
          onChange={(next) => set("reason", next.join(","))}
          comboboxProps={inside}
        />
        <TagsInput
          label={t("tag.tags")}
          data={tags.data?.items.map((item) => item.tag) ?? []}
          value={list("tag")}
          onChange={(next) => set("tag", next.join(","))}
          comboboxProps={inside}
        />
        <Select
          label={t("snooze.filter")}
          allowDeselect={false}
          data={([DEFAULT_SNOOZED, WITH_SNOOZED, "only"] as const).map((value) => ({
            value,
            label: t(`snooze.filter_${value}`),
          }))}
          value={search.snoozed ?? DEFAULT_SNOOZED}
          onChange={(value) =>
            set("snoozed", value === DEFAULT_SNOOZED || value === null ? undefined : value)
          }
          comboboxProps={inside}
        />
        <Select
          label={t("exception.filter")}
          allowDeselect={false}
          data={(["without", "with", "only"] as const).map((value) => ({
            value,
            label: t(`snooze.filter_${value}`),
          }))}
          value={search.suppressed ?? "without"}
          onChange={(value) =>
            set("suppressed", value === "without" || value === null ? undefined : value)
          }
          comboboxProps={inside}
        />
        <form onSubmit={applyExact}>
          {EXACT.map((name) => (
            <TextInput
              key={`${name}${search[name]}`}
              name={name}
              label={t(`group.by_${name}`)}
              defaultValue={search[name] ?? ""}
              classNames={{ input: "mono" }}
              mb={8}
            />
          ))}
          <Button type="submit" variant="default">
            {t("common.apply")}
          </Button>
        </form>
      </Popover.Dropdown>
    </Popover>
  );
}
