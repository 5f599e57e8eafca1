import { Button, Popover, TextInput } from "@mantine/core";
import { IconChevronDown } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { COLUMNS_MAX, choosable } from "./columns";
import styles from "./search.module.css";

interface ColumnMenuProps {
  className: string | undefined;
  /** With commas; those that fit the classes when left out. */
  chosen: string | undefined;
  onChange: (columns: readonly string[]) => void;
}

/** Which columns the table has, in the order in which they were chosen. */
export function ColumnMenu({ className, chosen, onChange }: ColumnMenuProps) {
  const { t } = useTranslation();
  const [filter, setFilter] = useState("");
  const names = chosen?.split(",").filter(Boolean) ?? [];
  const wanted = filter.toLowerCase();
  const offered = [...new Set([...names, ...choosable(className)])].filter((name) =>
    name.includes(wanted),
  );
  const toggle = (name: string) =>
    onChange(names.includes(name) ? names.filter((each) => each !== name) : [...names, name]);
  return (
    <Popover position="bottom-end" shadow="md" trapFocus>
      <Popover.Target>
        <Button
          variant="default"
          px={8}
          rightSection={<IconChevronDown size={13} aria-hidden="true" />}
        >
          {t("search.columns")}
          {names.length > 0 ? ` (${names.length})` : ""}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label={t("search.columns")} className={styles.menu}>
        <p className="soft">{t("search.columns_hint")}</p>
        <TextInput
          type="search"
          aria-label={t("search.columns_filter")}
          placeholder={t("search.columns_filter")}
          value={filter}
          onChange={(event) => setFilter(event.currentTarget.value)}
        />
        <fieldset className={styles.choices}>
          <legend className="visually-hidden">{t("search.columns")}</legend>
          {offered.map((name) => (
            <label key={name} className="mono">
              <input
                type="checkbox"
                checked={names.includes(name)}
                disabled={!names.includes(name) && names.length >= COLUMNS_MAX}
                onChange={() => toggle(name)}
              />{" "}
              {name}
            </label>
          ))}
        </fieldset>
        <Button variant="subtle" disabled={names.length === 0} onClick={() => onChange([])}>
          {t("search.columns_reset")}
        </Button>
      </Popover.Dropdown>
    </Popover>
  );
}
