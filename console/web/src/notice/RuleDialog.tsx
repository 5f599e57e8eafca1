import { Button, Checkbox, Select, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import { type NoticeRule, type NoticeRuleRequest, SEVERITIES } from "../api/client";
import { noticeWaysQuery } from "../api/queries";
import { usePlaces } from "../organisations/usePlaces";
import { Dialog } from "../parts/Dialog";
import { OrganisationSelect } from "../people/OrganisationSelect";
import styles from "./notice.module.css";
import { nameOf } from "./WaysCard";

const ABOUTS = ["alert", "assigned", "watched", "handover"] as const;
/** Instead of a severity. */
const ANY = "any";

interface RuleDialogProps {
  /** None for a new one. */
  rule: NoticeRule | null;
  onClose: () => void;
  onSave: (request: NoticeRuleRequest) => void;
}

/** The rule as the server takes it. */
export function requestOf({ id: _, ...rule }: NoticeRule): NoticeRuleRequest {
  return rule;
}

/** What somebody wants to be told of. */
export function RuleDialog({ rule, onClose, onSave }: RuleDialogProps) {
  const { t } = useTranslation();
  const [form, setForm] = useState<NoticeRuleRequest>(
    rule
      ? requestOf(rule)
      : {
          name: "",
          about: "alert",
          severity: "high",
          organisation: null,
          words: "",
          is_on: true,
          ways: [],
        },
  );
  const set = (changes: Partial<NoticeRuleRequest>) => setForm((now) => ({ ...now, ...changes }));
  const places = usePlaces();
  const isOfAlerts = form.about !== "handover";
  const submit = () => {
    onSave(isOfAlerts ? form : { ...form, severity: null, words: "" });
  };
  return (
    <Dialog opened onClose={onClose} title={rule ? t("notice.change_rule") : t("notice.add_rule")}>
      <form
        className={layout.form}
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <TextInput
          data-autofocus
          required
          label={t("notice.rule_name")}
          maxLength={80}
          value={form.name}
          onChange={(event) => set({ name: event.currentTarget.value })}
        />
        <Select
          label={t("notice.rule_about")}
          data={ABOUTS.map((value) => ({ value, label: t(`notice.about.${value}`) }))}
          value={form.about}
          allowDeselect={false}
          onChange={(value) => set({ about: ABOUTS.find((each) => each === value) ?? "alert" })}
        />
        {isOfAlerts ? (
          <>
            <Select
              label={t("notice.rule_severity")}
              data={[
                ...SEVERITIES.map((value) => ({ value, label: t(`severity.${value}`) })),
                { value: ANY, label: t("notice.any_severity") },
              ]}
              value={form.severity ?? ANY}
              allowDeselect={false}
              onChange={(value) =>
                set({ severity: SEVERITIES.find((each) => each === value) ?? null })
              }
            />
            <TextInput
              label={t("notice.rule_words")}
              description={t("notice.rule_words_hint")}
              maxLength={200}
              value={form.words ?? ""}
              onChange={(event) => set({ words: event.currentTarget.value })}
            />
          </>
        ) : null}
        <OrganisationSelect
          label={t("notice.rule_organisation")}
          description={t("notice.rule_organisation_hint")}
          places={places}
          value={form.organisation ?? null}
          clearable
          onChange={(organisation) => set({ organisation })}
        />
        <WayChoice ways={form.ways ?? []} onChange={(ways) => set({ ways })} />
        <div className={layout.buttons}>
          <Button variant="default" onClick={onClose}>
            {t("common.cancel")}
          </Button>
          <Button type="submit">{t("notice.save_rule")}</Button>
        </div>
      </form>
    </Dialog>
  );
}

interface WayChoiceProps {
  ways: string[];
  onChange: (ways: string[]) => void;
}

/** On which ways one is told, besides the page; nothing while there are none. */
function WayChoice({ ways, onChange }: WayChoiceProps) {
  const { t } = useTranslation();
  const known = useQuery(noticeWaysQuery);
  const items = (known.data?.items ?? []).filter((way) => way.is_confirmed);
  if (items.length === 0) return null;
  return (
    <Checkbox.Group
      label={t("notice.rule_ways")}
      description={t("notice.rule_ways_hint")}
      value={ways}
      onChange={onChange}
    >
      <div className={styles.choice}>
        {items.map((way) => (
          <Checkbox key={way.id} value={way.id} label={nameOf(way)} />
        ))}
      </div>
    </Checkbox.Group>
  );
}
