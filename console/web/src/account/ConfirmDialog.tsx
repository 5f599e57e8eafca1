import { Button, PasswordInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { TFunction } from "i18next";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiFailure, api, type Security, take } from "../api/client";
import { securityQuery } from "../api/queries";
import { failureText } from "../lib/failure";
import { ProviderButtons } from "../openid/ProviderButtons";
import { useProvider } from "../openid/useProvider";
import { Dialog } from "../parts/Dialog";
import styles from "./account.module.css";
import { CodeInput } from "./CodeInput";
import { PasskeyButton } from "./PasskeyButton";
import { usePasskeyConfirm } from "./usePasskey";

interface ConfirmDialogProps {
  opened: boolean;
  security: Security;
  onClose: () => void;
  onConfirmed: () => void;
}

/** Asks once more who sits there: for a code or, without a second factor, for the password or a provider's word. */
export function ConfirmDialog({ opened, security, onClose, onConfirmed }: ConfirmDialogProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const hasFactor = Boolean(security.totp_since) || security.passkeys > 0;
  const [text, setText] = useState("");
  const done = () => {
    setText("");
    void client.invalidateQueries({ queryKey: securityQuery.queryKey });
    onConfirmed();
  };
  const passkey = usePasskeyConfirm(done);
  const going = useProvider((provider) => {
    const { pathname, search } = window.location;
    const body = { provider, return: pathname + search };
    return take(api.POST("/api/v1/openid/confirm", { body }));
  });
  // What a provider says is no second factor.
  const providers = hasFactor ? [] : security.providers;
  const asksText = hasFactor || security.has_password;
  const confirm = useMutation({
    mutationFn: () =>
      take(
        api.POST("/api/v1/session/confirm", {
          body: hasFactor ? { code: text } : { password: text },
        }),
      ),
    onSuccess: done,
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    confirm.mutate();
  };
  const close = () => {
    setText("");
    confirm.reset();
    onClose();
  };
  return (
    <Dialog opened={opened} onClose={close} title={t("account.confirm_title")} size={420}>
      <form onSubmit={submit} className={styles.form}>
        <p>{t("account.confirm_why")}</p>
        {security.passkeys > 0 ? <PasskeyButton label={t("passkey.use")} asking={passkey} /> : null}
        {hasFactor ? (
          <CodeInput value={text} onChange={setText} error={problem(confirm.error, t)} />
        ) : null}
        {!hasFactor && security.has_password ? (
          <PasswordInput
            size="sm"
            label={t("sign_in.password")}
            autoComplete="current-password"
            data-autofocus
            required
            withAsterisk={false}
            value={text}
            error={problem(confirm.error, t)}
            onChange={(event) => setText(event.currentTarget.value)}
            visibilityToggleButtonProps={{ "aria-label": t("sign_in.show_password") }}
          />
        ) : null}
        {providers.length > 0 ? <p className="soft">{t("openid.confirm_then")}</p> : null}
        <ProviderButtons
          providers={providers}
          label={(name) => t("openid.confirm_at", { name })}
          going={going}
        />
        <div className={styles.foot}>
          <Button variant="default" onClick={close}>
            {t("common.cancel")}
          </Button>
          {asksText ? (
            <Button type="submit" loading={confirm.isPending}>
              {t("account.confirm")}
            </Button>
          ) : null}
        </div>
      </form>
    </Dialog>
  );
}

/** What is wrong with what was typed, in the user's language. */
export function problem(error: unknown, t: TFunction) {
  if (!error) return undefined;
  if (error instanceof ApiFailure && error.code === "wrong_code") return t("factor.wrong_code");
  if (error instanceof ApiFailure && error.code === "wrong_password") {
    return t("account.wrong_password");
  }
  return failureText(error, t).hint;
}
