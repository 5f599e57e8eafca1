import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { ErrorPanel } from "./ErrorPanel";
import styles from "./parts.module.css";

/** A page that could not be shown at all. */
export function PageFailure({ error }: { error: unknown }) {
  const { t } = useTranslation();
  return (
    <main id="main" className={styles.failure}>
      <h1>{t("error.page_title")}</h1>
      <ErrorPanel what={t("error.what.start")} error={error} />
      <Button onClick={() => location.reload()}>{t("error.reload")}</Button>
    </main>
  );
}
