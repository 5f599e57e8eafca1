/**
 * The API client. Types come from `schema.d.ts`, which `npm run generate` makes
 * from the server's OpenAPI file; every failure becomes one `ApiFailure`.
 */
import createClient from "openapi-fetch";
import { currentLanguage } from "../i18n";
import { EXERCISE } from "../stage/stage";
import { onStage } from "../stage/staged";
import type { components, paths } from "./schema";

type Schemas = components["schemas"];
export type Account = Schemas["Account"];
export type Passkey = Schemas["Passkey"];
export type PasskeyOffer = Schemas["PasskeyOffer"];
export type PasskeyChallenge = Schemas["PasskeyChallenge"];
export type PasskeyAnswer = Schemas["PasskeyAnswerRequest"];
export type SecondStep = Schemas["SecondStep"];
export type OfferedProvider = Schemas["OfferedProvider"];
export type OpenIdLink = Schemas["OpenIdLink"];
export type OpenIdProvider = Schemas["OpenIdProvider"];
export type OpenIdProviders = Schemas["OpenIdProviders"];
export type OpenIdProviderTest = Schemas["OpenIdProviderTest"];
export type Security = Schemas["Security"];
export type TotpOffer = Schemas["TotpOffer"];
export type SessionView = Schemas["SessionView"];
export type SessionLock = Schemas["SessionLock"];
export type Alert = Schemas["Alert"];
export type AlertDetail = Schemas["AlertDetail"];
export type AuditEntry = Schemas["AuditEntry"];
export type AccountEntry = Schemas["AccountEntry"];
export type AccountDetail = Schemas["AccountDetail"];
export type AccountPlace = Schemas["AccountPlace"];
export type Invitation = Schemas["Invitation"];
export type Membership = Schemas["Membership"];
export type OrganisationDetail = Schemas["OrganisationDetail"];
export type OrganisationEntry = Schemas["OrganisationEntry"];
export type OrganisationKind = Schemas["OrganisationKind"];
export type OrganisationStep = Schemas["OrganisationStep"];
export type Role = Schemas["Role"];
export type WelcomeLink = Schemas["WelcomeLink"];
export type AlertPage = Schemas["AlertPage"];
export type AlertStatusChange = Schemas["AlertStatusChange"];
export type Activity = Schemas["Activity"];
export type Severity = Schemas["Severity"];
export type AlertStatus = Schemas["AlertStatus"];
export type Verdict = Schemas["Verdict"];
export type Reason = Schemas["Reason"];
export type AlertGroup = Schemas["AlertGroup"];
export type View = Schemas["View"];
export type Exception = Schemas["Exception"];
export type ExceptionCondition = Schemas["Condition"];
export type ExceptionPreview = Schemas["Preview"];
export type ExceptionRequest = Schemas["ExceptionRequest"];
export type Exercise = Schemas["Exercise"];
export type Person = Schemas["Person"];
export type EventRow = Schemas["EventRow"];
export type EventPage = Schemas["EventPage"];
export type Histogram = Schemas["Histogram"];
export type EventField = Schemas["EventField"];
export type Overview = Schemas["Overview"];
export type StatusCounts = Schemas["StatusCounts"];
export type Thing = Schemas["Thing"];
export type EventValues = Schemas["EventValues"];
export type SavedSearch = Schemas["SavedSearch"];
export type HandoverEntry = Schemas["HandoverEntry"];
export type HandoverDetail = Schemas["HandoverDetail"];
export type HandoverFacts = Schemas["HandoverFacts"];
export type HandoverAlert = Schemas["HandoverAlert"];
export type HandoverPlace = Schemas["OrganisationName"];
export type Notice = Schemas["Notice"];
export type NoticeRule = Schemas["NoticeRule"];
export type NoticeRuleRequest = Schemas["NoticeRuleRequest"];
export type NoticeWay = Schemas["NoticeWay"];
export type NoticeWayList = Schemas["NoticeWayList"];
export type NotificationSettings = Schemas["NotificationSettings"];
export type WatchEntry = Schemas["WatchEntry"];
export type ExportJob = Schemas["Export"];
export type Health = Schemas["Health"];
export type PartHealth = Schemas["PartHealth"];
export type PartState = Schemas["PartState"];
export type Remark = Schemas["Remark"];
export type SensorHealth = Schemas["SensorHealth"];
export type OrganisationName = Schemas["OrganisationName"];
export type Sensor = Schemas["Sensor"];
export type SensorDetail = Schemas["SensorDetail"];
export type SensorPlace = Schemas["SensorPlace"];
export type PreparedSensor = Schemas["PreparedSensor"];
export type Service = Schemas["Service"];
export type ServiceDetail = Schemas["ServiceDetail"];
export type ServicePlace = Schemas["ServicePlace"];
export type ApiToken = Schemas["Token"];
export type MadeToken = Schemas["MadeToken"];
export type SignInRules = Schemas["SignInRules"];
export type EnrolmentToken = Schemas["EnrolmentToken"];
export type UnknownOrganisation = Schemas["UnknownOrganisation"];

