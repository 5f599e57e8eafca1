import { Button, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import type { WelcomeLink } from "../api/client";
import { CopyValue } from "../parts/CopyValue";
import { Dialog } from "../parts/Dialog";
import { Timestamp } from "../parts/Timestamp";

interface LinkOnceProps {
  link: WelcomeLink | null;
  name: string;
  onClose: () => void;
}

/** A link that is shown this once, to be given to whom it is for. */
export function LinkOnce({ link, name, onClose }: LinkOnceProps) {
  const { t } = useTranslation();
  const address = link ? `${location.origin}${link.path}` : "";
  return (
    <Dialog opened={link !== null} onClose={onClose} title={t("people.link_title", { name })}>
      {link ? (
        <div className={layout.form}>
          <p>{t("people.link_hint")}</p>
          {link.takes_two ? <p>{t("people.link_takes_two")}</p> : null}
          <TextInput
            size="xs"
            readOnly
            label={t("people.link")}
            value={address}
            onFocus={(event) => event.currentTarget.select()}
            rightSection={<CopyValue value={address} />}
          />
          <p>
            {t("welcome.expires")} <Timestamp at={link.expires_at} second />
          </p>
          <Button onClick={onClose}>{t("people.link_given")}</Button>
        </div>
      ) : null}
    </Dialog>
  );
}
