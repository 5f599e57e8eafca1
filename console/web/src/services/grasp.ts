/** What a token may be made for, in words. */
import type { TFunction } from "i18next";

/** `alert:read` as people read it; what this build has no words for stays as it is. */
export function graspText(word: string, t: TFunction): string {
  const key = word.replace(/[:-]/g, "_");
  return t(`services.grasp.${key as "alert_read"}`, { defaultValue: word });
}
