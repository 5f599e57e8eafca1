import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiFailure, api, take } from "../api/client";
import { sessionQuery, setupQuery } from "../api/queries";
import { HOME } from "../lib/search-params";
import { ErrorPanel } from "../parts/ErrorPanel";
import { Gate } from "./Gate";
import { PASSWORD_LENGTH_MIN } from "./password";
import { StrengthHint } from "./StrengthHint";
import styles from "./session.module.css";

const route = getRouteApi("/setup");
const EMPTY = { code: "", display_name: "", user_name: "", password: "" };

export function SetupPage() {
  const { t, i18n } = useTranslation();
  const { code } = route.useSearch();
  const navigate = useNavigate();
  const client = useQueryClient();
  const state = useQuery(setupQuery);
  const [form, setForm] = useState({ ...EMPTY, code: code ?? "" });

  const create = useMutation({
    mutationFn: async () => {
      const user_name = form.user_name.trim();
      const password = form.password;
      const made = await take(
        api.POST("/api/v1/setup", {
          body: {
            code: form.code.trim(),
            display_name: form.display_name.trim(),
            user_name,
            password,
          },
        }),
      );
      // Whether the server also signed the new account in is its own choice.
      try {
        await take(api.GET("/api/v1/session"));
      } catch (error) {
        if (!(error instanceof ApiFailure) || error.status !== 401) throw error;
        await take(api.POST("/api/v1/session", { body: { user_name: made.user_name, password } }));
      }
      // The account speaks the language it was made in.
      return take(api.PATCH("/api/v1/account", { body: { language: i18n.language } }));
    },
    onSuccess: (account) => {
      client.setQueryData(setupQuery.queryKey, { needed: false });
      client.setQueryData(sessionQuery.queryKey, account);
      void navigate({ to: HOME, replace: true });
    },
  });

  const done = state.data?.needed === false && !create.isPending && !create.isSuccess;
  useEffect(() => {
    if (done) void navigate({ to: "/sign-in", replace: true });
  }, [done, navigate]);

  const failure = create.error instanceof ApiFailure ? create.error : null;
  const fieldError = (name: string, message: string) =>
    name === "code" ? t("setup.code_wrong") : message;
  const field = (name: keyof typeof EMPTY) => ({
    name,
    size: "sm" as const,
    value: form[name],
    required: true,
    withAsterisk: false,
    error: failure?.field === name ? fieldError(name, failure.message) : undefined,
    onChange: (event: { currentTarget: { value: string } }) => {
      const { value } = event.currentTarget;
      setForm((now) => ({ ...now, [name]: value }));
    },
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    create.mutate();
  };

  return (
    <Gate title={t("setup.title")}>
      <p className="soft">{t("setup.intro")}</p>
      <form onSubmit={submit} className={styles.fields}>
        <TextInput
          {...field("code")}
          label={t("setup.code")}
          autoComplete="one-time-code"
          autoFocus
          spellCheck={false}
          classNames={{ input: "mono" }}
        />
        <TextInput {...field("display_name")} label={t("setup.display_name")} autoComplete="name" />
        <TextInput
          {...field("user_name")}
          label={t("setup.user_name")}
          autoComplete="username"
          spellCheck={false}
        />
        <div>
          <PasswordInput
            {...field("password")}
            label={t("setup.password")}
            autoComplete="new-password"
            minLength={PASSWORD_LENGTH_MIN}
            visibilityToggleButtonProps={{ "aria-label": t("sign_in.show_password") }}
          />
          <StrengthHint password={form.password} names={[form.user_name, form.display_name]} />
        </div>
        {failure?.status === 403 && !failure.field ? (
          <p role="alert" className={styles.refused}>
            {t("setup.code_wrong")}
          </p>
        ) : null}
        {create.error && failure?.status !== 403 && !failure?.field ? (
          <ErrorPanel what={t("error.what.setup")} error={create.error} />
        ) : null}
        <Button type="submit" size="sm" loading={create.isPending}>
          {t("setup.submit")}
        </Button>
      </form>
    </Gate>
  );
}
