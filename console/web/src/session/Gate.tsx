import { ActionIcon, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { IconMoon, IconSun } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { LANGUAGES, switchLanguage } from "../i18n";
import { Logo } from "../parts/Logo";
import styles from "./session.module.css";

/** The frame of the pages before sign-in, with language and theme at hand. */
export function Gate({ title, children }: { title: string; children: ReactNode }) {
  const { t, i18n } = useTranslation();
  const scheme = useComputedColorScheme("light");
  const { setColorScheme } = useMantineColorScheme();
  const other = scheme === "dark" ? "light" : "dark";
  return (
    <main id="main" className={styles.gate}>
      <section className={styles.brand}>
        <Logo size={52} />
        <p className={styles.name}>{t("app.name")}</p>
        <p>{t("app.tagline")}</p>
      </section>
      <section className={styles.panel}>
        <div className={styles.choices}>
          {LANGUAGES.map((language) => (
            <button
              key={language}
              type="button"
              lang={language}
              aria-pressed={i18n.language === language}
              onClick={() => switchLanguage(language)}
            >
              {language === "vi" ? "Tiếng Việt" : "English"}
            </button>
          ))}
          <ActionIcon
            onClick={() => setColorScheme(other)}
            aria-label={`${t("shell.theme")}: ${t(`shell.theme_${other}`)}`}
          >
            {scheme === "dark" ? <IconSun size={16} /> : <IconMoon size={16} />}
          </ActionIcon>
        </div>
        <div className={styles.form}>
          <h1>{title}</h1>
          {children}
        </div>
      </section>
    </main>
  );
}
