import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { EmptyState } from "./EmptyState";

export function PageMissing() {
  const { t } = useTranslation();
  return (
    <main id="main">
      <EmptyState title={t("error.page_gone")} hint={t("error.page_gone_hint")}>
        <Button component={Link} to="/alerts">
          {t("error.to_queue")}
        </Button>
      </EmptyState>
    </main>
  );
}
