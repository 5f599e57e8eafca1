import { Button, Checkbox, Popover, Select } from "@mantine/core";
import { IconColumns3 } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ToggleList } from "../parts/ToggleList";
import {
  COLUMNS,
  columnsOf,
  columnsParameter,
  DENSITIES,
  densityOf,
  GROUPS,
  toggleColumn,
} from "./columns";
import { type QueueSearch, withParameter } from "./filter";
import styles from "./queue.module.css";

interface DisplayMenuProps {
  search: QueueSearch;
  onChange: (search: QueueSearch) => void;
}

/** How the queue is shown: in groups or not, with which columns, how close. */
export function DisplayMenu({ search, onChange }: DisplayMenuProps) {
  const { t } = useTranslation();
  const [opened, setOpened] = useState(false);
  const columns = columnsOf(search.columns);
  const set = (name: keyof QueueSearch, value: string | undefined) =>
    onChange(withParameter(search, name, value));
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-end" trapFocus shadow="md">
      <Popover.Target>
        <Button
          variant="default"
          px={10}
          leftSection={<IconColumns3 size={14} aria-hidden="true" />}
          onClick={() => setOpened((was) => !was)}
        >
          {t("display.title")}
        </Button>
      </Popover.Target>
      <Popover.Dropdown className={styles.menu} aria-label={t("display.title")}>
        <Select
          label={t("group.label")}
          placeholder={t("group.none")}
          clearable
          data={GROUPS.map((value) => ({ value, label: t(`group.by_${value}`) }))}
          value={search.group ?? null}
          onChange={(value) => set("group", value ?? undefined)}
          comboboxProps={{ withinPortal: false }}
          clearButtonProps={{ "aria-label": t("group.none") }}
        />
        <fieldset>
          <legend>{t("display.columns")}</legend>
          {COLUMNS.map((column) => (
            <Checkbox
              key={column}
              size="xs"
              label={t(`queue.column.${column}`)}
              checked={columns.includes(column)}
              disabled={column === "title"}
              onChange={() => set("columns", columnsParameter(toggleColumn(columns, column)))}
            />
          ))}
        </fieldset>
        <ToggleList
          label={t("display.density")}
          chosen={[densityOf(search.density)]}
          onToggle={(value) => set("density", value === "normal" ? undefined : value)}
          items={DENSITIES.map((value) => ({ value, label: t(`display.density_${value}`) }))}
        />
      </Popover.Dropdown>
    </Popover>
  );
}
