import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useRouter } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { PasskeyButton } from "../account/PasskeyButton";
import { usePasskeySignIn } from "../account/usePasskey";
import { type Account, ApiFailure, api, type SecondStep, take } from "../api/client";
import { openidProvidersQuery, sessionQuery } from "../api/queries";
import { HOME, safeReturn } from "../lib/search-params";
import { ProviderButtons } from "../openid/ProviderButtons";
import { providerProblem } from "../openid/problem";
import { useProvider } from "../openid/useProvider";
import { ErrorPanel } from "../parts/ErrorPanel";
import { CodeStep } from "./CodeStep";
import { Gate } from "./Gate";
import styles from "./session.module.css";

const route = getRouteApi("/sign-in");

export function SignInPage() {
  const { t } = useTranslation();
  const search = route.useSearch();
  const router = useRouter();
  const client = useQueryClient();
  // A provider has vouched for whoever comes here, and a second factor is owed.
  const halfway = search.step === "factor";
  const [owed, setOwed] = useState<SecondStep | null>(
    halfway ? { code_needed: true, has_passkey: search.passkey === "1" } : null,
  );
  const enter = (account: Account) => {
    client.clear();
    client.setQueryData(sessionQuery.queryKey, account);
    router.history.push(safeReturn(search.return));
  };
  const signIn = useMutation({
    mutationFn: (body: { user_name: string; password: string }) =>
      take(api.POST("/api/v1/session", { body })),
    onSuccess: (answer) => {
      if ("code_needed" in answer) setOwed(answer);
      else enter(answer);
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    signIn.mutate({
      user_name: String(form.get("user_name")).trim(),
      password: String(form.get("password")),
    });
  };
  const refused = signIn.error instanceof ApiFailure && signIn.error.status === 401;
  const wasElsewhere = search.return !== undefined && search.return !== HOME;

  const passkey = usePasskeySignIn(enter);
  const providers = useQuery(openidProvidersQuery).data ?? [];
  const going = useProvider((provider) =>
    take(api.POST("/api/v1/openid/sign-in", { body: { provider, return: search.return ?? HOME } })),
  );
  const named = providers.find((each) => each.id === search.provider)?.name;
  if (owed) {
    const restart = () => {
      setOwed(null);
      signIn.reset();
    };
    return <CodeStep owed={owed} passkey={passkey} onRestart={restart} onEnter={enter} />;
  }
  return (
    <Gate title={t("sign_in.title")}>
      {search.problem ? (
        <p role="alert" className={styles.refused}>
          {providerProblem(search.problem, named, t)}
        </p>
      ) : null}
      {wasElsewhere && !signIn.error && !search.problem ? (
        <p className="soft">{t("sign_in.expired")}</p>
      ) : null}
      <form onSubmit={submit} className={styles.fields}>
        <TextInput
          name="user_name"
          size="sm"
          label={t("sign_in.user_name")}
          autoComplete="username"
          autoFocus
          required
          withAsterisk={false}
          maxLength={200}
        />
        <PasswordInput
          name="password"
          size="sm"
          label={t("sign_in.password")}
          autoComplete="current-password"
          required
          withAsterisk={false}
          maxLength={1000}
          visibilityToggleButtonProps={{ "aria-label": t("sign_in.show_password") }}
        />
        {refused ? (
          <p role="alert" className={styles.refused}>
            {t("sign_in.wrong")}
          </p>
        ) : null}
        {signIn.error && !refused ? (
          <ErrorPanel what={t("error.what.sign_in")} error={signIn.error} />
        ) : null}
        <Button type="submit" size="sm" loading={signIn.isPending}>
          {t("sign_in.submit")}
        </Button>
        <PasskeyButton label={t("passkey.sign_in")} asking={passkey} />
        <ProviderButtons
          providers={providers}
          label={(name) => t("openid.sign_in", { name })}
          going={going}
        />
      </form>
    </Gate>
  );
}
