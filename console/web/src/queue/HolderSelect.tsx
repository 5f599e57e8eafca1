import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { peopleQuery } from "../api/queries";

interface HolderSelectProps {
  value: string | undefined;
  onChange: (assignee: string | undefined) => void;
}

/** Whose alerts: everybody's, mine, nobody's, or one person's. */
export function HolderSelect({ value, onChange }: HolderSelectProps) {
  const { t } = useTranslation();
  const [opened, setOpened] = useState(false);
  const isPerson = value !== undefined && !["me", "nobody", "me,nobody"].includes(value);
  const people = useQuery({ ...peopleQuery(""), enabled: opened || isPerson });
  const data = [
    { value: "me", label: t("holder.mine") },
    { value: "nobody", label: t("holder.nobodys") },
    { value: "me,nobody", label: t("holder.mine_and_nobodys") },
    ...(people.data?.items ?? []).map((person) => ({
      value: person.id,
      label: t("holder.of", { name: person.display_name }),
    })),
  ];
  if (isPerson && !data.some((item) => item.value === value)) {
    data.push({ value, label: t("holder.of", { name: value }) });
  }
  return (
    <Select
      aria-label={t("queue.column.assignee")}
      placeholder={t("holder.everybodys")}
      w={136}
      size="xs"
      searchable
      clearable
      data={data}
      value={value ?? null}
      onDropdownOpen={() => setOpened(true)}
      onChange={(chosen) => onChange(chosen ?? undefined)}
      comboboxProps={{ width: 220, position: "bottom-start" }}
      clearButtonProps={{ "aria-label": t("common.clear_filters") }}
    />
  );
}
