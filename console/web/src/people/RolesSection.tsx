import { Button } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import { type AccountDetail, api, type Membership, type Security, take } from "../api/client";
import { nameOf } from "../lib/organisation";
import { formatDay } from "../lib/time";
import { emptyRole, type GivingPlace, RoleFields, requestOf } from "./RoleFields";
import { useAct } from "./useAct";

/** Who has roles: a person, or a service. */
type Holder = Pick<AccountDetail, "id" | "organisation" | "memberships">;

interface RolesSectionProps {
  account: Holder;
  places: readonly GivingPlace[];
  security: Security;
  /** What shows the roles, and is asked for anew after a change. */
  shown?: string;
}

/** Somebody's roles, the past ones too, and giving another. */
export function RolesSection({ account, places, security, shown }: RolesSectionProps) {
  const { t } = useTranslation();
  const act = useAct(security, shown);
  const [form, setForm] = useState(emptyRole(account.organisation.code));
  const canGive = places.some((place) => place.gifts.length > 0);
  const body = requestOf(form);
  const give = () => {
    if (!body) return;
    const params = { path: { id: account.id } };
    act.run(async () => {
      await take(api.POST("/api/v1/accounts/{id}/memberships", { params, body }));
      setForm(emptyRole(account.organisation.code));
    });
  };
  return (
    <section className={layout.section}>
      <h3>{t("people.roles")}</h3>
      <ul className={layout.entries}>
        {account.memberships.map((one) => (
          <Row key={one.id} one={one} account={account} act={act} />
        ))}
      </ul>
      {canGive ? (
        <div className={layout.form}>
          <RoleFields places={places} form={form} onChange={setForm} />
          <div className={layout.buttons}>
            <Button variant="default" disabled={!body} loading={act.isPending} onClick={give}>
              {t("people.give")}
            </Button>
          </div>
        </div>
      ) : null}
      {act.dialog}
    </section>
  );
}

interface RowProps {
  one: Membership;
  account: Holder;
  act: ReturnType<typeof useAct>;
}

function Row({ one, account, act }: RowProps) {
  const { t, i18n } = useTranslation();
  const params = { path: { id: account.id, membership: one.id } };
  const path = "/api/v1/accounts/{id}/memberships/{membership}" as const;
  const from = one.from ? formatDay(one.from) : "…";
  const days = one.until
    ? t("people.days_until", { from, until: formatDay(one.until) })
    : t("people.days_from", { from });
  const by = [one.granted_by, one.approved_by].flatMap((person) => person?.display_name ?? []);
  return (
    <li>
      <span className={one.is_over ? "soft" : undefined}>
        <strong>{t(`role.${one.role}`)}</strong>, {nameOf(one.organisation, i18n.language)}
        <br />
        <span className="soft">
          {days}
          {by.length > 0 ? ` · ${t("people.given_by", { names: by.join(", ") })}` : ""}
          {one.waits ? ` · ${t("people.needs_another")}` : ""}
        </span>
      </span>
      {one.actions.includes("approve") ? (
        <Button
          size="compact-xs"
          loading={act.isPending}
          onClick={() => act.run(() => take(api.POST(`${path}/approve`, { params })))}
        >
          {t("people.approve")}
        </Button>
      ) : null}
      {one.actions.includes("end") ? (
        <Button
          size="compact-xs"
          variant="default"
          loading={act.isPending}
          onClick={() => act.run(() => take(api.DELETE(path, { params })))}
        >
          {t("people.end")}
        </Button>
      ) : null}
    </li>
  );
}
