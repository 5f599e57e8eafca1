import { Button, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import { api, type NoticeWay, take } from "../api/client";
import { Dialog } from "../parts/Dialog";
import { useWayChange } from "./useNotices";

interface MailDialogProps {
  onClose: () => void;
  /** The code is on its way there. */
  onAdded: (way: NoticeWay) => void;
}

/** Adds an address of e-mail, to which a code is sent. */
export function MailDialog({ onClose, onAdded }: MailDialogProps) {
  const { t } = useTranslation();
  const [address, setAddress] = useState("");
  const change = useWayChange();
  const add = async () => {
    const body = { address: address.trim() };
    const { items } = await take(api.POST("/api/v1/notice-ways/mail", { body }));
    const added = items.find((way) => way.target === body.address && !way.is_confirmed);
    if (added) onAdded(added);
    else onClose();
  };
  return (
    <Dialog opened onClose={onClose} title={t("notice.add_email")}>
      <form
        className={layout.form}
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate(add);
        }}
      >
        <TextInput
          data-autofocus
          required
          type="email"
          autoComplete="email"
          label={t("notice.email_address")}
          description={t("notice.email_hint")}
          maxLength={254}
          value={address}
          onChange={(event) => setAddress(event.currentTarget.value)}
        />
        <div className={layout.buttons}>
          <Button variant="default" onClick={onClose}>
            {t("common.cancel")}
          </Button>
          <Button type="submit" loading={change.isPending}>
            {t("notice.send_code")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
