import i18next, { type TFunction } from "i18next";
import { useTranslation } from "react-i18next";
import { ApiFailure } from "../api/client";
import { notify } from "./notify";

export interface FailureText {
  hint: string;
  detail: string;
}

/** Codes of which the words for a status say all that the server does. */
const PLAIN: ReadonlySet<string> = new Set(["not_found", "unauthenticated"]);

/** How a failure is put to the user: what to do, and the server's own words, where they say more. */
export function failureText(error: unknown, t: TFunction): FailureText {
  if (!(error instanceof ApiFailure)) {
    return { hint: t("error.server"), detail: error instanceof Error ? error.message : "" };
  }
  const { code, status, message } = error;
  const own = hintOfCode(code, t);
  const detail = (own && code !== "not_sent") || PLAIN.has(code) ? "" : message;
  return { hint: own ?? hintOf(status, t), detail };
}

export function useFailureText(error: unknown): FailureText {
  const { t } = useTranslation();
  return failureText(error, t);
}

/** Tells of a change that was not saved, in the corner of the screen. */
export function notifyFailure(what: string, error: unknown): void {
  const { hint, detail } = failureText(error, i18next.t);
  notify({ color: "red", title: what, message: detail ? `${hint} ${detail}` : hint });
}

/** Where the status alone would lead the user astray. */
function hintOfCode(code: string, t: TFunction): string | undefined {
  switch (code) {
    case "too_expensive":
      return t("error.too_expensive");
    case "too_many_searches":
      return t("error.too_many_searches");
    case "wrong_code":
      return t("factor.wrong_code");
    case "wrong_password":
      return t("account.wrong_password");
    case "factor_first":
      return t("factor.first");
    case "passkey_first":
      return t("passkey.first");
    case "locked":
      return t("lock.first");
    case "no_secrets_key":
      return t("factor.no_key");
    case "not_sent":
      return t("notice.not_sent");
    case "no_sensor_key":
      return t("sensors.no_key");
    case "secrets":
      return t("factor.unreadable");
    default:
      return undefined;
  }
}

function hintOf(status: number, t: TFunction): string {
  switch (status) {
    case 0:
      return t("error.unreachable");
    case 400:
    case 422:
      return t("error.bad_request");
    case 401:
      return t("error.signed_out");
    case 403:
      return t("error.forbidden");
    case 404:
      return t("error.not_found");
    case 409:
      return t("error.conflict");
    case 429:
      return t("error.too_many");
    default:
      return t("error.server");
  }
}
