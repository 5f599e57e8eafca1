import { Checkbox, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { ExceptionCondition } from "../api/client";
import styles from "./exceptions.module.css";

/** A condition that the alert offers: whether it is used, and as what. */
export interface Draft {
  id: string;
  used: boolean;
  condition: ExceptionCondition;
}

/** Those that tell one peer from another are used at first, the source before all. */
export function draftsOf(offered: readonly ExceptionCondition[]): Draft[] {
  const first = offered.findIndex(({ on }) => on !== "sensor" && on !== "port");
  return offered.map((condition, index) => ({
    id: `${condition.on} ${condition.name ?? ""}`,
    used: index === first,
    condition,
  }));
}

export function usedOf(drafts: readonly Draft[]): ExceptionCondition[] {
  return drafts.filter((draft) => draft.used).map((draft) => draft.condition);
}

/** Whether a value may as well be meant as a domain. */
function isDomain(value: string): boolean {
  return /^[^\s/:]+\.[^\s/:.]*[a-z][^\s/:.]*\.?$/i.test(value);
}

interface ConditionFieldsProps {
  drafts: readonly Draft[];
  onChange: (drafts: Draft[]) => void;
}

/** What the alert has: each can be used or left out, and made wider. */
export function ConditionFields({ drafts, onChange }: ConditionFieldsProps) {
  const { t } = useTranslation();
  const set = (id: string, changes: Partial<Draft>) =>
    onChange(drafts.map((draft) => (draft.id === id ? { ...draft, ...changes } : draft)));
  const change = ({ id, condition }: Draft, changes: Partial<ExceptionCondition>) =>
    set(id, { condition: { ...condition, ...changes } });
  return (
    <fieldset className={styles.conditions}>
      <legend>{t("exception.conditions")}</legend>
      {drafts.map((draft) => {
        const { on, name, value } = draft.condition;
        const label = t(`exception.on.${on}`, { name: name ?? "" });
        const isSide = on === "src" || on === "dst";
        return (
          <div key={draft.id} className={styles.condition}>
            <Checkbox
              label={label}
              checked={draft.used}
              onChange={(event) => set(draft.id, { used: event.currentTarget.checked })}
            />
            <TextInput
              size="xs"
              aria-label={t("exception.value_of", { what: label })}
              classNames={{ input: "mono" }}
              disabled={!draft.used}
              value={value}
              onChange={(event) => change(draft, { value: event.currentTarget.value })}
            />
            {draft.used && isSide ? (
              <span className="soft">{t("exception.network_hint")}</span>
            ) : null}
            {draft.used && (on === "domain" || (on === "field" && isDomain(value))) ? (
              <Checkbox
                size="xs"
                label={t("exception.with_subdomains")}
                checked={on === "domain"}
                onChange={(event) =>
                  change(draft, { on: event.currentTarget.checked ? "domain" : "field" })
                }
              />
            ) : null}
          </div>
        );
      })}
      {usedOf(drafts).length === 0 ? (
        <p className={styles.warning} role="status">
          {t("exception.whole_rule_warning")}
        </p>
      ) : null}
    </fieldset>
  );
}
