import { Button, PasswordInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { problem } from "../account/ConfirmDialog";
import { PasskeyButton } from "../account/PasskeyButton";
import { usePasskeyUnlock } from "../account/usePasskey";
import { api, type SessionLock, take } from "../api/client";
import { ProviderButtons } from "../openid/ProviderButtons";
import { providerProblem } from "../openid/problem";
import { useProvider } from "../openid/useProvider";
import styles from "../session/session.module.css";
import { publicPath } from "./lock";

interface UnlockFormProps {
  lock: SessionLock;
  /** What the address tells of a way to a provider that has just ended. */
  outcome: { problem?: string; provider?: string };
  /** Where one was. */
  back: string;
  onUnlocked: () => void;
}

/** The ways to unlock that the account has: its password, a passkey, providers. */
export function UnlockForm({ lock, outcome, back, onUnlocked }: UnlockFormProps) {
  const { t } = useTranslation();
  const [password, setPassword] = useState("");
  const field = useRef<HTMLInputElement>(null);
  const unlock = useMutation({
    mutationFn: () => take(api.POST("/api/v1/session/unlock", { body: { password } })),
    onSuccess: onUnlocked,
    onError: () => {
      setPassword("");
      field.current?.focus();
    },
  });
  const passkey = usePasskeyUnlock(onUnlocked);
  const going = useProvider((provider) =>
    take(api.POST("/api/v1/openid/unlock", { body: { provider, return: publicPath(back) } })),
  );
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    unlock.mutate();
  };
  const named = lock.providers.find((each) => each.id === outcome.provider)?.name;
  return (
    <form onSubmit={submit} className={styles.fields}>
      {outcome.problem ? (
        <p role="alert" className={styles.refused}>
          {providerProblem(outcome.problem, named, t)}
        </p>
      ) : null}
      {/* Password managers want to know whose it is. */}
      <input type="hidden" autoComplete="username" value={lock.user_name} readOnly />
      {lock.has_password ? (
        <>
          <PasswordInput
            ref={field}
            name="password"
            size="sm"
            label={t("sign_in.password")}
            description={t("lock.tries")}
            autoComplete="current-password"
            autoFocus
            required
            withAsterisk={false}
            maxLength={1000}
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            visibilityToggleButtonProps={{ "aria-label": t("sign_in.show_password") }}
          />
          {unlock.error ? (
            <p role="alert" className={styles.refused}>
              {problem(unlock.error, t)}
            </p>
          ) : null}
          <Button type="submit" size="sm" loading={unlock.isPending}>
            {t("lock.unlock")}
          </Button>
        </>
      ) : null}
      {lock.has_passkey ? (
        <PasskeyButton label={t("lock.unlock_passkey")} asking={passkey} />
      ) : null}
      <ProviderButtons
        providers={lock.providers}
        label={(name) => t("lock.unlock_at", { name })}
        going={going}
      />
    </form>
  );
}
