import { Button } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import layout from "../admin/layout.module.css";
import { Rows } from "../admin/Rows";
import { exercisesQuery, securityQuery } from "../api/queries";
import { stepKeys, useKeys } from "../lib/keys";
import { rowAt } from "../lib/rows";
import { ErrorPanel } from "../parts/ErrorPanel";
import { LoadMore } from "../parts/LoadMore";
import { ExercisePanel } from "./ExercisePanel";
import { ExerciseTable } from "./ExerciseTable";
import styles from "./exercises.module.css";
import { MakeDialog } from "./MakeDialog";

const route = getRouteApi("/app/exercises");

/** The exercises that one directs or takes part in, and the way into them. */
export function ExercisesPage() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { exercise } = route.useSearch();
  const exercises = useInfiniteQuery(exercisesQuery);
  const { data: security } = useQuery(securityQuery);
  const [isMaking, setMaking] = useState(false);

  const rows = exercises.data?.pages.flatMap((page) => page.items) ?? [];
  const places = exercises.data?.pages[0]?.places ?? [];
  const index = rows.findIndex((row) => row.id === exercise);
  const show = (id: string | undefined) =>
    void navigate({ to: "/exercises", search: id ? { exercise: id } : {}, replace: true });
  const move = (step: number) => {
    const next = rowAt(rows, index, step);
    if (next) show(next.id);
  };
  useKeys({ ...stepKeys(move), Escape: () => show(undefined) });

  return (
    <main id="main" className={styles.page}>
      <header className={styles.head}>
        <h1>{t("exercise.title")}</h1>
        <p className="soft">{t("exercise.about")}</p>
        {places.length > 0 && security ? (
          <Button onClick={() => setMaking(true)}>{t("exercise.make")}</Button>
        ) : null}
      </header>
      {exercises.error ? (
        <ErrorPanel
          what={t("error.what.exercises")}
          error={exercises.error}
          onRetry={() => void exercises.refetch()}
        />
      ) : null}
      <p className="visually-hidden" role="status">
        {exercises.isLoading ? t("common.loading") : ""}
      </p>
      <div className={layout.split}>
        <Rows
          isEmpty={exercises.data !== undefined && rows.length === 0}
          empty={{
            title: t("exercise.empty_title"),
            hint: t(places.length > 0 ? "exercise.empty_make" : "exercise.empty_hint"),
          }}
        >
          <ExerciseTable rows={rows} current={exercise} onOpen={show} />
          <LoadMore pages={exercises} />
        </Rows>
        {exercise && security ? (
          <ExercisePanel
            key={exercise}
            id={exercise}
            security={security}
            onClose={() => show(undefined)}
          />
        ) : null}
      </div>
      {security ? (
        <MakeDialog
          opened={isMaking}
          places={places}
          security={security}
          onClose={() => setMaking(false)}
          onMade={(made) => {
            setMaking(false);
            show(made.id);
          }}
        />
      ) : null}
    </main>
  );
}
