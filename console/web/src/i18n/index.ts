/** Languages: Vietnamese (the default) and English; every string of the console is here. */
import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import en from "./en.json";
import vi from "./vi.json";

export const LANGUAGES = ["vi", "en"] as const;
export type Language = (typeof LANGUAGES)[number];
const STORAGE_KEY = "vonggac-language";

declare module "i18next" {
  interface CustomTypeOptions {
    resources: { translation: typeof vi };
  }
}

export function isLanguage(text: string | null | undefined): text is Language {
  return LANGUAGES.some((language) => language === text);
}

export function startLanguage(): void {
  const stored = localStorage.getItem(STORAGE_KEY);
  void i18next.use(initReactI18next).init({
    resources: { vi: { translation: vi }, en: { translation: en } },
    lng: isLanguage(stored) ? stored : "vi",
    fallbackLng: "vi",
    interpolation: { escapeValue: false },
    returnNull: false,
  });
  document.documentElement.lang = i18next.language;
}

/** The language that is shown now. */
export function currentLanguage(): Language {
  return isLanguage(i18next.language) ? i18next.language : "vi";
}

/** Switches the language here and for the next visit of this browser. */
export function switchLanguage(language: string): void {
  if (!isLanguage(language) || language === i18next.language) return;
  localStorage.setItem(STORAGE_KEY, language);
  document.documentElement.lang = language;
  void i18next.changeLanguage(language);
}
