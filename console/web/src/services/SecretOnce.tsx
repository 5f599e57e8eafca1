import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import { CopyField } from "../parts/CopyField";
import { Dialog } from "../parts/Dialog";

/** Where the example keeps the token. */
const HEADER_FILE = "vonggac-token.txt";

interface SecretOnceProps {
  secret: string | null;
  onClose: () => void;
}

/** A token that is shown this once, and how a program uses it. */
export function SecretOnce({ secret, onClose }: SecretOnceProps) {
  const { t } = useTranslation();
  const header = secret ? `Authorization: Bearer ${secret}` : "";
  const example = `curl --header @${HEADER_FILE} ${location.origin}/api/v1/session`;
  return (
    <Dialog opened={secret !== null} onClose={onClose} title={t("services.secret_title")} size="lg">
      <div className={layout.form}>
        <p>{t("services.secret_hint")}</p>
        <CopyField label={t("services.token")} value={secret ?? ""} />
        <CopyField label={t("services.secret_header", { file: HEADER_FILE })} value={header} />
        <CopyField label={t("services.secret_try")} value={example} />
        <Button onClick={onClose}>{t("services.secret_kept")}</Button>
      </div>
    </Dialog>
  );
}
