import { Button, Textarea, TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type HandoverDetail, take } from "../api/client";
import { fromLocalInput, toLocalInput } from "../lib/time";
import { Card } from "../parts/Card";
import { Dialog } from "../parts/Dialog";
import styles from "./handover.module.css";
import { useHandoverChange } from "./useHandover";

const NOTE_LENGTH_MAX = 20_000;
const TIMES = ["from", "to", "next_to"] as const;

/** What the lead adds to a draft: words and times; and the ways on. */
export function DraftForm({ draft }: { draft: HandoverDetail }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const change = useHandoverChange(draft.id);
  const [note, setNote] = useState(draft.note);
  const [times, setTimes] = useState({
    from: toLocalInput(draft.from),
    to: toLocalInput(draft.to),
    next_to: toLocalInput(draft.next_to),
  });
  const [asked, setAsked] = useState<"hand" | "discard" | null>(null);
  const params = { path: { id: draft.id } };
  const may = (action: HandoverDetail["actions"][number]) => draft.actions.includes(action);
  const isChanged =
    note !== draft.note || TIMES.some((name) => times[name] !== toLocalInput(draft[name]));

  const save = () =>
    take(
      api.PUT("/api/v1/handovers/{id}", {
        params,
        body: {
          version: draft.version,
          note,
          from: fromLocalInput(times.from) ?? "",
          to: fromLocalInput(times.to) ?? "",
          next_to: fromLocalInput(times.next_to) ?? "",
        },
      }),
    );
  const hand = async () => {
    const { version } = isChanged ? await save() : draft;
    await take(api.POST("/api/v1/handovers/{id}/hand", { params, body: { version } }));
  };
  const discard = async () => {
    await take(api.DELETE("/api/v1/handovers/{id}", { params }));
    await navigate({ to: "/alerts/handover" });
  };
  const run = (call: () => Promise<unknown>) => {
    setAsked(null);
    change.mutate(call);
  };

  return (
    <Card title={t("handover.note")}>
      <form
        className={`${styles.body} ${styles.form}`}
        onSubmit={(event) => {
          event.preventDefault();
          run(save);
        }}
      >
        <div className={styles.times}>
          {TIMES.map((name) => (
            <TextInput
              key={name}
              type="datetime-local"
              step={1}
              required
              label={t(`handover.time.${name}`)}
              value={times[name]}
              onChange={(event) => setTimes({ ...times, [name]: event.currentTarget.value })}
            />
          ))}
        </div>
        <Textarea
          label={t("handover.note")}
          description={t("handover.note_hint")}
          value={note}
          onChange={(event) => setNote(event.currentTarget.value)}
          autosize
          minRows={4}
          maxRows={20}
          maxLength={NOTE_LENGTH_MAX}
        />
        <div className={styles.buttons}>
          <Button type="submit" variant="default" disabled={!isChanged} loading={change.isPending}>
            {t("handover.save")}
          </Button>
          {may("hand") ? (
            <Button loading={change.isPending} onClick={() => setAsked("hand")}>
              {t("handover.hand")}
            </Button>
          ) : null}
          {may("discard") ? (
            <Button variant="default" color="red" onClick={() => setAsked("discard")}>
              {t("handover.discard")}
            </Button>
          ) : null}
        </div>
      </form>
      <Dialog
        opened={asked !== null}
        onClose={() => setAsked(null)}
        title={t(asked === "discard" ? "handover.discard" : "handover.hand")}
      >
        <div className={styles.form}>
          <p>{t(asked === "discard" ? "handover.discard_hint" : "handover.hand_hint")}</p>
          <div className={styles.buttons}>
            <Button variant="default" onClick={() => setAsked(null)}>
              {t("common.cancel")}
            </Button>
            {asked === "discard" ? (
              <Button color="red.9" data-autofocus onClick={() => run(discard)}>
                {t("handover.discard")}
              </Button>
            ) : (
              <Button data-autofocus onClick={() => run(hand)}>
                {t("handover.hand")}
              </Button>
            )}
          </div>
        </div>
      </Dialog>
    </Card>
  );
}
