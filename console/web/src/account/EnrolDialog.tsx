import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type TotpOffer, take } from "../api/client";
import { securityQuery } from "../api/queries";
import { CopyValue } from "../parts/CopyValue";
import { Dialog } from "../parts/Dialog";
import styles from "./account.module.css";
import { CodeInput } from "./CodeInput";
import { problem } from "./ConfirmDialog";
import { RecoveryCodes } from "./RecoveryCodes";

interface EnrolDialogProps {
  offer: TotpOffer | null;
  onClose: () => void;
}

/** Shows an app its secret, takes its first code, and shows the recovery codes. */
export function EnrolDialog({ offer, onClose }: EnrolDialogProps) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [code, setCode] = useState("");
  const confirm = useMutation({
    mutationFn: () => take(api.POST("/api/v1/account/totp/confirm", { body: { code } })),
    onSuccess: () => void client.invalidateQueries({ queryKey: securityQuery.queryKey }),
  });
  const close = () => {
    setCode("");
    confirm.reset();
    onClose();
  };
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    confirm.mutate();
  };
  const codes = confirm.data?.codes;
  return (
    <Dialog
      opened={offer !== null}
      onClose={close}
      title={codes ? t("factor.recovery_codes") : t("factor.add_app")}
      size={560}
      // The codes are shown once: no slip of the mouse may end that.
      closeOnClickOutside={false}
      closeOnEscape={!codes}
      withCloseButton={!codes}
    >
      {codes ? (
        <RecoveryCodes codes={codes} onDone={close} />
      ) : (
        <form onSubmit={submit} className={styles.form}>
          <p>{t("factor.scan")}</p>
          {offer ? (
            <div className={styles.offer}>
              <img
                src={`data:image/svg+xml,${encodeURIComponent(offer.qr_svg)}`}
                alt={t("factor.qr")}
                width={200}
                height={200}
              />
              <div>
                <p className="soft">{t("factor.or_type")}</p>
                <p className={`mono ${styles.secret}`}>
                  {offer.secret.replace(/(.{4})(?=.)/g, "$1 ")} <CopyValue value={offer.secret} />
                </p>
              </div>
            </div>
          ) : null}
          <CodeInput
            value={code}
            onChange={setCode}
            takesRecovery={false}
            error={problem(confirm.error, t)}
          />
          <div className={styles.foot}>
            <Button variant="default" onClick={close}>
              {t("common.cancel")}
            </Button>
            <Button type="submit" loading={confirm.isPending}>
              {t("factor.finish")}
            </Button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
