import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { noticesQuery } from "../api/queries";
import { Card } from "../parts/Card";
import { ErrorPanel } from "../parts/ErrorPanel";
import { NoticeItems } from "./NoticeItems";
import styles from "./notice.module.css";
import { RulesCard } from "./RulesCard";
import { useRead } from "./useNotices";
import { WaysCard } from "./WaysCard";

/** What one is told, and by which rules. */
export function NoticesPage() {
  const { t } = useTranslation();
  const notices = useQuery(noticesQuery);
  const read = useRead();
  return (
    <main id="main" className={styles.page}>
      <h1>{t("notice.title")}</h1>
      <RulesCard />
      <WaysCard />
      <Card
        title={t("notice.latest")}
        aside={
          <Button
            size="compact-xs"
            variant="default"
            disabled={!notices.data?.unread}
            loading={read.isPending}
            onClick={() => read.mutate(undefined)}
          >
            {t("notice.read_all")}
          </Button>
        }
      >
        {notices.error ? (
          <ErrorPanel
            what={t("error.what.notices")}
            error={notices.error}
            onRetry={() => void notices.refetch()}
          />
        ) : null}
        {notices.data ? (
          <NoticeItems
            items={notices.data.items}
            onFollow={(notice) => notice.is_read || read.mutate([notice.id])}
          />
        ) : (
          <p role="status" className={styles.none}>
            {notices.isLoading ? t("common.loading") : null}
          </p>
        )}
      </Card>
    </main>
  );
}
