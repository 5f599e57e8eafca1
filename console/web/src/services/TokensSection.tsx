import { Button } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import {
  type ApiToken,
  api,
  type MadeToken,
  type Security,
  type ServiceDetail,
  take,
} from "../api/client";
import { Timestamp } from "../parts/Timestamp";
import { useAct } from "../people/useAct";
import { graspText } from "./grasp";
import { SecretOnce } from "./SecretOnce";
import styles from "./services.module.css";
import { TokenDialog } from "./TokenDialog";

interface TokensSectionProps {
  service: ServiceDetail;
  security: Security;
}

/** A service's tokens, those that work no more too; making another, and revoking one. */
export function TokensSection({ service, security }: TokensSectionProps) {
  const { t } = useTranslation();
  const act = useAct(security, "services");
  const [isMaking, setMaking] = useState(false);
  const [made, setMade] = useState<MadeToken | null>(null);
  const revoke = (token: ApiToken) => {
    const params = { path: { id: service.id, token: token.id } };
    act.run(() => take(api.DELETE("/api/v1/services/{id}/tokens/{token}", { params })));
  };
  const canRevoke = service.actions.includes("revoke_token");
  return (
    <section className={layout.section}>
      <h3>{t("services.tokens")}</h3>
      {service.tokens.length === 0 ? <p className="soft">{t("services.no_tokens")}</p> : null}
      <ul className={layout.entries}>
        {service.tokens.map((token) => (
          <li key={token.id} className={styles.token} data-state={token.state}>
            <Row token={token} />
            {canRevoke && token.state === "working" ? (
              <Button
                size="compact-xs"
                variant="default"
                color="red"
                loading={act.isPending}
                aria-label={t("services.revoke_named", { name: token.name })}
                onClick={() => revoke(token)}
              >
                {t("services.revoke")}
              </Button>
            ) : null}
          </li>
        ))}
      </ul>
      {service.actions.includes("make_token") ? (
        <div className={layout.buttons}>
          <Button variant="default" onClick={() => setMaking(true)}>
            {t("services.make_token")}
          </Button>
        </div>
      ) : null}
      <TokenDialog
        opened={isMaking}
        service={service}
        security={security}
        onClose={() => setMaking(false)}
        onMade={(token) => {
          setMaking(false);
          setMade(token);
        }}
      />
      <SecretOnce secret={made?.token ?? null} onClose={() => setMade(null)} />
      {act.dialog}
    </section>
  );
}

function Row({ token }: { token: ApiToken }) {
  const { t } = useTranslation();
  return (
    <span>
      <strong>{token.name}</strong> · {t(`services.state.${token.state}`)}
      <br />
      {token.scope.map((word) => graspText(word, t)).join(", ")}
      <br />
      <span className="soft">
        {token.networks.length > 0
          ? t("services.from_networks", { networks: token.networks.join(", ") })
          : t("services.from_anywhere")}
        <br />
        {t("services.made_by", { name: token.made_by.display_name })}{" "}
        <Timestamp at={token.made_at} />
        <br />
        {token.revoked_at ? (
          <>
            {t("services.revoked_at")} <Timestamp at={token.revoked_at} />
          </>
        ) : (
          <>
            {t("services.expires_at")} <Timestamp at={token.expires_at} />
          </>
        )}
        <br />
        {token.last_used_at ? (
          <>
            {t("services.used_from", { address: token.last_used_from ?? "" })}{" "}
            <Timestamp at={token.last_used_at} />
          </>
        ) : (
          t("services.never_used")
        )}
      </span>
    </span>
  );
}
