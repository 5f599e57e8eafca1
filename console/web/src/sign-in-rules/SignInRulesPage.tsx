import { Button, Checkbox } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import { api, type Role, type Security, type SignInRules, take } from "../api/client";
import { lockQuery, securityQuery, sessionQuery, signInRulesQuery } from "../api/queries";
import { MinutesControl, NEVER } from "../lock/MinutesControl";
import { ProvidersPart } from "../openid/ProvidersPart";
import { ErrorPanel } from "../parts/ErrorPanel";
import { useAct } from "../people/useAct";
import styles from "./rules.module.css";

/** Which roles take a passkey to sign in, when sessions lock by themselves at the latest, and with which providers one may sign in. */
export function SignInRulesPage() {
  const { t } = useTranslation();
  const rules = useQuery(signInRulesQuery);
  const { data: security } = useQuery(securityQuery);
  return (
    <div className={layout.page}>
      <div className={styles.body}>
        <h2>{t("sign_in_rules.title")}</h2>
        <p>{t("sign_in_rules.intro")}</p>
        {rules.error ? (
          <ErrorPanel
            what={t("error.what.sign_in_rules")}
            error={rules.error}
            onRetry={() => void rules.refetch()}
          />
        ) : null}
        {rules.data && security ? (
          <RulesForm key={rules.dataUpdatedAt} rules={rules.data} security={security} />
        ) : null}
        <ProvidersPart />
      </div>
    </div>
  );
}

/** The form; roles that are proposed are only chosen when somebody says so. */
export function RulesForm({ rules, security }: { rules: SignInRules; security: Security }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const act = useAct(security, "sign-in-rules");
  const before = rules.roles.filter((one) => one.needs_passkey).map((one) => one.role);
  const [chosen, setChosen] = useState<string[]>(before);
  const mostBefore = rules.lock_minutes_max ?? NEVER;
  const [most, setMost] = useState(mostBefore);
  const propose = () => {
    const proposed = rules.roles.filter((one) => one.is_proposed).map((one) => one.role);
    setChosen([...new Set([...chosen, ...proposed])]);
  };
  const owing = rules.roles.filter(
    (one) => chosen.includes(one.role) && !before.includes(one.role) && one.without_passkey > 0,
  );
  const isSame =
    most === mostBefore &&
    chosen.length === before.length &&
    before.every((role) => chosen.includes(role));
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const body = {
      passkey_roles: chosen as Role[],
      lock_minutes_max: most === NEVER ? null : most,
    };
    act.run(async () => {
      await take(api.PUT("/api/v1/settings/sign-in", { body }));
      await client.invalidateQueries({ queryKey: sessionQuery.queryKey });
      await client.invalidateQueries({ queryKey: lockQuery.queryKey });
    });
  };
  return (
    <form onSubmit={submit} className={layout.form}>
      <Checkbox.Group label={t("sign_in_rules.roles")} value={chosen} onChange={setChosen}>
        <div className={styles.roles}>
          {rules.roles.map((one) => (
            <Checkbox
              key={one.role}
              value={one.role}
              disabled={!rules.can_change}
              label={t(`role.${one.role}`)}
              description={t("sign_in_rules.people", {
                count: one.people,
                without: one.without_passkey,
              })}
            />
          ))}
        </div>
      </Checkbox.Group>
      {owing.length > 0 ? (
        <p role="status" className={styles.warning}>
          {t("sign_in_rules.owing", {
            roles: owing.map((one) => t(`role.${one.role}`)).join(", "),
          })}
        </p>
      ) : null}
      <div className={styles.roles}>
        <strong id="lock-most">{t("sign_in_rules.lock")}</strong>
        <MinutesControl
          labelledBy="lock-most"
          value={most}
          never={t("sign_in_rules.lock_free")}
          disabled={!rules.can_change}
          onChange={setMost}
        />
        <p className="soft">{t("sign_in_rules.lock_hint")}</p>
      </div>
      {rules.can_change ? (
        <div className={layout.buttons}>
          <Button variant="default" onClick={propose}>
            {t("sign_in_rules.propose")}
          </Button>
          <Button type="submit" loading={act.isPending} disabled={isSame}>
            {t("sign_in_rules.save")}
          </Button>
        </div>
      ) : null}
      {act.dialog}
    </form>
  );
}
