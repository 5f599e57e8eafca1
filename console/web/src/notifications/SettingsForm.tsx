import {
  Button,
  Checkbox,
  NumberInput,
  PasswordInput,
  Select,
  Textarea,
  TextInput,
} from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type NotificationSettings, type Security, take } from "../api/client";
import { notify } from "../lib/notify";
import { Card } from "../parts/Card";
import styles from "./settings.module.css";
import { useSave } from "./useSave";

const SECURITIES = ["starttls", "implicit", "plain"] as const;
/** The usual port of each. */
const PORTS = { starttls: 587, implicit: 465, plain: 25 } as const;

interface SettingsFormProps {
  settings: NotificationSettings;
  security: Security;
}

/** The settings, each to be changed by who may. */
export function SettingsForm({ settings, security }: SettingsFormProps) {
  const { t } = useTranslation();
  const [mail, setMail] = useState(settings.mail);
  const [webhooks, setWebhooks] = useState(settings.webhooks);
  /** Empty: the one there is stays. */
  const [password, setPassword] = useState("");
  const [dropsPassword, setDropsPassword] = useState(false);
  const save = useSave(security, async () => {
    const kept = dropsPassword ? "" : password || undefined;
    const body = { mail, webhooks, ...(kept === undefined ? {} : { password: kept }) };
    await take(api.PUT("/api/v1/notification-settings", { body }));
    setPassword("");
    setDropsPassword(false);
    notify({ message: t("notifications.saved") });
  });
  const disabled = !settings.may_change;
  const errorOf = (field: string) =>
    save.failure?.field === field ? save.failure.message : undefined;
  const setPart = (changes: Partial<typeof mail>) => setMail((now) => ({ ...now, ...changes }));
  const text = (name: "host" | "user" | "from" | "from_name") => ({
    label: t(`notifications.${name}`),
    maxLength: 253,
    disabled,
    error: errorOf(name),
    value: mail[name],
    onChange: ({ currentTarget: { value } }: { currentTarget: { value: string } }) =>
      setPart({ [name]: value }),
  });
  const lines = (name: "hosts" | "networks") => ({
    label: t(`notifications.${name}`),
    description: t(`notifications.${name}_hint`),
    autosize: true,
    minRows: 2,
    disabled,
    classNames: { input: "mono" },
    error: errorOf(name),
    value: webhooks[name].join("\n"),
    onChange: ({ currentTarget: { value } }: { currentTarget: { value: string } }) =>
      setWebhooks((now) => ({ ...now, [name]: value.split("\n") })),
  });
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        save.run();
      }}
    >
      <Card title={t("notifications.mail")}>
        <div className={styles.fields}>
          <Checkbox
            label={t("notifications.mail_on")}
            disabled={disabled}
            checked={mail.is_on}
            onChange={(event) => setPart({ is_on: event.currentTarget.checked })}
          />
          <TextInput {...text("host")} classNames={{ input: "mono" }} />
          <div className={styles.pair}>
            <Select
              label={t("notifications.security")}
              data={SECURITIES.map((value) => ({
                value,
                label: t(`notifications.security_of.${value}`),
              }))}
              value={mail.security}
              allowDeselect={false}
              disabled={disabled}
              error={errorOf("security")}
              onChange={(value) => {
                const chosen = SECURITIES.find((each) => each === value) ?? "starttls";
                setPart({ security: chosen, port: PORTS[chosen] });
              }}
            />
            <NumberInput
              label={t("notifications.port")}
              min={1}
              max={65535}
              allowDecimal={false}
              hideControls
              disabled={disabled}
              error={errorOf("port")}
              value={mail.port}
              onChange={(value) => setPart({ port: Number(value) || 0 })}
            />
          </div>
          {mail.security === "plain" ? (
            <p className={styles.warn}>{t("notifications.plain_warning")}</p>
          ) : null}
          <TextInput {...text("user")} description={t("notifications.user_hint")} />
          <PasswordInput
            label={t("notifications.password")}
            description={t(passwordHint(settings))}
            autoComplete="new-password"
            disabled={disabled || dropsPassword || !settings.can_keep_password}
            error={errorOf("password")}
            value={password}
            visibilityToggleButtonProps={{ "aria-label": t("sign_in.show_password") }}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
          {settings.has_password ? (
            <Checkbox
              label={t("notifications.drop_password")}
              disabled={disabled}
              checked={dropsPassword}
              onChange={(event) => setDropsPassword(event.currentTarget.checked)}
            />
          ) : null}
          <TextInput {...text("from")} type="email" />
          <TextInput {...text("from_name")} />
        </div>
      </Card>
      <Card title={t("notifications.webhooks")}>
        <div className={styles.fields}>
          <p className="soft">{t("notifications.webhooks_hint")}</p>
          <Checkbox
            label={t("notifications.webhooks_on")}
            disabled={disabled}
            checked={webhooks.is_on}
            onChange={({ currentTarget: { checked } }) =>
              setWebhooks((now) => ({ ...now, is_on: checked }))
            }
          />
          <Textarea {...lines("hosts")} />
          <Textarea {...lines("networks")} />
          <Checkbox
            label={t("notifications.allows_http")}
            disabled={disabled}
            checked={webhooks.allows_http}
            onChange={({ currentTarget: { checked } }) =>
              setWebhooks((now) => ({ ...now, allows_http: checked }))
            }
          />
        </div>
      </Card>
      {settings.has_links ? null : <p className={styles.warn}>{t("notifications.no_links")}</p>}
      {disabled ? null : (
        <div className={styles.buttons}>
          <Button type="submit" loading={save.isPending}>
            {t("notifications.save")}
          </Button>
        </div>
      )}
      {save.dialog}
    </form>
  );
}

function passwordHint(settings: NotificationSettings) {
  if (!settings.can_keep_password) return "notifications.no_key" as const;
  return settings.has_password
    ? ("notifications.password_kept" as const)
    : ("notifications.password_none" as const);
}
