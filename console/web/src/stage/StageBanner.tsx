import { IconDoorExit, IconMasksTheater } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { exerciseQuery, sessionQuery } from "../api/queries";
import styles from "./stage.module.css";

/** Says on every page of an exercise that nothing on it is real. */
export function StageBanner({ id }: { id: string }) {
  const { t } = useTranslation();
  const { data: account } = useQuery({ ...sessionQuery, enabled: false });
  const { data: exercise } = useQuery({ ...exerciseQuery(id), enabled: account !== undefined });
  const name = exercise?.name ?? t("exercise.number", { id });
  useEffect(() => {
    document.title = `${t("exercise.mark")}: ${name} – ${t("app.name")}`;
  }, [name, t]);
  return (
    <aside className={styles.banner} aria-label={t("exercise.mark")}>
      <IconMasksTheater size={18} aria-hidden="true" />
      <strong>{t("exercise.mark")}</strong>
      <span className={styles.name}>{name}</span>
      <span className={styles.hint}>
        {t(exercise?.state === "ended" ? "exercise.banner_ended" : "exercise.banner")}
      </span>
      {/* Another document: nothing of the exercise is left in it. */}
      <a href="/exercises">
        <IconDoorExit size={16} aria-hidden="true" /> {t("exercise.leave")}
      </a>
    </aside>
  );
}
