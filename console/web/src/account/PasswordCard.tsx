import { Button, PasswordInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Account, ApiFailure, api, take } from "../api/client";
import { failureText } from "../lib/failure";
import { notify } from "../lib/notify";
import { Card } from "../parts/Card";
import { PASSWORD_LENGTH_MIN } from "../session/password";
import { StrengthHint } from "../session/StrengthHint";
import styles from "./account.module.css";

const EMPTY = { old_password: "", password: "" };

/** Changes one's own password. */
export function PasswordCard({ account }: { account: Account }) {
  const { t } = useTranslation();
  const [form, setForm] = useState(EMPTY);
  const change = useMutation({
    mutationFn: () => take(api.POST("/api/v1/account/password", { body: form })),
    onSuccess: () => {
      setForm(EMPTY);
      notify({ title: t("password.changed"), message: t("password.others_ended") });
    },
  });
  const failure = change.error instanceof ApiFailure ? change.error : null;
  const errorOf = (name: keyof typeof EMPTY) => {
    if (failure?.field !== name) return undefined;
    return name === "password" ? failure.message : t("account.wrong_password");
  };
  const field = (name: keyof typeof EMPTY) => ({
    name,
    size: "sm" as const,
    required: true,
    withAsterisk: false,
    value: form[name],
    error: errorOf(name),
    visibilityToggleButtonProps: { "aria-label": t("sign_in.show_password") },
    onChange: (event: { currentTarget: { value: string } }) => {
      const { value } = event.currentTarget;
      setForm((now) => ({ ...now, [name]: value }));
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    change.mutate();
  };
  return (
    <Card title={t("sign_in.password")}>
      <form onSubmit={submit} className={`${styles.body} ${styles.narrow}`}>
        {/* Password managers want to know whose it is. */}
        <input type="hidden" autoComplete="username" value={account.user_name} readOnly />
        <PasswordInput
          {...field("old_password")}
          label={t("password.old")}
          autoComplete="current-password"
        />
        <div>
          <PasswordInput
            {...field("password")}
            label={t("password.new")}
            autoComplete="new-password"
            minLength={PASSWORD_LENGTH_MIN}
          />
          <StrengthHint
            password={form.password}
            names={[account.user_name, account.display_name]}
          />
        </div>
        {failure && !failure.field ? (
          <p role="alert" className={styles.bad}>
            {failureText(failure, t).hint}
          </p>
        ) : null}
        <div className={styles.row}>
          <Button type="submit" loading={change.isPending}>
            {t("password.change")}
          </Button>
        </div>
      </form>
    </Card>
  );
}
