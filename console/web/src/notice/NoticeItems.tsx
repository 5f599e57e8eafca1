import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { Notice } from "../api/client";
import { formatCount } from "../lib/number";
import { ruleTitle } from "../lib/rule";
import { OrganisationName } from "../organisations/OrganisationName";
import { Severity } from "../parts/Severity";
import { Timestamp } from "../parts/Timestamp";
import styles from "./notice.module.css";

interface NoticeItemsProps {
  items: readonly Notice[];
  /** Called when somebody goes to what a notice is about. */
  onFollow: (notice: Notice) => void;
}

/** Notices with the way to what each is about. */
export function NoticeItems({ items, onFollow }: NoticeItemsProps) {
  const { t } = useTranslation();
  if (items.length === 0) return <p className={styles.none}>{t("notice.none")}</p>;
  return (
    <ul className={styles.list}>
      {items.map((notice) => (
        <li key={notice.id} data-read={notice.is_read}>
          <span>
            <Way notice={notice} onFollow={() => onFollow(notice)} />
            {notice.is_read ? null : <span className="visually-hidden"> {t("notice.unread")}</span>}
          </span>
          <span className="soft">
            <Timestamp at={notice.at} />
          </span>
          <span className={`soft ${styles.why}`}>
            {notice.alert ? (
              <>
                <Severity level={notice.alert.severity} /> ·{" "}
              </>
            ) : null}
            {t(`notice.kind.${notice.kind}`)} · <OrganisationName code={notice.organisation} /> ·{" "}
            {t("notice.by_rule", { name: notice.rule })}
            {notice.kind !== "more" && notice.times > 1
              ? ` · ${t("notice.times", { count: notice.times })}`
              : ""}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Way({ notice, onFollow }: { notice: Notice; onFollow: () => void }) {
  const { t, i18n } = useTranslation();
  if (notice.alert)
    return (
      <Link to="/alerts/$id" params={{ id: notice.alert.id }} onClick={onFollow}>
        {ruleTitle(notice.alert, i18n.language)}
      </Link>
    );
  if (notice.handover)
    return (
      <Link to="/alerts/handover/$id" params={{ id: notice.handover }} onClick={onFollow}>
        {t("notice.handover")}
      </Link>
    );
  const search = { changed_from: notice.first_at, organisation: notice.organisation };
  return (
    <Link to="/alerts" search={search} onClick={onFollow}>
      {t("notice.more", {
        count: notice.times,
        formatted: formatCount(notice.times, i18n.language),
      })}
    </Link>
  );
}
