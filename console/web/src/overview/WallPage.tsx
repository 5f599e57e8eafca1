import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { overviewQuery } from "../api/queries";
import { formatClock } from "../lib/time";
import { ErrorPanel } from "../parts/ErrorPanel";
import { Boards } from "./Boards";
import styles from "./overview.module.css";

const route = getRouteApi("/bare/wall");

const RENEW_MS = 15_000;

/** The overview for a screen on the wall: large, nothing to click, renews itself. What fails stays on, with the error above it. */
export function WallPage() {
  const { t } = useTranslation();
  const overview = useQuery(overviewQuery(route.useSearch(), RENEW_MS));
  return (
    <main id="main" className={styles.wall} tabIndex={0}>
      <div className={styles.top}>
        <h1>
          {t("app.name")} · {t("overview.title")}
        </h1>
        <span className={styles.spacer} />
        {overview.data ? (
          <span className="mono">{formatClock(Date.parse(overview.data.at))} +07</span>
        ) : null}
      </div>
      {overview.error ? (
        <ErrorPanel what={t("error.what.overview")} error={overview.error} />
      ) : null}
      {overview.data ? <Boards overview={overview.data} wall={true} /> : null}
    </main>
  );
}
