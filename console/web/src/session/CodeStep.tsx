import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { CodeInput } from "../account/CodeInput";
import { problem } from "../account/ConfirmDialog";
import { PasskeyButton } from "../account/PasskeyButton";
import type { usePasskeySignIn } from "../account/usePasskey";
import { type Account, ApiFailure, api, type SecondStep, take } from "../api/client";
import { Gate } from "./Gate";
import styles from "./session.module.css";

interface CodeStepProps {
  owed: SecondStep;
  passkey: ReturnType<typeof usePasskeySignIn>;
  onEnter: (account: Account) => void;
  onRestart: () => void;
}

/** The second step of signing in: a code of the app, or a recovery code. */
export function CodeStep({ owed, passkey, onEnter, onRestart }: CodeStepProps) {
  const { t } = useTranslation();
  const [code, setCode] = useState("");
  const finish = useMutation({
    mutationFn: () => take(api.POST("/api/v1/session/factor", { body: { code } })),
    onSuccess: onEnter,
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    finish.mutate();
  };
  const isOver = finish.error instanceof ApiFailure && finish.error.status === 401;
  return (
    <Gate title={t("factor.step")}>
      <form onSubmit={submit} className={styles.fields}>
        <CodeInput
          value={code}
          onChange={setCode}
          error={isOver ? undefined : problem(finish.error, t)}
        />
        {isOver ? (
          <p role="alert" className={styles.refused}>
            {t("factor.step_over")}
          </p>
        ) : null}
        <Button type="submit" size="sm" loading={finish.isPending} disabled={isOver}>
          {t("sign_in.submit")}
        </Button>
        {owed.has_passkey ? <PasskeyButton label={t("passkey.use")} asking={passkey} /> : null}
        <Button variant="subtle" size="sm" onClick={onRestart}>
          {t("factor.restart")}
        </Button>
      </form>
    </Gate>
  );
}
