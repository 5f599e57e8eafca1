import { Button } from "@mantine/core";
import { IconDeviceTv, IconRefresh } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { overviewQuery } from "../api/queries";
import { useMay } from "../lib/abilities";
import type { RangeSearch } from "../lib/time";
import { ErrorPanel } from "../parts/ErrorPanel";
import { TimeRange } from "../parts/TimeRange";
import { Timestamp } from "../parts/Timestamp";
import { SinceButton } from "../queue/SinceButton";
import { Boards } from "./Boards";
import styles from "./overview.module.css";

const route = getRouteApi("/app/overview");

/** When nothing else is chosen, a day: three shifts. */
export const DEFAULT_RANGE = "24h";
const RENEW_MS = 30_000;

export function OverviewPage() {
  const { t } = useTranslation();
  const search = route.useSearch();
  const navigate = useNavigate();
  const mayRead = useMay()("handover:read");
  const overview = useQuery(overviewQuery(search, RENEW_MS));
  const choose = (range: RangeSearch) =>
    void navigate({ to: "/overview", search: range.range === DEFAULT_RANGE ? {} : range });
  return (
    <main id="main" className={styles.page}>
      <div className={styles.top}>
        <h1>{t("overview.title")}</h1>
        {overview.data ? (
          <span className="soft">
            {t("overview.as_of")} <Timestamp at={overview.data.at} />
          </span>
        ) : null}
        <span className={styles.spacer} />
        <SinceButton />
        {mayRead ? (
          <Button variant="default" component={Link} to="/alerts/handover">
            {t("handover.title")}
          </Button>
        ) : null}
        <TimeRange value={search} fallback={DEFAULT_RANGE} onChange={choose} />
        <Button
          variant="default"
          px={8}
          aria-label={t("common.refresh")}
          title={t("common.refresh")}
          onClick={() => void overview.refetch()}
        >
          <IconRefresh size={15} aria-hidden="true" />
        </Button>
        <Link to="/wall" search={search} className={styles.wallLink}>
          <IconDeviceTv size={15} aria-hidden="true" /> {t("overview.wall")}
        </Link>
      </div>
      {overview.error ? (
        <ErrorPanel
          what={t("error.what.overview")}
          error={overview.error}
          onRetry={() => void overview.refetch()}
        />
      ) : null}
      {overview.data ? (
        <Boards overview={overview.data} wall={false} />
      ) : (
        <p role="status">{overview.isLoading ? t("common.loading") : null}</p>
      )}
    </main>
  );
}
