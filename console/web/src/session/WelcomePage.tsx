import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiFailure, api, take } from "../api/client";
import { openidProvidersQuery } from "../api/queries";
import { nameOf } from "../lib/organisation";
import { ProviderButtons } from "../openid/ProviderButtons";
import { useProvider } from "../openid/useProvider";
import { ErrorPanel } from "../parts/ErrorPanel";
import { Timestamp } from "../parts/Timestamp";
import { Gate } from "./Gate";
import { PASSWORD_LENGTH_MIN } from "./password";
import { StrengthHint } from "./StrengthHint";
import styles from "./session.module.css";

/** Chooses a password with a link, whose secret is in the address's fragment: browsers send that to nobody. */
export function WelcomePage() {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const [secret] = useState(() => location.hash.slice(1));
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  useEffect(() => {
    void navigate({ to: "/welcome", hash: "", replace: true });
  }, [navigate]);

  const link = useQuery({
    queryKey: ["welcome"],
    queryFn: () => take(api.POST("/api/v1/welcome", { body: { secret } })),
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  });
  const choose = useMutation({
    mutationFn: () =>
      take(api.POST("/api/v1/welcome/password", { body: { secret, password, code } })),
  });

  const providers = useQuery(openidProvidersQuery).data ?? [];
  const going = useProvider((provider) =>
    take(api.POST("/api/v1/openid/welcome", { body: { provider, secret, code } })),
  );

  if (choose.data) {
    return (
      <Gate title={t("welcome.done")}>
        <p className="soft">{t("welcome.done_hint", { user: choose.data.user_name })}</p>
        <Button component={Link} to="/sign-in" size="sm">
          {t("welcome.to_sign_in")}
        </Button>
      </Gate>
    );
  }
  const isOver = [link.error, choose.error, going.error].some(
    (error) => error instanceof ApiFailure && error.status === 404,
  );
  if (isOver) {
    return (
      <Gate title={t("welcome.over")}>
        <p role="alert">{t("welcome.over_hint")}</p>
      </Gate>
    );
  }
  if (!link.data) {
    return (
      <Gate title={t("welcome.title")}>
        {link.error ? (
          <ErrorPanel
            what={t("error.what.welcome")}
            error={link.error}
            onRetry={() => void link.refetch()}
          />
        ) : (
          <p className="soft">{t("common.loading")}</p>
        )}
      </Gate>
    );
  }
  const account = link.data;
  const refused = choose.error ?? going.error;
  const failure = refused instanceof ApiFailure ? refused : null;
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    choose.mutate();
  };
  return (
    <Gate title={t(account.is_first ? "welcome.title" : "welcome.title_again")}>
      <p>
        {t("welcome.whose", {
          name: account.display_name,
          user: account.user_name,
          organisation: nameOf(account.organisation, i18n.language),
        })}
      </p>
      {account.drops_factors ? <p className="soft">{t("welcome.drops_factors")}</p> : null}
      <p className="soft">
        {t("welcome.expires")} <Timestamp at={account.expires_at} second />
      </p>
      <form onSubmit={submit} className={styles.fields}>
        {/* Password managers want to know whose it is. */}
        <input type="hidden" autoComplete="username" value={account.user_name} readOnly />
        <div>
          <PasswordInput
            size="sm"
            label={t("password.new")}
            autoComplete="new-password"
            autoFocus
            required
            withAsterisk={false}
            minLength={PASSWORD_LENGTH_MIN}
            value={password}
            error={failure?.field === "password" ? failure.message : undefined}
            onChange={(event) => setPassword(event.currentTarget.value)}
            visibilityToggleButtonProps={{ "aria-label": t("sign_in.show_password") }}
          />
          <StrengthHint password={password} names={[account.user_name, account.display_name]} />
        </div>
        {account.takes_two ? (
          <TextInput
            size="sm"
            label={t("welcome.code")}
            description={t("welcome.code_hint")}
            autoComplete="off"
            spellCheck={false}
            required
            withAsterisk={false}
            value={code}
            error={failure?.field === "code" ? t("welcome.code_wrong") : undefined}
            onChange={(event) => setCode(event.currentTarget.value)}
          />
        ) : null}
        {choose.error && failure?.field !== "password" && failure?.field !== "code" ? (
          <ErrorPanel what={t("error.what.change")} error={choose.error} />
        ) : null}
        <Button type="submit" size="sm" loading={choose.isPending}>
          {t("welcome.submit")}
        </Button>
        {providers.length > 0 ? <p className="soft">{t("openid.instead")}</p> : null}
        <ProviderButtons providers={providers} label={(name) => name} going={going} />
      </form>
    </Gate>
  );
}
