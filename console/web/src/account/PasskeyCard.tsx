import { Button, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Passkey, type Security, take } from "../api/client";
import { passkeysQuery, securityQuery, sessionQuery } from "../api/queries";
import { canHavePasskeys, createPasskey, isKnown, isRefusal } from "../lib/passkey";
import { Card } from "../parts/Card";
import { Dialog } from "../parts/Dialog";
import { ErrorPanel } from "../parts/ErrorPanel";
import { Timestamp } from "../parts/Timestamp";
import styles from "./account.module.css";
import { RecoveryCodes } from "./RecoveryCodes";
import { useStepUp } from "./useStepUp";

const NAME_LENGTH_MAX = 64;

/** The account's passkeys. */
export function PasskeyCard({ security }: { security: Security }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const passkeys = useQuery(passkeysQuery);
  const stepUp = useStepUp(security);
  const [name, setName] = useState("");
  const [problem, setProblem] = useState<string>();
  const changed = () => {
    void client.invalidateQueries({ queryKey: securityQuery.queryKey });
    void client.invalidateQueries({ queryKey: passkeysQuery.queryKey });
    void client.invalidateQueries({ queryKey: sessionQuery.queryKey });
  };
  const add = useMutation({
    mutationFn: async () => {
      const offer = await take(api.POST("/api/v1/account/passkeys/offer"));
      const made = await createPasskey(offer);
      return take(api.POST("/api/v1/account/passkeys", { body: { name, ...made } }));
    },
    onMutate: () => setProblem(undefined),
    onSuccess: () => {
      setName("");
      changed();
    },
    onError: (error) => {
      if (isRefusal(error)) setProblem(t("passkey.not_given"));
      else if (isKnown(error)) setProblem(t("passkey.known"));
      else stepUp.onError(error, () => add.mutate());
    },
  });
  const remove = useMutation({
    mutationFn: (id: string) =>
      take(api.DELETE("/api/v1/account/passkeys/{id}", { params: { path: { id } } })),
    onSuccess: changed,
    onError: (error, id) => stepUp.onError(error, () => remove.mutate(id)),
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    add.mutate();
  };
  const codes = add.data?.codes;

  return (
    <Card title={t("passkey.title")}>
      <div className={styles.body}>
        <p>{t("passkey.intro")}</p>
        {passkeys.error ? (
          <ErrorPanel what={t("error.what.security")} error={passkeys.error} />
        ) : null}
        {passkeys.data?.length ? (
          <PasskeyList passkeys={passkeys.data} onRemove={(id) => remove.mutate(id)} />
        ) : null}
        {!security.can_have_factors ? <p className={styles.warn}>{t("factor.no_key")}</p> : null}
        {!canHavePasskeys() ? <p className={styles.warn}>{t("passkey.impossible")}</p> : null}
        {security.can_have_factors && canHavePasskeys() ? (
          <form onSubmit={submit} className={styles.row}>
            <TextInput
              name="passkey_name"
              aria-label={t("passkey.name")}
              placeholder={t("passkey.name_example")}
              required
              maxLength={NAME_LENGTH_MAX}
              value={name}
              error={problem}
              onChange={(event) => setName(event.currentTarget.value)}
            />
            <Button type="submit" loading={add.isPending}>
              {t("passkey.add")}
            </Button>
          </form>
        ) : null}
      </div>
      <Dialog
        opened={Boolean(codes)}
        onClose={() => add.reset()}
        title={t("factor.recovery_codes")}
        size={560}
        closeOnClickOutside={false}
        closeOnEscape={false}
        withCloseButton={false}
      >
        <RecoveryCodes codes={codes ?? []} onDone={() => add.reset()} />
      </Dialog>
      {stepUp.dialog}
    </Card>
  );
}

interface PasskeyListProps {
  passkeys: readonly Passkey[];
  onRemove: (id: string) => void;
}

function PasskeyList({ passkeys, onRemove }: PasskeyListProps) {
  const { t } = useTranslation();
  return (
    <ul className={styles.passkeys} aria-label={t("passkey.title")}>
      {passkeys.map((passkey) => (
        <li key={passkey.id}>
          <span>
            <strong>{passkey.name}</strong>
            <span className="soft">
              {passkey.is_synchronised ? t("passkey.synchronised") : t("passkey.bound")} ·{" "}
              {t("passkey.added")} <Timestamp at={passkey.created_at} />
              {passkey.last_used_at ? (
                <>
                  {" "}
                  · {t("passkey.last_used")} <Timestamp at={passkey.last_used_at} />
                </>
              ) : null}
            </span>
          </span>
          <Button
            size="compact-xs"
            variant="default"
            aria-label={t("passkey.remove_named", { name: passkey.name })}
            onClick={() => onRemove(passkey.id)}
          >
            {t("passkey.remove")}
          </Button>
        </li>
      ))}
    </ul>
  );
}
