/** What rules are called and say of themselves, in the reader's language: in the other where they say nothing in that. */
import type { Language } from "../i18n";

interface Titled {
  title: string;
  title_vi: string | null;
}

interface OfRule {
  rule_title: string;
  rule_title_vi: string | null;
}

interface Described {
  rule_description: string | null;
  rule_description_vi: string | null;
}

/** The title of a rule. */
export function titleOf(rule: Titled, language: string): string {
  return (language === "vi" ? rule.title_vi : null) ?? rule.title;
}

/** The title of the rule of an alert or an exception. */
export function ruleTitle(of: OfRule, language: string): string {
  return titleOf({ title: of.rule_title, title_vi: of.rule_title_vi }, language);
}

/** What the rule of an alert says of itself and in which language; null where it says nothing. */
export function ruleDescription(
  of: Described,
  language: string,
): { text: string; language: Language } | null {
  const said = { vi: of.rule_description_vi, en: of.rule_description };
  const order: Language[] = language === "vi" ? ["vi", "en"] : ["en", "vi"];
  for (const one of order) {
    const text = said[one];
    if (text) return { text, language: one };
  }
  return null;
}
