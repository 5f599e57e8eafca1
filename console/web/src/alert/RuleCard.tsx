import { IconExternalLink } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { AlertDetail } from "../api/client";
import { ruleDescription } from "../lib/rule";
import type { Tactic } from "../overview/rows";
import { Card } from "../parts/Card";
import { CopyValue } from "../parts/CopyValue";
import { Facts } from "../parts/Facts";
import { Severity } from "../parts/Severity";
import { TechniqueChips } from "../parts/TechniqueChips";
import styles from "./alert.module.css";

const ATTACK_SITE = "https://attack.mitre.org/techniques/";

/** The rule as it stood when it matched. */
export function RuleCard({ alert }: { alert: AlertDetail }) {
  const { t, i18n } = useTranslation();
  const description = ruleDescription(alert, i18n.language);
  const group = Object.entries(alert.group);
  const tacticName = (name: string) => t(`tactic.${name as Tactic}`, { defaultValue: name });
  return (
    <Card title={t("alert.rule")}>
      <div className={styles.cardBody}>
        <Facts
          facts={[
            {
              name: t("alert.rule_id"),
              value: (
                <>
                  <span className="mono">{alert.rule_id}</span> <CopyValue value={alert.rule_id} />
                </>
              ),
            },
            {
              name: t("alert.rule_kind"),
              value: `${t(`rule_kind.${alert.rule_kind}`)} · ${t("alert.rule_version")} ${alert.rule_version}`,
            },
            { name: t("alert.rule_level"), value: <Severity level={alert.severity} /> },
            ...(alert.techniques.length > 0
              ? [{ name: t("alert.techniques"), value: <Techniques ids={alert.techniques} /> }]
              : []),
            ...(alert.tactics.length > 0
              ? [{ name: t("alert.tactics"), value: alert.tactics.map(tacticName).join(", ") }]
              : []),
            ...(group.length > 0
              ? [
                  {
                    name: t("alert.group"),
                    value: (
                      <span className="mono">
                        {group.map(([name, value]) => `${name}=${value}`).join("  ")}
                      </span>
                    ),
                  },
                ]
              : []),
          ]}
        />
        {description ? (
          <p className={styles.ruleSays} lang={description.language}>
            {description.text}
          </p>
        ) : null}
        {alert.rule_text ? (
          <pre
            className={styles.ruleText}
            role="group"
            tabIndex={0}
            aria-label={t("alert.rule_text")}
          >
            {alert.rule_text}
          </pre>
        ) : (
          <p className="soft">{t("alert.no_rule_text")}</p>
        )}
      </div>
    </Card>
  );
}

function Techniques({ ids }: { ids: readonly string[] }) {
  return (
    <span className={styles.techniques}>
      {ids.map((id) => (
        <span key={id}>
          <TechniqueChips ids={[id]} />
          <a
            href={`${ATTACK_SITE}${id.replace(".", "/")}/`}
            target="_blank"
            rel="noreferrer"
            aria-label={`MITRE ATT&CK ${id}`}
            title={`MITRE ATT&CK ${id}`}
          >
            <IconExternalLink size={13} aria-hidden="true" />
          </a>
        </span>
      ))}
    </span>
  );
}
