import { Button, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import { api, take } from "../api/client";
import { CopyValue } from "../parts/CopyValue";
import { Dialog } from "../parts/Dialog";
import { useWayChange } from "./useNotices";

/** Adds a webhook, and shows its secret this once. */
export function WebhookDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const [form, setForm] = useState({ name: "", url: "" });
  const [secret, setSecret] = useState<string | null>(null);
  const change = useWayChange();
  const add = async () => {
    const made = await take(api.POST("/api/v1/notice-ways/webhooks", { body: form }));
    setSecret(made.secret);
  };
  if (secret !== null) {
    return (
      <Dialog opened onClose={onClose} title={t("notice.secret_title", { name: form.name })}>
        <div className={layout.form}>
          <p>{t("notice.secret_hint")}</p>
          <Textarea
            readOnly
            autosize
            label={t("notice.secret")}
            classNames={{ input: "mono" }}
            value={secret}
            onFocus={(event) => event.currentTarget.select()}
            rightSection={<CopyValue value={secret} />}
          />
          <Button onClick={onClose}>{t("notice.secret_copied")}</Button>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog opened onClose={onClose} title={t("notice.add_webhook")}>
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
          label={t("notice.rule_name")}
          maxLength={80}
          value={form.name}
          onChange={({ currentTarget: { value } }) => setForm((now) => ({ ...now, name: value }))}
        />
        <TextInput
          required
          type="url"
          label={t("notice.url")}
          description={t("notice.url_hint")}
          maxLength={500}
          classNames={{ input: "mono" }}
          value={form.url}
          onChange={({ currentTarget: { value } }) => setForm((now) => ({ ...now, url: value }))}
        />
        <div className={layout.buttons}>
          <Button variant="default" onClick={onClose}>
            {t("common.cancel")}
          </Button>
          <Button type="submit" loading={change.isPending}>
            {t("notice.add_webhook")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
