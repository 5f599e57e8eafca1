import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { Account, Security } from "../api/client";
import { securityQuery, sessionQuery } from "../api/queries";
import { canHavePasskeys } from "../lib/passkey";
import { Card } from "../parts/Card";
import styles from "./account.module.css";
import { PasskeyButton } from "./PasskeyButton";
import { usePasskeyConfirm } from "./usePasskey";

interface PasskeyNeededProps {
  account: Account;
  security: Security;
}

/** Says that a role takes a passkey, and asks for the one that there is. */
export function PasskeyNeeded({ account, security }: PasskeyNeededProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const passkey = usePasskeyConfirm(() => {
    void client.invalidateQueries({ queryKey: sessionQuery.queryKey });
    void client.invalidateQueries({ queryKey: securityQuery.queryKey });
  });
  const roles = account.roles.map((role) => t(`role.${role}`)).join(", ");
  const hasOne = security.passkeys > 0;
  return (
    <Card title={t("passkey.needed_title")}>
      <div className={styles.body} role="alert">
        <p>{t("passkey.needed_why", { roles })}</p>
        <p>{t(hasOne ? "passkey.needed_use" : "passkey.needed_add")}</p>
        {canHavePasskeys() ? null : <p className={styles.warn}>{t("passkey.impossible")}</p>}
        {hasOne ? <PasskeyButton label={t("passkey.use")} asking={passkey} /> : null}
      </div>
    </Card>
  );
}
