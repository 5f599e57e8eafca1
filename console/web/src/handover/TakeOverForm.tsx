import { Button, Textarea } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type HandoverDetail, take } from "../api/client";
import { Card } from "../parts/Card";
import styles from "./handover.module.css";
import { useHandoverChange } from "./useHandover";

const REMARKS_LENGTH_MAX = 10_000;

/** The next lead takes over, with remarks or without. */
export function TakeOverForm({ handover }: { handover: HandoverDetail }) {
  const { t } = useTranslation();
  const change = useHandoverChange(handover.id);
  const [remarks, setRemarks] = useState("");
  const acknowledge = () =>
    take(
      api.POST("/api/v1/handovers/{id}/acknowledge", {
        params: { path: { id: handover.id } },
        body: { remarks },
      }),
    );
  return (
    <Card title={t("handover.acknowledge")} className={styles.screenOnly}>
      <form
        className={`${styles.body} ${styles.form}`}
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate(acknowledge);
        }}
      >
        <Textarea
          label={t("handover.remarks")}
          value={remarks}
          onChange={(event) => setRemarks(event.currentTarget.value)}
          autosize
          minRows={2}
          maxRows={10}
          maxLength={REMARKS_LENGTH_MAX}
        />
        <div className={styles.buttons}>
          <Button type="submit" loading={change.isPending}>
            {t("handover.acknowledge")}
          </Button>
        </div>
      </form>
    </Card>
  );
}
