import { Button, Checkbox, PasswordInput, Textarea, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { useChange } from "../admin/useChange";
import { api, type OpenIdProvider, type OpenIdProviders, type Security, take } from "../api/client";
import { openidProvidersQuery, openidSettingsQuery } from "../api/queries";
import { failureText } from "../lib/failure";
import { notify } from "../lib/notify";
import { Card } from "../parts/Card";
import styles from "./openid.module.css";
import { ProviderActions } from "./ProviderActions";

interface ProviderFormProps {
  /** None: a new one. */
  provider?: OpenIdProvider;
  settings: OpenIdProviders;
  security: Security;
  /** After a new one was entered, or not. */
  onClose?: () => void;
}

const NEW = {
  name: "",
  client_id: "",
  scopes: ["openid", "profile", "email"],
  is_on: false,
  strong_values: [] as string[],
  hosts: [] as string[],
  networks: [] as string[],
  certificates: "",
};
/** Those that show by themselves what is wrong with them. */
const FIELDS = [
  "issuer",
  "name",
  "client_id",
  "client_secret",
  "scopes",
  "strong_values",
  "hosts",
  "networks",
  "certificates",
];

/** One provider, to be changed by who may; or a new one. */
export function ProviderForm({ provider, settings, security, onClose }: ProviderFormProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [issuer, setIssuer] = useState("");
  const [fields, setFields] = useState(provider ?? NEW);
  /** Empty: the one there is stays. */
  const [secret, setSecret] = useState("");
  const [dropsSecret, setDropsSecret] = useState(false);
  const save = useChange(security, {
    call: () => {
      const { name, client_id, scopes, is_on, strong_values, hosts, networks, certificates } =
        fields;
      const kept = dropsSecret ? "" : secret || undefined;
      const body = {
        ...{ name, client_id, scopes, is_on, strong_values, hosts, networks, certificates },
        ...(kept === undefined ? {} : { client_secret: kept }),
      };
      if (!provider) {
        return take(api.POST("/api/v1/settings/openid", { body: { ...body, issuer } }));
      }
      const params = { path: { id: provider.id } };
      return take(api.PUT("/api/v1/settings/openid/{id}", { params, body }));
    },
    onDone: (now) => {
      client.setQueryData(openidSettingsQuery.queryKey, now);
      void client.invalidateQueries({ queryKey: openidProvidersQuery.queryKey });
      notify({ message: t("openid.saved") });
      onClose?.();
    },
  });
  const { failure } = save;
  const disabled = !settings.may_change;
  const errorOf = (field: string) => (failure?.field === field ? failure.message : undefined);
  const said = failureText(failure, t);
  const set = (changes: Partial<typeof NEW>) => setFields((now) => ({ ...now, ...changes }));
  const text = (name: "name" | "client_id") => ({
    label: t(`openid.${name}`),
    maxLength: 253,
    required: true,
    withAsterisk: false,
    disabled,
    error: errorOf(name),
    value: fields[name],
    onChange: ({ currentTarget: { value } }: { currentTarget: { value: string } }) =>
      set({ [name]: value }),
  });
  const lines = (name: "scopes" | "strong_values" | "hosts" | "networks") => ({
    label: t(`openid.${name}`),
    description: t(`openid.${name}_hint`),
    autosize: true,
    minRows: 1,
    disabled,
    classNames: { input: "mono" },
    error: errorOf(name),
    value: fields[name].join("\n"),
    onChange: ({ currentTarget: { value } }: { currentTarget: { value: string } }) =>
      set({ [name]: value.split("\n") }),
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    save.run();
  };
  return (
    <Card title={provider ? provider.name : t("openid.new")}>
      <form className={styles.fields} onSubmit={submit}>
        {provider ? (
          <p className="soft">
            <span className="mono">{provider.issuer}</span> ·{" "}
            {t("openid.links", { count: provider.links })}
          </p>
        ) : (
          <TextInput
            label={t("openid.issuer")}
            description={t("openid.issuer_hint")}
            placeholder="https://id.example/realms/soc"
            maxLength={400}
            required
            withAsterisk={false}
            classNames={{ input: "mono" }}
            error={errorOf("issuer")}
            value={issuer}
            onChange={(event) => setIssuer(event.currentTarget.value)}
          />
        )}
        <Checkbox
          label={t("openid.on")}
          disabled={disabled}
          checked={fields.is_on}
          onChange={(event) => set({ is_on: event.currentTarget.checked })}
        />
        <TextInput {...text("name")} description={t("openid.name_hint")} />
        <TextInput {...text("client_id")} classNames={{ input: "mono" }} />
        <PasswordInput
          label={t("openid.client_secret")}
          description={t(secretHint(provider, settings))}
          autoComplete="new-password"
          disabled={disabled || dropsSecret || !settings.can_keep_secret}
          error={errorOf("client_secret")}
          value={secret}
          visibilityToggleButtonProps={{ "aria-label": t("sign_in.show_password") }}
          onChange={(event) => setSecret(event.currentTarget.value)}
        />
        {provider?.has_secret ? (
          <Checkbox
            label={t("openid.drop_secret")}
            disabled={disabled}
            checked={dropsSecret}
            onChange={(event) => setDropsSecret(event.currentTarget.checked)}
          />
        ) : null}
        <Textarea {...lines("scopes")} />
        <Textarea {...lines("strong_values")} />
        <Textarea {...lines("hosts")} />
        <Textarea {...lines("networks")} />
        <Textarea
          label={t("openid.certificates")}
          description={t("openid.certificates_hint")}
          autosize
          minRows={1}
          maxRows={8}
          disabled={disabled}
          classNames={{ input: "mono" }}
          error={errorOf("certificates")}
          value={fields.certificates}
          onChange={(event) => set({ certificates: event.currentTarget.value })}
        />
        {failure && !FIELDS.includes(failure.field ?? "") ? (
          <p role="alert" className={styles.bad}>
            {said.hint} {said.detail}
          </p>
        ) : null}
        {disabled ? null : (
          <div className={styles.foot}>
            {provider ? null : (
              <Button variant="default" onClick={onClose}>
                {t("common.cancel")}
              </Button>
            )}
            <Button type="submit" loading={save.isPending}>
              {t("openid.save")}
            </Button>
          </div>
        )}
      </form>
      {provider && !disabled ? <ProviderActions provider={provider} security={security} /> : null}
      {save.dialog}
    </Card>
  );
}

function secretHint(provider: OpenIdProvider | undefined, settings: OpenIdProviders) {
  if (!settings.can_keep_secret) return "openid.no_key" as const;
  return provider?.has_secret ? ("openid.secret_kept" as const) : ("openid.secret_none" as const);
}
