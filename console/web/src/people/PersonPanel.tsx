import { Button, Checkbox } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import {
  type AccountDetail,
  type AccountPlace,
  api,
  type Security,
  take,
  type WelcomeLink,
} from "../api/client";
import { accountQuery } from "../api/queries";
import { nameOf } from "../lib/organisation";
import { Dialog } from "../parts/Dialog";
import { ErrorPanel } from "../parts/ErrorPanel";
import { Facts } from "../parts/Facts";
import { SidePanel } from "../parts/SidePanel";
import { Timestamp } from "../parts/Timestamp";
import { CodeOnce } from "./CodeOnce";
import { LinkOnce } from "./LinkOnce";
import { RolesSection } from "./RolesSection";
import { SessionsSection } from "./SessionsSection";
import { StateTag } from "./StateTag";
import { useAct } from "./useAct";

interface PersonPanelProps {
  id: string;
  places: readonly AccountPlace[];
  security: Security;
  onClose: () => void;
}

/** One person: how the account stands, its roles and sessions, and what one may do with them. */
export function PersonPanel({ id, places, security, onClose }: PersonPanelProps) {
  const { t } = useTranslation();
  const account = useQuery(accountQuery(id));
  const name = account.data?.display_name ?? "";
  return (
    <SidePanel
      label={name || t("people.title")}
      head={name}
      hasKey
      className={layout.panel}
      onClose={onClose}
    >
      {account.error ? (
        <ErrorPanel
          what={t("error.what.account")}
          error={account.error}
          onRetry={() => void account.refetch()}
        />
      ) : null}
      {account.data ? (
        <>
          <Who account={account.data} />
          <Deeds account={account.data} security={security} />
          <RolesSection account={account.data} places={places} security={security} />
          {account.data.actions.includes("read_sessions") ? (
            <SessionsSection account={account.data} security={security} />
          ) : null}
        </>
      ) : null}
    </SidePanel>
  );
}

function Who({ account }: { account: AccountDetail }) {
  const { t, i18n } = useTranslation();
  const at = (time: string | null) => (time ? <Timestamp at={time} second /> : t("common.none"));
  const factors = [
    ...(account.totp_since ? [t("people.app")] : []),
    ...(account.passkeys > 0 ? [t("people.passkeys", { count: account.passkeys })] : []),
  ];
  const facts = [
    { name: t("people.user_name"), value: <span className="mono">{account.user_name}</span> },
    { name: t("people.organisation"), value: nameOf(account.organisation, i18n.language) },
    { name: t("people.state_label"), value: <StateTag state={account.state} /> },
    { name: t("people.factor"), value: factors.join(", ") || t("common.no") },
    { name: t("people.last_sign_in"), value: at(account.last_sign_in_at) },
    { name: t("people.created"), value: at(account.created_at) },
    ...(account.disabled_at
      ? [{ name: t("people.disabled_since"), value: at(account.disabled_at) }]
      : []),
    ...(account.link_expires_at
      ? [
          {
            name: t(account.link_waits ? "people.link_waits_until" : "people.link_until"),
            value: at(account.link_expires_at),
          },
        ]
      : []),
  ];
  return <Facts facts={facts} />;
}

/** Lets in anew, shuts out, lets in again. */
function Deeds({ account, security }: { account: AccountDetail; security: Security }) {
  const { t } = useTranslation();
  const act = useAct(security);
  const [asked, setAsked] = useState<"reset" | "disable" | "second" | null>(null);
  const [dropsFactors, setDropsFactors] = useState(false);
  const [link, setLink] = useState<WelcomeLink | null>(null);
  const [code, setCode] = useState<string | null>(null);
  const params = { path: { id: account.id } };
  const may = (action: AccountDetail["actions"][number]) => account.actions.includes(action);
  const reset = () => {
    setAsked(null);
    act.run(async () => {
      const body = { drop_factors: dropsFactors };
      setLink(await take(api.POST("/api/v1/accounts/{id}/reset", { params, body })));
    });
  };
  const second = () => {
    setAsked(null);
    act.run(async () => {
      setCode((await take(api.POST("/api/v1/accounts/{id}/reset/second", { params }))).code);
    });
  };
  const disable = () => {
    setAsked(null);
    act.run(() => take(api.POST("/api/v1/accounts/{id}/disable", { params })));
  };
  const enable = () => act.run(() => take(api.POST("/api/v1/accounts/{id}/enable", { params })));
  return (
    <div className={layout.buttons}>
      {may("reset") ? (
        <Button variant="default" onClick={() => setAsked("reset")}>
          {t(account.state === "invited" ? "people.link_anew" : "people.reset")}
        </Button>
      ) : null}
      {may("second_link") ? (
        <Button onClick={() => setAsked("second")}>{t("people.second")}</Button>
      ) : null}
      {may("disable") ? (
        <Button variant="default" color="red" onClick={() => setAsked("disable")}>
          {t("people.disable")}
        </Button>
      ) : null}
      {may("enable") ? (
        <Button loading={act.isPending} onClick={enable}>
          {t("people.enable")}
        </Button>
      ) : null}
      <Dialog
        opened={asked !== null}
        onClose={() => setAsked(null)}
        title={t(`people.${asked ?? "reset"}`)}
      >
        <div className={layout.form}>
          <p>{t(`people.${asked ?? "reset"}_hint`, { name: account.display_name })}</p>
          {asked === "reset" && account.has_factor ? (
            <Checkbox
              label={t("people.drop_factors")}
              checked={dropsFactors}
              onChange={(event) => setDropsFactors(event.currentTarget.checked)}
            />
          ) : null}
          <div className={layout.buttons}>
            <Button variant="default" onClick={() => setAsked(null)}>
              {t("common.cancel")}
            </Button>
            {asked === "disable" ? (
              <Button color="red.9" onClick={disable}>
                {t("people.disable")}
              </Button>
            ) : asked === "second" ? (
              <Button onClick={second}>{t("people.second_submit")}</Button>
            ) : (
              <Button onClick={reset}>{t("people.make_link")}</Button>
            )}
          </div>
        </div>
      </Dialog>
      <LinkOnce link={link} name={account.display_name} onClose={() => setLink(null)} />
      <CodeOnce code={code} name={account.display_name} onClose={() => setCode(null)} />
      {act.dialog}
    </div>
  );
}
