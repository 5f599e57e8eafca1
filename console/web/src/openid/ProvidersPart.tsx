import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { openidSettingsQuery, securityQuery } from "../api/queries";
import { CopyField } from "../parts/CopyField";
import { ErrorPanel } from "../parts/ErrorPanel";
import styles from "./openid.module.css";
import { ProviderForm } from "./ProviderForm";

/** The providers at which people may sign in, as who runs the console enters them. */
export function ProvidersPart() {
  const { t } = useTranslation();
  const settings = useQuery(openidSettingsQuery);
  const { data: security } = useQuery(securityQuery);
  const [isAdding, setAdding] = useState(false);
  return (
    <section className={styles.section} aria-label={t("openid.title")}>
      <div>
        <h2>{t("openid.title")}</h2>
        <p>{t("openid.intro")}</p>
      </div>
      {settings.error ? (
        <ErrorPanel
          what={t("error.what.openid")}
          error={settings.error}
          onRetry={() => void settings.refetch()}
        />
      ) : null}
      {settings.data && security ? (
        <>
          <CopyField label={t("openid.redirect_uri")} value={settings.data.redirect_uri} />
          {settings.data.providers.map((provider) => (
            <ProviderForm
              // What another has saved meanwhile is shown, not what was typed over it.
              key={`${provider.id} ${provider.changed_at}`}
              provider={provider}
              settings={settings.data}
              security={security}
            />
          ))}
          {isAdding ? (
            <ProviderForm
              settings={settings.data}
              security={security}
              onClose={() => setAdding(false)}
            />
          ) : null}
          {settings.data.may_change && !isAdding ? (
            <div className={styles.foot}>
              <Button variant="default" onClick={() => setAdding(true)}>
                {t("openid.add")}
              </Button>
            </div>
          ) : null}
        </>
      ) : null}
    </section>
  );
}
