import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { sessionQuery } from "../api/queries";
import { EXERCISE } from "../stage/stage";
import { EmptyState } from "./EmptyState";

export function PageMissing() {
  const { t } = useTranslation();
  const { data: account } = useQuery({ ...sessionQuery, enabled: false });
  if (EXERCISE !== null && !account) {
    return (
      <main id="main">
        <EmptyState title={t("exercise.gone_title")} hint={t("exercise.gone_hint")}>
          <Button component="a" href="/exercises">
            {t("exercise.title")}
          </Button>
        </EmptyState>
      </main>
    );
  }
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
