import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import type { EnrolmentToken } from "../api/client";
import { CopyField } from "../parts/CopyField";
import { Dialog } from "../parts/Dialog";
import { Timestamp } from "../parts/Timestamp";
import styles from "./sensors.module.css";

/** Where the commands put what they need, on the sensor's machine. */
const TOKEN_FILE = "sensor-token.txt";
const CREDENTIAL_FILE = "/etc/vonggac/credential.json";

interface TokenOnceProps {
  token: EnrolmentToken | null;
  name: string;
  /** Whether the sensor has a credential that this one follows. */
  isRenewal: boolean;
  onClose: () => void;
}

/** A token that is shown this once, and what to do with it on the sensor's machine. */
export function TokenOnce({ token, name, isRenewal, onClose }: TokenOnceProps) {
  const { t } = useTranslation();
  const replace = isRenewal ? " --replace" : "";
  const enrol = `vonggac sensor enrol --console ${location.origin} --token-file ${TOKEN_FILE} --credential ${CREDENTIAL_FILE}${replace}`;
  const run = `vonggac sensor --credential ${CREDENTIAL_FILE}`;
  return (
    <Dialog
      opened={token !== null}
      onClose={onClose}
      title={t("sensors.token_title", { name })}
      size="xl"
    >
      {token ? (
        <div className={layout.form}>
          <p>{t("sensors.token_hint")}</p>
          <ol className={styles.steps}>
            <li>
              <CopyField
                label={t("sensors.token_save", { file: TOKEN_FILE })}
                value={token.token}
              />
            </li>
            <li>
              <CopyField label={t("sensors.token_enrol")} value={enrol} />
            </li>
            <li>
              <CopyField
                label={t(isRenewal ? "sensors.token_reread" : "sensors.token_run")}
                value={run}
              />
            </li>
          </ol>
          <p>
            {t("sensors.token_expires")} <Timestamp at={token.expires_at} second />
          </p>
          <Button onClick={onClose}>{t("sensors.token_copied")}</Button>
        </div>
      ) : null}
    </Dialog>
  );
}
