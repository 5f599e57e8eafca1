import { ActionIcon, Button } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import { api, type Exercise, type Security, take } from "../api/client";
import { exerciseQuery } from "../api/queries";
import { nameOf } from "../lib/organisation";
import { usePlaces } from "../organisations/usePlaces";
import { Dialog } from "../parts/Dialog";
import { ErrorPanel } from "../parts/ErrorPanel";
import { Facts } from "../parts/Facts";
import { SidePanel } from "../parts/SidePanel";
import { Timestamp } from "../parts/Timestamp";
import { OrganisationSelect } from "../people/OrganisationSelect";
import { useAct } from "../people/useAct";
import { basePathOf } from "../stage/stage";
import styles from "./exercises.module.css";
import { StateTag } from "./StateTag";

interface ExercisePanelProps {
  id: string;
  security: Security;
  onClose: () => void;
}

/** One exercise: the way in, who takes part, and what its director does with it. */
export function ExercisePanel({ id, security, onClose }: ExercisePanelProps) {
  const { t } = useTranslation();
  const exercise = useQuery(exerciseQuery(id));
  const name = exercise.data?.name ?? "";
  return (
    <SidePanel
      label={name || t("exercise.title")}
      head={name}
      hasKey
      className={layout.panel}
      onClose={onClose}
    >
      {exercise.error ? (
        <ErrorPanel
          what={t("error.what.exercise")}
          error={exercise.error}
          onRetry={() => void exercise.refetch()}
        />
      ) : null}
      {exercise.data ? (
        <>
          <What exercise={exercise.data} />
          <Ways exercise={exercise.data} security={security} />
          <Participants exercise={exercise.data} security={security} />
        </>
      ) : null}
    </SidePanel>
  );
}

function What({ exercise }: { exercise: Exercise }) {
  const { t, i18n } = useTranslation();
  const at = (time: string | null) => (time ? <Timestamp at={time} second /> : t("common.none"));
  return (
    <>
      <Facts
        facts={[
          { name: t("people.state_label"), value: <StateTag state={exercise.state} /> },
          { name: t("exercise.id"), value: <span className="mono">{exercise.id}</span> },
          { name: t("exercise.owner"), value: nameOf(exercise.organisation, i18n.language) },
          { name: t("exercise.made_by"), value: exercise.made_by.display_name },
          { name: t("exercise.started"), value: at(exercise.started_at) },
          { name: t("exercise.ended"), value: at(exercise.ended_at) },
        ]}
      />
      {exercise.note ? <p className={styles.note}>{exercise.note}</p> : null}
    </>
  );
}

interface ExerciseProps {
  exercise: Exercise;
  security: Security;
}

/** The way in, and from one state to the next. */
function Ways({ exercise, security }: ExerciseProps) {
  const { t } = useTranslation();
  const act = useAct(security, "exercises");
  const [asked, setAsked] = useState<"start" | "end" | null>(null);
  const params = { path: { id: exercise.id } };
  const may = (action: Exercise["actions"][number]) => exercise.actions.includes(action);
  const base = basePathOf(exercise.id);
  const go = () => {
    const call =
      asked === "end"
        ? () => take(api.POST("/api/v1/exercises/{id}/end", { params }))
        : () => take(api.POST("/api/v1/exercises/{id}/start", { params }));
    setAsked(null);
    act.run(call);
  };
  return (
    <div className={layout.buttons}>
      {may("sensors") ? (
        <Button component="a" variant="default" href={`${base}/admin/sensors`}>
          {t("sensors.title")}
        </Button>
      ) : null}
      {may("start") ? (
        <Button variant="default" loading={act.isPending} onClick={() => setAsked("start")}>
          {t("exercise.start")}
        </Button>
      ) : null}
      {may("end") ? (
        <Button
          variant="default"
          color="red"
          loading={act.isPending}
          onClick={() => setAsked("end")}
        >
          {t("exercise.end")}
        </Button>
      ) : null}
      <Button component="a" href={`${base}/alerts`}>
        {t("exercise.enter")}
      </Button>
      <Dialog
        opened={asked !== null}
        onClose={() => setAsked(null)}
        title={t(asked === "end" ? "exercise.end" : "exercise.start")}
      >
        <div className={layout.form}>
          <p>{t(asked === "end" ? "exercise.end_hint" : "exercise.start_hint")}</p>
          <div className={layout.buttons}>
            <Button variant="default" onClick={() => setAsked(null)}>
              {t("common.cancel")}
            </Button>
            <Button {...(asked === "end" ? { color: "red.9" } : {})} onClick={go}>
              {t(asked === "end" ? "exercise.end" : "exercise.start")}
            </Button>
          </div>
        </div>
      </Dialog>
      {act.dialog}
    </div>
  );
}

/** Who takes part, told to those whose exercise it is. */
function Participants({ exercise, security }: ExerciseProps) {
  const { t, i18n } = useTranslation();
  const act = useAct(security, "exercises");
  const [chosen, setChosen] = useState<string | null>(null);
  const places = usePlaces();
  const { participants } = exercise;
  if (!participants) return null;
  const mayShare = exercise.actions.includes("share");
  const others = places.filter(
    (place) => !participants.some((one) => one.code === place.organisation.code),
  );
  const share = (organisation: string, takes_part: boolean) =>
    act.run(() =>
      take(
        api.POST("/api/v1/exercises/{id}/participants", {
          params: { path: { id: exercise.id } },
          body: { organisation, takes_part },
        }),
      ),
    );
  return (
    <section className={layout.section}>
      <h3>{t("exercise.participants")}</h3>
      {participants.length === 0 ? <p className="soft">{t("exercise.nobody")}</p> : null}
      <ul className={layout.entries}>
        {participants.map((one) => {
          const name = nameOf(one, i18n.language);
          return (
            <li key={one.code}>
              <span>{name}</span>
              {mayShare ? (
                <ActionIcon
                  size={24}
                  aria-label={t("exercise.take_out", { name })}
                  title={t("exercise.take_out", { name })}
                  loading={act.isPending}
                  onClick={() => share(one.code, false)}
                >
                  <IconX size={15} />
                </ActionIcon>
              ) : null}
            </li>
          );
        })}
      </ul>
      {mayShare ? (
        <div className={layout.form}>
          <OrganisationSelect
            label={t("exercise.invite")}
            places={others}
            value={chosen}
            onChange={setChosen}
          />
          <div className={layout.buttons}>
            <Button
              variant="default"
              disabled={chosen === null}
              loading={act.isPending}
              onClick={() => {
                if (chosen) share(chosen, true);
                setChosen(null);
              }}
            >
              {t("exercise.invite_submit")}
            </Button>
          </div>
        </div>
      ) : null}
      {act.dialog}
    </section>
  );
}