export const ROLES: readonly Role[] = [
  "viewer",
  "analyst",
  "senior-analyst",
  "shift-lead",
  "response-coordinator",
  "organisation-manager",
  "assessor",
  "exercise-director",
  "auditor",
  "system-administrator",
];

export const KINDS: readonly OrganisationKind[] = [
  "nation",
  "ministry",
  "ministerial-agency",
  "government-agency",
  "province",
  "national-centre",
  "specialised-force",
  "operator",
  "unit",
];

export const SEVERITIES: readonly Severity[] = [
  "critical",
  "high",
  "medium",
  "low",
  "informational",
];
export const STATUSES: readonly AlertStatus[] = ["open", "acknowledged", "closed"];
export const VERDICTS: readonly Verdict[] = [
  "true_positive",
  "benign_true_positive",
  "false_positive",
  "duplicate",
  "undetermined",
];
/** The reasons that each verdict may have, as the server has them. */
export const REASONS: Readonly<Record<Verdict, readonly Reason[]>> = {
  true_positive: [
    "intrusion",
    "attempt",
    "malware",
    "phishing",
    "compromised_account",
    "data_theft",
    "policy_violation",
  ],
  benign_true_positive: [
    "security_test",
    "maintenance",
    "expected_application",
    "confirmed_by_user",
  ],
  false_positive: ["rule_logic", "wrong_data", "outdated_indicator"],
  duplicate: ["same_activity", "other_sensor"],
  undetermined: ["not_enough_data", "no_answer"],
};
/** Instead of a time: set aside until it happens again. */
export const AGAIN = "again";

/** A request that did not succeed: `status` 0 means that no answer came. */
export class ApiFailure extends Error {
  readonly status: number;
  readonly code: string;
  readonly field: string | null;
  readonly column: number | null;

  constructor(status: number, body?: Partial<Schemas["ErrorBody"]>) {
    super(body?.message ?? "");
    this.name = "ApiFailure";
    this.status = status;
    this.code = body?.code ?? (status === 0 ? "unreachable" : "unknown");
    this.field = body?.field ?? null;
    this.column = typeof body?.column === "number" ? body.column : null;
  }
}

export const api = createClient<paths>({
  baseUrl: typeof location === "undefined" ? "" : location.origin,
  credentials: "same-origin",
  // Looked up at each call, so that a test may put its own in place.
  fetch: (request) => globalThis.fetch(request),
});

api.use({
  onRequest({ request, schemaPath }) {
    // The server takes changes only as JSON, also those without a body.
    if (request.method !== "GET") request.headers.set("Content-Type", "application/json");
    // What it says to people, it says in the language of the page.
    request.headers.set("Accept-Language", currentLanguage());
    return asked(request, onStage(schemaPath, request.url, EXERCISE));
  },
});

/** The same request of another address. A body is read whole: browsers do not pass one on that is still to come. */
export async function asked(request: Request, address: string): Promise<Request> {
  if (address === request.url) return request;
  const { method, headers, credentials, signal } = request;
  const body = method === "GET" ? null : await request.text();
  return new Request(address, { method, headers, credentials, signal, body });
}

type Answer<T> = Promise<{ data?: T; error?: unknown; response: Response }>;

/** The answer's data, or an `ApiFailure` that says who was wrong. */
export async function take<T>(call: Answer<T>): Promise<T> {
  let answer: Awaited<Answer<T>>;
  try {
    answer = await call;
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw new ApiFailure(0);
  }
  if (answer.response.ok) return answer.data as T;
  throw new ApiFailure(answer.response.status, errorBody(answer.error));
}

function errorBody(error: unknown): Partial<Schemas["ErrorBody"]> | undefined {
  if (typeof error !== "object" || error === null || !("error" in error)) return undefined;
  const body = (error as { error: unknown }).error;
  return typeof body === "object" && body !== null ? body : undefined;
}
