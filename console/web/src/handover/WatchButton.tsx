import { Button, Textarea } from "@mantine/core";
import { IconEye } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, take } from "../api/client";
import { watchQuery } from "../api/queries";
import { useMay } from "../lib/abilities";
import { Dialog } from "../parts/Dialog";
import { EXERCISE } from "../stage/stage";
import styles from "./handover.module.css";
import { useWatch } from "./useWatch";

/** Puts an alert on the watch list, with why, or takes it off. */
export function WatchButton({ alert }: { alert: string }) {
  const { t } = useTranslation();
  // What is watched is of real work.
  const mayWork = useMay()("alert:work") && EXERCISE === null;
  const { data } = useQuery({ ...watchQuery, enabled: mayWork });
  const watch = useWatch();
  const [isAsking, setAsking] = useState(false);
  const [note, setNote] = useState("");
  if (!mayWork || !data) return null;
  const item = data.items.find((each) => each.alert?.id === alert);
  if (item && !item.can_remove) return null;
  const add = () => {
    setAsking(false);
    setNote("");
    watch.mutate(() => take(api.POST("/api/v1/watch", { body: { alert, note } })));
  };
  const remove = (id: string) =>
    watch.mutate(() => take(api.DELETE("/api/v1/watch/{id}", { params: { path: { id } } })));
  return (
    <>
      <Button
        variant="default"
        leftSection={<IconEye size={15} aria-hidden="true" />}
        loading={watch.isPending}
        onClick={() => (item ? remove(item.id) : setAsking(true))}
      >
        {item ? t("watch.remove_alert") : t("watch.add_alert")}
      </Button>
      <Dialog opened={isAsking} onClose={() => setAsking(false)} title={t("watch.add_alert")}>
        <form
          className={styles.form}
          onSubmit={(event) => {
            event.preventDefault();
            add();
          }}
        >
          <Textarea
            data-autofocus
            label={t("watch.note")}
            description={t("watch.note_hint")}
            value={note}
            onChange={(event) => setNote(event.currentTarget.value)}
            autosize
            minRows={2}
            maxRows={6}
            maxLength={1000}
          />
          <div className={styles.buttons}>
            <Button variant="default" onClick={() => setAsking(false)}>
              {t("common.cancel")}
            </Button>
            <Button type="submit">{t("watch.add")}</Button>
          </div>
        </form>
      </Dialog>
    </>
  );
}
