import { Button, Switch } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type NoticeRule, type NoticeRuleRequest, take } from "../api/client";
import { noticeRulesQuery, noticeWaysQuery } from "../api/queries";
import { useMay } from "../lib/abilities";
import { useOrganisations } from "../organisations/useOrganisations";
import { Card } from "../parts/Card";
import { ErrorPanel } from "../parts/ErrorPanel";
import styles from "./notice.module.css";
import { RuleDialog, requestOf } from "./RuleDialog";
import { useRuleChange } from "./useNotices";
import { nameOf } from "./WaysCard";

/** The rules by which one is told. */
export function RulesCard() {
  const { t } = useTranslation();
  const rules = useQuery(noticeRulesQuery);
  const change = useRuleChange();
  const may = useMay();
  /** The rule that is open; `null`: a new one. */
  const [open, setOpen] = useState<NoticeRule | null | undefined>(undefined);
  const items = rules.data?.items ?? [];

  const add = (body: NoticeRuleRequest) => take(api.POST("/api/v1/notice-rules", { body }));
  const put = (id: string, body: NoticeRuleRequest) =>
    take(api.PUT("/api/v1/notice-rules/{id}", { params: { path: { id } }, body }));
  const remove = (id: string) =>
    take(api.DELETE("/api/v1/notice-rules/{id}", { params: { path: { id } } }));
  /** What most people want: what is given to them, what is watched, what is grave, and the shift. */
  const addUsual = async () => {
    const usual = (about: NoticeRule["about"], severity: NoticeRule["severity"] = null) =>
      add({ name: t(`notice.usual.${about}`), about, severity, words: "", is_on: true, ways: [] });
    await usual("assigned");
    await usual("watched");
    await usual("alert", "high");
    if (may("handover:approve")) await usual("handover");
  };

  return (
    <Card
      title={t("notice.rules")}
      aside={
        <Button size="compact-xs" variant="default" onClick={() => setOpen(null)}>
          {t("notice.add_rule")}
        </Button>
      }
    >
      {rules.error ? (
        <ErrorPanel
          what={t("error.what.notice_rules")}
          error={rules.error}
          onRetry={() => void rules.refetch()}
        />
      ) : null}
      {rules.data && items.length === 0 ? (
        <div className={styles.body}>
          <p className="soft">{t("notice.no_rules")}</p>
          <Button loading={change.isPending} onClick={() => change.mutate(addUsual)}>
            {t("notice.add_usual")}
          </Button>
        </div>
      ) : (
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">{t("notice.rule_name")}</th>
              <th scope="col">{t("notice.rule_about")}</th>
              <th scope="col">{t("notice.rule_on")}</th>
              <th scope="col">
                <span className="visually-hidden">{t("notice.rule_remove")}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {items.map((rule) => (
              <tr key={rule.id}>
                <th scope="row">
                  <Button
                    size="compact-sm"
                    variant="subtle"
                    aria-label={t("notice.rule_open", { name: rule.name })}
                    onClick={() => setOpen(rule)}
                  >
                    {rule.name}
                  </Button>
                </th>
                <td>
                  <Told rule={rule} />
                </td>
                <td>
                  <Switch
                    aria-label={t("notice.rule_counts", { name: rule.name })}
                    checked={rule.is_on}
                    onChange={() =>
                      change.mutate(() => put(rule.id, { ...requestOf(rule), is_on: !rule.is_on }))
                    }
                  />
                </td>
                <td>
                  <Button
                    size="compact-xs"
                    variant="default"
                    aria-label={t("notice.rule_remove_named", { name: rule.name })}
                    onClick={() => change.mutate(() => remove(rule.id))}
                  >
                    {t("notice.rule_remove")}
                  </Button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {open === undefined ? null : (
        <RuleDialog
          rule={open}
          onClose={() => setOpen(undefined)}
          onSave={(body) => {
            setOpen(undefined);
            change.mutate(() => (open ? put(open.id, body) : add(body)));
          }}
        />
      )}
    </Card>
  );
}

/** What a rule tells of, in words. */
function Told({ rule }: { rule: NoticeRule }) {
  const { t } = useTranslation();
  const ways = useQuery(noticeWaysQuery);
  const { name } = useOrganisations();
  const parts = [
    t(`notice.about.${rule.about}`),
    rule.severity && t("notice.at_least", { severity: t(`severity.${rule.severity}`) }),
    rule.organisation && t("notice.beneath", { organisation: name(rule.organisation) }),
    rule.words && `“${rule.words}”`,
    ...(ways.data?.items ?? []).filter((way) => rule.ways.includes(way.id)).map(nameOf),
  ];
  return parts.filter(Boolean).join(" · ");
}
