import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import type { OrganisationDetail, OrganisationStep } from "../api/client";
import { nameOf } from "../lib/organisation";
import { formatDay } from "../lib/time";
import styles from "./organisations.module.css";

interface HistoryProps {
  organisation: OrganisationDetail;
  onOpen: (code: string) => void;
}

/** What an organisation came from and what it goes on as, with days and laws. */
export function History({ organisation, onOpen }: HistoryProps) {
  const { t } = useTranslation();
  const { predecessors, successors } = organisation;
  if (predecessors.length === 0 && successors.length === 0) return null;
  return (
    <section className={layout.section} aria-label={t("organisation.history")}>
      <h3>{t("organisation.history")}</h3>
      <ol className={styles.history}>
        {predecessors.map((step) => (
          <Step key={step.code} step={step} sense="before" onOpen={onOpen} />
        ))}
        <Step step={{ ...organisation, is_seen: false }} sense="this" onOpen={onOpen} />
        {successors.map((step) => (
          <Step key={step.code} step={step} sense="after" onOpen={onOpen} />
        ))}
      </ol>
    </section>
  );
}

interface StepProps {
  step: OrganisationStep;
  sense: "before" | "this" | "after";
  onOpen: (code: string) => void;
}

function Step({ step, sense, onOpen }: StepProps) {
  const { t } = useTranslation();
  const [from, until] = [step.from, step.until].map((day) => (day ? formatDay(day) : undefined));
  const days =
    from && until
      ? t("organisation.days_both", { from, until })
      : until
        ? t("organisation.days_until", { until })
        : from
          ? t("organisation.days_from", { from })
          : t("organisation.days_open");
  return (
    <li data-sense={sense} aria-current={sense === "this" ? "true" : undefined}>
      <span className="visually-hidden">{t(`organisation.sense.${sense}`)}: </span>
      <StepName step={step} onOpen={onOpen} />
      <br />
      <span className="soft">
        {days} · {step.citation}
      </span>
    </li>
  );
}

interface StepNameProps {
  step: OrganisationStep;
  onOpen: (code: string) => void;
}

/** The name of another organisation; a way to it where one may see it. */
export function StepName({ step, onOpen }: StepNameProps) {
  const { i18n } = useTranslation();
  const name = nameOf(step, i18n.language);
  if (!step.is_seen) return <span>{name}</span>;
  return (
    <button type="button" className={styles.link} onClick={() => onOpen(step.code)}>
      {name}
    </button>
  );
}
