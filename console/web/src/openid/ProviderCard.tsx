import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import account from "../account/account.module.css";
import { isAsked, useStepUp } from "../account/useStepUp";
import { api, type OpenIdLink, type Security, take } from "../api/client";
import { openidLinksQuery, openidProvidersQuery, securityQuery } from "../api/queries";
import { notifyFailure } from "../lib/failure";
import { Card } from "../parts/Card";
import { ErrorPanel } from "../parts/ErrorPanel";
import { Timestamp } from "../parts/Timestamp";
import styles from "./openid.module.css";
import { ProviderButtons } from "./ProviderButtons";
import { providerProblem } from "./problem";
import { useProvider } from "./useProvider";

/** What the address tells of a way to a provider that has just ended. */
export interface ProviderOutcome {
  problem?: string;
  provider?: string;
  /** The provider to which the account was linked. */
  linked?: string;
}

interface ProviderCardProps {
  security: Security;
  outcome: ProviderOutcome;
}

/** The providers at which the account's owner signs in; absent where there are none. */
export function ProviderCard({ security, outcome }: ProviderCardProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const stepUp = useStepUp(security);
  const offered = useQuery(openidProvidersQuery);
  const links = useQuery(openidLinksQuery);
  const going = useProvider(
    (provider) => take(api.POST("/api/v1/account/openid", { body: { provider } })),
    (error, again) => {
      if (isAsked(error)) stepUp.onError(error, again);
    },
  );
  const remove = useMutation({
    mutationFn: (id: string) =>
      take(api.DELETE("/api/v1/account/openid/{id}", { params: { path: { id } } })),
    onSuccess: () =>
      Promise.all(
        [openidLinksQuery, securityQuery].map(({ queryKey }) =>
          client.invalidateQueries({ queryKey }),
        ),
      ),
    onError: (error, id) => {
      if (isAsked(error)) stepUp.onError(error, () => remove.mutate(id));
      else notifyFailure(t("error.what.change"), error);
    },
  });
  if (!offered.data || (offered.data.length === 0 && !links.data?.length)) return null;
  const nameOf = (id?: string) => offered.data.find((each) => each.id === id)?.name;
  const linked = links.data?.map((link) => link.provider) ?? [];
  const others = offered.data.filter((each) => !linked.includes(each.id));
  return (
    <Card title={t("openid.own_title")}>
      <div className={account.body}>
        <p>{t("openid.own_intro")}</p>
        {outcome.problem ? (
          <p role="alert" className={styles.bad}>
            {providerProblem(outcome.problem, nameOf(outcome.provider), t)}
          </p>
        ) : null}
        {outcome.linked ? (
          <p role="status" className={styles.good}>
            {t("openid.linked", { name: nameOf(outcome.linked) ?? t("openid.a_provider") })}
          </p>
        ) : null}
        {links.error ? <ErrorPanel what={t("error.what.security")} error={links.error} /> : null}
        {links.data?.length ? (
          <LinkList links={links.data} onRemove={(id) => remove.mutate(id)} />
        ) : null}
        <ProviderButtons
          providers={others}
          label={(name) => t("openid.link", { name })}
          going={going}
        />
      </div>
      {stepUp.dialog}
    </Card>
  );
}

interface LinkListProps {
  links: readonly OpenIdLink[];
  onRemove: (id: string) => void;
}

function LinkList({ links, onRemove }: LinkListProps) {
  const { t } = useTranslation();
  return (
    <ul className={account.passkeys} aria-label={t("openid.own_title")}>
      {links.map((link) => (
        <li key={link.id}>
          <span>
            <strong>{link.name}</strong>
            <span className="soft">
              {t("openid.linked_since")} <Timestamp at={link.linked_at} />
              {link.last_used_at ? (
                <>
                  {" "}
                  · {t("passkey.last_used")} <Timestamp at={link.last_used_at} />
                </>
              ) : null}
              {link.is_on ? null : ` · ${t("openid.is_off")}`}
            </span>
          </span>
          <Button
            size="compact-xs"
            variant="default"
            aria-label={t("openid.unlink_named", { name: link.name })}
            onClick={() => onRemove(link.id)}
          >
            {t("openid.unlink")}
          </Button>
        </li>
      ))}
    </ul>
  );
}
