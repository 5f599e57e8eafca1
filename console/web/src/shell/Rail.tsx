import {
  type Icon,
  IconActivityHeartbeat,
  IconBell,
  IconLayoutDashboard,
  IconListSearch,
  IconMasksTheater,
  IconSettings,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, type LinkProps } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { tabsOf } from "../admin/tabs";
import { countsQuery, healthQuery, sessionQuery } from "../api/queries";
import { may } from "../lib/abilities";
import { Logo } from "../parts/Logo";
import styles from "./shell.module.css";

const HEALTH_EVERY_MS = 30_000;

export function Rail() {
  const { t } = useTranslation();
  const { data: account } = useQuery(sessionQuery);
  const seesAlerts = may(account, "alert:read");
  const seesHealth = may(account, "health:read");
  const counts = useQuery({ ...countsQuery({}), enabled: seesAlerts });
  const health = useQuery({
    ...healthQuery,
    enabled: seesHealth,
    refetchInterval: HEALTH_EVERY_MS,
  });
  const open = counts.data?.by_status.open ?? 0;
  const troubled = health.data?.parts.filter((part) => part.state !== "up").length ?? 0;
  return (
    <nav className={styles.rail} aria-label={t("nav.label")}>
      <span className={styles.mark}>
        <Logo size={26} />
      </span>
      {seesAlerts ? (
        <>
          <Place to="/overview" name={t("nav.overview")} icon={IconLayoutDashboard} />
          <Place
            to="/alerts"
            name={t("nav.alerts")}
            icon={IconBell}
            badge={open > 999 ? "999+" : open || ""}
          />
        </>
      ) : null}
      {may(account, "event-search:read") ? (
        <Place to="/search" name={t("nav.search")} icon={IconListSearch} />
      ) : null}
      {seesHealth ? (
        <Place
          to="/health"
          name={t("nav.health")}
          icon={IconActivityHeartbeat}
          badge={troubled > 0 ? "!" : ""}
          title={troubled > 0 ? t("health.some_down", { count: troubled }) : t("health.all_up")}
        />
      ) : null}
      {may(account, "exercise:read") ? (
        <Place to="/exercises" name={t("nav.exercises")} icon={IconMasksTheater} />
      ) : null}
      {tabsOf(account).length > 0 ? (
        <Place to="/admin" name={t("nav.admin")} icon={IconSettings} />
      ) : null}
    </nav>
  );
}

interface PlaceProps {
  to: NonNullable<LinkProps["to"]>;
  name: string;
  icon: Icon;
  badge?: string | number;
  title?: string;
}

function Place({ to, name, icon: Picture, badge = "", title }: PlaceProps) {
  return (
    <Link to={to} className={styles.place} title={title}>
      <span className={styles.icon}>
        <Picture size={20} stroke={1.7} aria-hidden="true" />
        {badge === "" ? null : <b className={styles.badge}>{badge}</b>}
      </span>
      {name}
    </Link>
  );
}
