import { useTranslation } from "react-i18next";
import type { OrganisationDetail } from "../api/client";
import styles from "./organisations.module.css";

interface ConsequencesProps {
  /** Those that end. */
  of: readonly OrganisationDetail[];
  /** Who has their things afterwards, if it is known. */
  heir: string;
  /** Whether their roles, and what is beneath them, go on there. */
  goesOn: boolean;
}

function sum(numbers: readonly (number | null | undefined)[]): number | null {
  const known = numbers.filter((number) => typeof number === "number");
  return known.length === 0 ? null : known.reduce((all, one) => all + one, 0);
}

/** What follows from an end: what becomes of roles, accounts, units, sensors and data. */
export function Consequences({ of, heir, goesOn }: ConsequencesProps) {
  const { t } = useTranslation();
  const roles = sum(of.map((one) => one.roles));
  const two = sum(of.map((one) => one.roles_of_two)) ?? 0;
  const accounts = sum(of.map((one) => one.accounts));
  const sensors = sum(of.map((one) => one.sensors)) ?? 0;
  const beneath = sum(of.map((one) => one.beneath)) ?? 0;
  const lines = [
    roles === null
      ? t(goesOn ? "organisation.follow.roles_on" : "organisation.follow.roles_over")
      : t(goesOn ? "organisation.follow.roles_on_of" : "organisation.follow.roles_over_of", {
          count: roles,
        }),
    ...(goesOn && two > 0 ? [t("organisation.follow.two", { count: two })] : []),
    ...(accounts ? [t("organisation.follow.accounts", { count: accounts })] : []),
    ...(beneath > 0
      ? [
          t(goesOn ? "organisation.follow.beneath_on" : "organisation.follow.beneath_first", {
            count: beneath,
          }),
        ]
      : []),
    ...(sensors > 0 ? [t("organisation.follow.sensors", { count: sensors })] : []),
    t("organisation.follow.data", { heir }),
  ];
  return (
    <section aria-label={t("organisation.follow.title")} className={styles.follows}>
      <h3>{t("organisation.follow.title")}</h3>
      <ul>
        {lines.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </section>
  );
}
