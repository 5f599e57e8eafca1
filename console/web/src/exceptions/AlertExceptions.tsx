import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { AlertDetail } from "../api/client";
import { useMay } from "../lib/abilities";
import { nameOf } from "../lib/organisation";
import { Timestamp } from "../parts/Timestamp";
import styles from "./exceptions.module.css";
import { conditionsText, effectText } from "./words";

/** Exceptions that an alert has to do with: what hid it, what once did, what would. */
export function AlertExceptions({ alert }: { alert: AlertDetail }) {
  const { t, i18n } = useTranslation();
  const maySee = useMay()("rule:read");
  if (alert.exceptions.length === 0) return null;
  return (
    <ul className={styles.told} aria-label={t("exception.title")}>
      {alert.exceptions.map((exception) => {
        const acts = exception.did && (alert.is_suppressed || alert.raised_severity !== null);
        const past = exception.did ? "exception.did" : "exception.would";
        const now = alert.is_suppressed ? "exception.hides" : "exception.lowers";
        return (
          <li key={exception.id} data-acts={acts}>
            <strong>{t(acts ? now : past)}</strong> {effectText(t, exception)} ·{" "}
            {conditionsText(t, exception)} · {nameOf(exception.organisation, i18n.language)} ·{" "}
            {t(`reason.${exception.reason}`)}: {exception.made.note} · {t("exception.until")}{" "}
            <Timestamp at={exception.expires_at} /> · {exception.made.by.display_name}
            {maySee ? (
              <>
                {" "}
                <Link to="/alerts/exceptions" search={{ exception: exception.id }}>
                  {t("exception.open")}
                </Link>
              </>
            ) : null}
          </li>
        );
      })}
    </ul>
  );
}
