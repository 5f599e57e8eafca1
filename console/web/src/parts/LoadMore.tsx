import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";
import styles from "./parts.module.css";

interface LoadMoreProps {
  pages: {
    hasNextPage: boolean;
    isFetchingNextPage: boolean;
    fetchNextPage: () => Promise<unknown>;
  };
}

/** Asks for the next page of a list, when there is one. */
export function LoadMore({ pages }: LoadMoreProps) {
  const { t } = useTranslation();
  if (!pages.hasNextPage) return null;
  return (
    <div className={styles.loadMore}>
      <Button
        variant="default"
        loading={pages.isFetchingNextPage}
        onClick={() => void pages.fetchNextPage()}
      >
        {t("people.more")}
      </Button>
    </div>
  );
}
