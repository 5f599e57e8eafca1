import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Security, take } from "../api/client";
import { securityQuery } from "../api/queries";
import { Card } from "../parts/Card";
import { Dialog } from "../parts/Dialog";
import { Timestamp } from "../parts/Timestamp";
import styles from "./account.module.css";
import { EnrolDialog } from "./EnrolDialog";
import { RecoveryCodes } from "./RecoveryCodes";
import { useStepUp } from "./useStepUp";

/** From here on new recovery codes are worth asking for. */
const FEW_CODES = 3;

/** The app for one-time codes, and the recovery codes. */
export function AppCard({ security }: { security: Security }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const has = Boolean(security.totp_since);
  const stepUp = useStepUp(security);
  const [removing, setRemoving] = useState(false);
  const changed = () => client.invalidateQueries({ queryKey: securityQuery.queryKey });

  const offer = useMutation({
    mutationFn: () => take(api.POST("/api/v1/account/totp")),
    onError: (error) => stepUp.onError(error, () => offer.mutate()),
  });
  const renew = useMutation({
    mutationFn: () => take(api.POST("/api/v1/account/recovery-codes")),
    onSuccess: changed,
    onError: (error) => stepUp.onError(error, () => renew.mutate()),
  });
  const remove = useMutation({
    mutationFn: () => take(api.DELETE("/api/v1/account/totp")),
    onSuccess: changed,
    onError: (error) => stepUp.onError(error, () => remove.mutate()),
  });

  return (
    <Card title={t("factor.title")}>
      <div className={styles.body}>
        {has ? (
          <>
            <p>
              {t("factor.app_since")} <Timestamp at={security.totp_since ?? ""} />
            </p>
            <p className={security.recovery_codes_left < FEW_CODES ? styles.warn : undefined}>
              {t("factor.recovery_left", { count: security.recovery_codes_left })}
            </p>
            <div className={styles.row}>
              <Button variant="default" loading={renew.isPending} onClick={() => renew.mutate()}>
                {t("factor.renew")}
              </Button>
              <Button variant="default" onClick={() => setRemoving(true)}>
                {t("factor.remove_app")}
              </Button>
            </div>
          </>
        ) : (
          <>
            <p>{t("factor.intro")}</p>
            {security.can_have_factors ? (
              <div className={styles.row}>
                <Button loading={offer.isPending} onClick={() => offer.mutate()}>
                  {t("factor.add_app")}
                </Button>
              </div>
            ) : (
              <p className={styles.warn}>{t("factor.no_key")}</p>
            )}
          </>
        )}
      </div>
      <EnrolDialog offer={offer.data ?? null} onClose={() => offer.reset()} />
      <Dialog
        opened={renew.data !== undefined}
        onClose={() => renew.reset()}
        title={t("factor.recovery_codes")}
        size={560}
        closeOnClickOutside={false}
        closeOnEscape={false}
        withCloseButton={false}
      >
        <RecoveryCodes codes={renew.data?.codes ?? []} onDone={() => renew.reset()} />
      </Dialog>
      <Dialog
        opened={removing}
        onClose={() => setRemoving(false)}
        title={t("factor.remove_app")}
        size={420}
      >
        <div className={styles.form}>
          <p>{t("factor.remove_why_not")}</p>
          <div className={styles.foot}>
            <Button variant="default" onClick={() => setRemoving(false)}>
              {t("common.cancel")}
            </Button>
            <Button
              color="red.9"
              onClick={() => {
                setRemoving(false);
                remove.mutate();
              }}
            >
              {t("factor.remove_app")}
            </Button>
          </div>
        </div>
      </Dialog>
      {stepUp.dialog}
    </Card>
  );
}
