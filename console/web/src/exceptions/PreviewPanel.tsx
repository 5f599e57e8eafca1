import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { type ExceptionPreview, VERDICTS } from "../api/client";
import { formatCount } from "../lib/number";
import { ruleTitle } from "../lib/rule";
import { formatShort } from "../lib/time";
import { Timestamp } from "../parts/Timestamp";
import styles from "./exceptions.module.css";

/** What an exception would have caught over the last seven days. */
export function PreviewPanel({ preview }: { preview: ExceptionPreview }) {
  const { t, i18n } = useTranslation();
  const count = (value: number) => formatCount(value, i18n.language);
  const attacks = preview.verdicts.true_positive ?? 0;
  const others = VERDICTS.filter(
    (verdict) => verdict !== "true_positive" && (preview.verdicts[verdict] ?? 0) > 0,
  );
  return (
    <section className={styles.preview} aria-label={t("exception.preview_title")}>
      <h3>{t("exception.preview_title")}</h3>
      {attacks > 0 ? (
        <p role="alert" className={styles.alarm}>
          {t("exception.attacks", { count: attacks })}
        </p>
      ) : null}
      <p role="status">
        {t("exception.caught", {
          caught: count(preview.caught),
          alerts: count(preview.alerts),
          events: count(preview.events),
          left: count(preview.alerts - preview.caught),
        })}
        {preview.is_more ? ` ${t("exception.caught_more")}` : ""}
      </p>
      {preview.alerts > 0 && preview.caught === preview.alerts ? (
        <p className={styles.warning}>{t("exception.nothing_left")}</p>
      ) : null}
      {preview.needs_approval ? (
        <p className={styles.warning}>{t("exception.needs_approval")}</p>
      ) : null}
      {others.length > 0 ? (
        <p>
          {t("exception.verdicts")}{" "}
          {others
            .map((verdict) => `${t(`verdict.${verdict}`)} ${count(preview.verdicts[verdict] ?? 0)}`)
            .join(", ")}
        </p>
      ) : null}
      <table className={styles.days}>
        <caption className="visually-hidden">{t("exception.by_day")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("exception.day_from")}</th>
            <th scope="col">{t("exception.day_caught")}</th>
            <th scope="col">{t("exception.day_left")}</th>
            <th scope="col">{t("exception.day_events")}</th>
          </tr>
        </thead>
        <tbody>
          {preview.days.map((day) => (
            <tr key={day.from}>
              <th scope="row">{formatShort(day.from, Date.now())}</th>
              <td>{count(day.caught)}</td>
              <td>{count(day.alerts - day.caught)}</td>
              <td>{count(day.events)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {preview.items.length > 0 ? (
        <ul className={styles.caught} aria-label={t("exception.latest")}>
          {preview.items.map((alert) => (
            <li key={alert.id}>
              <Timestamp at={alert.detected_at} />{" "}
              <Link to="/alerts/$id" params={{ id: alert.id }} target="_blank">
                {alert.summary || ruleTitle(alert, i18n.language)}
              </Link>{" "}
              <span className="mono soft">
                {[alert.src, alert.dst].filter((end) => end !== null).join(" → ")}
              </span>
            </li>
          ))}
        </ul>
      ) : null}
    </section>
  );
}
