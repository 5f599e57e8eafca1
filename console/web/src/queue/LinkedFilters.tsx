import { IconX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { formatShort } from "../lib/time";
import { useOrganisations } from "../organisations/useOrganisations";
import { TACTICS } from "../overview/rows";
import { LINKED, type QueueSearch } from "./filter";
import styles from "./queue.module.css";

interface LinkedFiltersProps {
  search: QueueSearch;
  onChange: (search: QueueSearch) => void;
}

/** Filters that came with a link from another page: each is said, and can be taken off. */
export function LinkedFilters({ search, onChange }: LinkedFiltersProps) {
  const { t } = useTranslation();
  const organisations = useOrganisations();
  return LINKED.map((name) => {
    const value = search[name];
    if (!value) return null;
    const { [name]: _, ...rest } = search;
    const text = t(`queue.linked.${name}`, { value: textOf(name, value) });
    return (
      <button
        key={name}
        type="button"
        className={styles.linked}
        onClick={() => onChange(rest)}
        aria-label={t("queue.remove_filter", { filter: text })}
        title={t("queue.remove_filter", { filter: text })}
      >
        {text} <IconX size={12} aria-hidden="true" />
      </button>
    );
  });

  function textOf(name: (typeof LINKED)[number], value: string): string {
    if (name.endsWith("_from") || name.endsWith("_to")) return formatShort(value, Date.now());
    if (name === "organisation") return organisations.name(value);
    const tactic = name === "tactic" ? TACTICS.find((known) => known === value) : undefined;
    return tactic ? t(`tactic.${tactic}`) : value;
  }
}
