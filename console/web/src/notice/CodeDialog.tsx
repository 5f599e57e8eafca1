import { Button, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import { api, type NoticeWay, take } from "../api/client";
import { Dialog } from "../parts/Dialog";
import { useWayChange } from "./useNotices";

/** Takes the code that was sent to an address. */
export function CodeDialog({ way, onClose }: { way: NoticeWay; onClose: () => void }) {
  const { t } = useTranslation();
  const [code, setCode] = useState("");
  const change = useWayChange();
  const confirm = async () => {
    const params = { path: { id: way.id } };
    await take(api.POST("/api/v1/notice-ways/{id}/confirm", { params, body: { code } }));
    onClose();
  };
  return (
    <Dialog opened onClose={onClose} title={t("notice.confirm_named", { name: way.target })}>
      <form
        className={layout.form}
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate(confirm);
        }}
      >
        <TextInput
          data-autofocus
          required
          inputMode="numeric"
          autoComplete="one-time-code"
          label={t("notice.code")}
          description={t("notice.code_hint", { address: way.target })}
          maxLength={20}
          classNames={{ input: "mono" }}
          value={code}
          onChange={(event) => setCode(event.currentTarget.value)}
        />
        <div className={layout.buttons}>
          <Button variant="default" onClick={onClose}>
            {t("common.cancel")}
          </Button>
          <Button type="submit" loading={change.isPending}>
            {t("notice.confirm")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
