import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { securityQuery, sessionQuery } from "../api/queries";
import { LockCard } from "../lock/LockCard";
import { ProviderCard } from "../openid/ProviderCard";
import { ErrorPanel } from "../parts/ErrorPanel";
import { AppCard } from "./AppCard";
import styles from "./account.module.css";
import { PasskeyCard } from "./PasskeyCard";
import { PasskeyNeeded } from "./PasskeyNeeded";
import { PasswordCard } from "./PasswordCard";

const route = getRouteApi("/app/account");

/** How the account signs in. */
export function AccountPage() {
  const { t } = useTranslation();
  const security = useQuery(securityQuery);
  const session = useQuery(sessionQuery);
  const outcome = route.useSearch();
  return (
    <main id="main" className={styles.page}>
      <h1>{t("account.title")}</h1>
      {security.error ? (
        <ErrorPanel
          what={t("error.what.security")}
          error={security.error}
          onRetry={() => void security.refetch()}
        />
      ) : null}
      {session.data?.passkey_needed && security.data ? (
        <PasskeyNeeded account={session.data} security={security.data} />
      ) : null}
      {session.data && !session.data.passkey_needed && security.data?.has_password ? (
        <PasswordCard account={session.data} />
      ) : null}
      {security.data ? (
        <>
          {session.data && !session.data.passkey_needed ? (
            <AppCard security={security.data} />
          ) : null}
          <PasskeyCard security={security.data} />
          {session.data && !session.data.passkey_needed ? (
            <ProviderCard security={security.data} outcome={outcome} />
          ) : null}
          {session.data && !session.data.passkey_needed ? <LockCard /> : null}
        </>
      ) : null}
    </main>
  );
}
