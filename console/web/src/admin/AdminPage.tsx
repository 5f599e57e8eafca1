import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useLocation } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { sessionQuery } from "../api/queries";
import { PageMissing } from "../parts/PageMissing";
import styles from "./admin.module.css";
import { tabsOf } from "./tabs";

/** The frame of the administration: its pages as far as one may see them. */
export function AdminPage() {
  const { t } = useTranslation();
  const { data: account } = useQuery(sessionQuery);
  const { pathname } = useLocation();
  const tabs = tabsOf(account);
  // A page that is not one's own is not there, whatever is asked for beneath.
  if (!tabs.some((tab) => pathname.startsWith(tab.path))) return <PageMissing />;
  return (
    <main id="main" className={styles.page}>
      <header className={styles.head}>
        <h1>{t("admin.title")}</h1>
        <nav aria-label={t("admin.title")} className={styles.tabs}>
          {tabs.map((tab) => (
            <Link key={tab.path} to={tab.path}>
              {t(tab.name)}
            </Link>
          ))}
        </nav>
      </header>
      <Outlet />
    </main>
  );
}
