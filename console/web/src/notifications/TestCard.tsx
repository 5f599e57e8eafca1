import { Button, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Security, take } from "../api/client";
import { Card } from "../parts/Card";
import styles from "./settings.module.css";
import { useSave } from "./useSave";

/** Sends a letter by the settings as they are kept, and shows what the server answered. */
export function TestCard({ security }: { security: Security }) {
  const { t } = useTranslation();
  const [address, setAddress] = useState("");
  const test = useSave(security, () =>
    take(api.POST("/api/v1/notification-settings/test", { body: { address } })),
  );
  return (
    <Card title={t("notifications.test")}>
      <form
        className={styles.fields}
        onSubmit={(event) => {
          event.preventDefault();
          test.run();
        }}
      >
        <TextInput
          required
          type="email"
          label={t("notifications.test_to")}
          description={t("notifications.test_hint")}
          maxLength={254}
          error={test.failure?.message}
          value={address}
          onChange={(event) => setAddress(event.currentTarget.value)}
        />
        <div role="status">
          {test.done ? (
            <p className={test.done.is_sent ? styles.good : styles.bad}>
              {t(test.done.is_sent ? "notifications.test_sent" : "notifications.test_failed")}{" "}
              <span className="mono">{test.done.answer}</span>
            </p>
          ) : null}
        </div>
        <div className={styles.buttons}>
          <Button type="submit" variant="default" loading={test.isPending}>
            {t("notifications.send_test")}
          </Button>
        </div>
      </form>
      {test.dialog}
    </Card>
  );
}
