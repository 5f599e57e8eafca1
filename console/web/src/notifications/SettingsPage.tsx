import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { notificationSettingsQuery, securityQuery } from "../api/queries";
import { ErrorPanel } from "../parts/ErrorPanel";
import { SettingsForm } from "./SettingsForm";
import styles from "./settings.module.css";
import { TestCard } from "./TestCard";

/** How notifications leave the console: the mail server, and where webhooks may go. */
export function SettingsPage() {
  const { t } = useTranslation();
  const settings = useQuery(notificationSettingsQuery);
  const security = useQuery(securityQuery);
  return (
    <div className={styles.page}>
      {settings.error ? (
        <ErrorPanel
          what={t("error.what.notification_settings")}
          error={settings.error}
          onRetry={() => void settings.refetch()}
        />
      ) : null}
      {settings.data && security.data ? (
        <>
          <SettingsForm
            // What another has saved meanwhile is shown, not what was typed over it.
            key={settings.data.changed_at ?? ""}
            settings={settings.data}
            security={security.data}
          />
          {settings.data.may_change && settings.data.mail.is_on ? (
            <TestCard security={security.data} />
          ) : null}
        </>
      ) : null}
    </div>
  );
}
