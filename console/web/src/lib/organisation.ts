import type { OrganisationName } from "../api/client";

/** What an organisation is called in the language of the page. */
export function nameOf(organisation: OrganisationName, language: string): string {
  return language === "en" ? organisation.en : organisation.vi;
}
