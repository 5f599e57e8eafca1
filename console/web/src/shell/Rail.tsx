import {
  IconActivityHeartbeat,
  IconBell,
  IconLayoutDashboard,
  IconListSearch,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { countsQuery, healthQuery } from "../api/queries";
import { Logo } from "../parts/Logo";
import styles from "./shell.module.css";

const HEALTH_EVERY_MS = 30_000;

export function Rail() {
  const { t } = useTranslation();
  const counts = useQuery(countsQuery({}));
  const health = useQuery({ ...healthQuery, refetchInterval: HEALTH_EVERY_MS });
  const open = counts.data?.by_status.open ?? 0;
  const troubled = health.data?.parts.filter((part) => part.state !== "up").length ?? 0;
  return (
    <nav className={styles.rail} aria-label={t("nav.label")}>
      <span className={styles.mark}>
        <Logo size={26} />
      </span>
      <Link to="/overview" className={styles.place}>
        <span className={styles.icon}>
          <IconLayoutDashboard size={20} stroke={1.7} aria-hidden="true" />
        </span>
        {t("nav.overview")}
      </Link>
      <Link to="/alerts" className={styles.place}>
        <span className={styles.icon}>
          <IconBell size={20} stroke={1.7} aria-hidden="true" />
          {open > 0 ? <b className={styles.badge}>{open > 999 ? "999+" : open}</b> : null}
        </span>
        {t("nav.alerts")}
      </Link>
      <Link to="/search" className={styles.place}>
        <span className={styles.icon}>
          <IconListSearch size={20} stroke={1.7} aria-hidden="true" />
        </span>
        {t("nav.search")}
      </Link>
      <Link
        to="/health"
        className={styles.place}
        title={troubled > 0 ? t("health.some_down", { count: troubled }) : t("health.all_up")}
      >
        <span className={styles.icon}>
          <IconActivityHeartbeat size={20} stroke={1.7} aria-hidden="true" />
          {troubled > 0 ? <b className={styles.badge}>!</b> : null}
        </span>
        {t("nav.health")}
      </Link>
    </nav>
  );
}
