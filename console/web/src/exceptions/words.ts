/** What exceptions are about, in words. */
import type { TFunction } from "i18next";
import type { Exception, ExceptionCondition } from "../api/client";

export const DEFAULT_DAYS = 30;
export const DAYS_MAX = 365;
const DAY_MS = 86_400_000;

/** So many days from now, as the server takes times. */
export function daysAhead(days: number, nowMs: number): string {
  return new Date(nowMs + days * DAY_MS).toISOString();
}

/** A number of days that an exception may hold. */
export function isDays(days: number): boolean {
  return Number.isInteger(days) && days >= 1 && days <= DAYS_MAX;
}

export function conditionText(t: TFunction, condition: ExceptionCondition): string {
  return t(`exception.on_is.${condition.on}`, {
    name: condition.name ?? "",
    value: condition.value,
  });
}

/** All that an exception asks of alerts; without conditions it is the whole rule. */
export function conditionsText(t: TFunction, exception: Exception): string {
  if (exception.conditions.length === 0) return t("exception.whole_rule");
  return exception.conditions.map((condition) => conditionText(t, condition)).join("; ");
}

export function effectText(t: TFunction, exception: Exception): string {
  if (exception.effect === "hide" || !exception.severity) return t("exception.effect.hide");
  return t("exception.lowered_to", { severity: t(`severity.${exception.severity}`) });
}
