import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { useStepUp } from "../account/useStepUp";
import {
  api,
  type OpenIdProvider,
  type OpenIdProviderTest,
  type Security,
  take,
} from "../api/client";
import styles from "./openid.module.css";
import { RemoveProvider } from "./RemoveProvider";

interface ProviderActionsProps {
  provider: OpenIdProvider;
  security: Security;
}

/** What is done with a provider as it is kept: it is asked what it says of itself, and shown what was found; or it is removed. */
export function ProviderActions({ provider, security }: ProviderActionsProps) {
  const { t } = useTranslation();
  const stepUp = useStepUp(security);
  const test = useMutation({
    mutationFn: () =>
      take(
        api.POST("/api/v1/settings/openid/{id}/test", { params: { path: { id: provider.id } } }),
      ),
    onError: (error) => stepUp.onError(error, () => test.mutate()),
  });
  return (
    <div className={styles.fields}>
      <div className={styles.foot}>
        <RemoveProvider provider={provider} security={security} />
        <Button
          variant="default"
          aria-label={t("openid.test_named", { name: provider.name })}
          loading={test.isPending}
          onClick={() => test.mutate()}
        >
          {t("openid.test")}
        </Button>
      </div>
      <div role="status">{test.data ? <Outcome outcome={test.data} /> : null}</div>
      {stepUp.dialog}
    </div>
  );
}

function Outcome({ outcome }: { outcome: OpenIdProviderTest }) {
  const { t } = useTranslation();
  const { found } = outcome;
  if (!found) {
    return (
      <p className={styles.bad}>
        {t("openid.test_failed")} <span className="mono">{outcome.problem}</span>
      </p>
    );
  }
  const rows = [
    [t("openid.issuer"), found.issuer],
    [t("openid.found.authorization_endpoint"), found.authorization_endpoint],
    [t("openid.found.token_endpoint"), found.token_endpoint],
    [t("openid.found.jwks_uri"), `${found.jwks_uri} (${found.keys})`],
    [t("openid.found.algorithms"), found.algorithms.join(", ")],
    ["PKCE S256", t(found.says_pkce ? "openid.found.said" : "openid.found.not_said")],
  ] as const;
  return (
    <>
      <p className={styles.good}>{t("openid.test_good")}</p>
      <dl className={styles.found}>
        {rows.map(([name, value]) => (
          <div key={name} className={styles.row}>
            <dt>{name}</dt>
            <dd className="mono">{value}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}
