import { useTranslation } from "react-i18next";
import type { AuditEntry } from "../api/client";
import { CopyValue } from "../parts/CopyValue";
import { type Fact, Facts } from "../parts/Facts";
import { SidePanel } from "../parts/SidePanel";
import { Timestamp } from "../parts/Timestamp";
import styles from "./audit.module.css";
import { ProofCheck } from "./ProofCheck";
import { ResultTag } from "./ResultTag";

/** One entry whole, and its proof. */
export function EntryPanel({ entry, onClose }: { entry: AuditEntry; onClose: () => void }) {
  const { t } = useTranslation();
  const text = (name: string, value: string): Fact[] => (value ? [{ name, value }] : []);
  const facts: Fact[] = [
    { name: t("audit.field.at"), value: <Timestamp at={entry.at} full /> },
    { name: t("audit.field.result"), value: <ResultTag result={entry.result} /> },
    ...text(t("audit.field.actor"), entry.actor.name),
    { name: t("audit.field.kind"), value: t(`audit.kind.${entry.actor.kind as "console"}`) },
    ...text(t("audit.field.account"), entry.actor.account ?? ""),
    ...text(t("audit.field.organisation"), entry.organisation),
    ...text(t("audit.field.address"), entry.address),
    ...text(t("audit.field.user_agent"), entry.user_agent),
    { name: t("audit.field.action"), value: <span className="mono">{entry.action}</span> },
    ...text(t("audit.field.object"), `${entry.object_kind} ${entry.object_id}`),
    ...Object.entries(entry.detail).map(([name, value]) => ({ name, value })),
    {
      name: t("audit.field.request"),
      value: (
        <>
          <span className="mono">{entry.request || "—"}</span>
          {entry.request ? <CopyValue value={entry.request} /> : null}
        </>
      ),
    },
  ];
  return (
    <SidePanel
      label={t("audit.entry", { seq: entry.seq })}
      head={t("audit.entry", { seq: entry.seq })}
      hasKey
      className={styles.panel}
      onClose={onClose}
    >
      <Facts facts={facts} />
      <ProofCheck seq={entry.seq} />
    </SidePanel>
  );
}
