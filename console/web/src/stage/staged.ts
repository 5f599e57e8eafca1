/** What of the API is asked of an exercise, as the server's description says. */
import type { paths } from "../api/schema";

/** The names of an operation's parameters; one that takes none has `never` for a query. */
type Parameters<Operation> = Operation extends { parameters: { query?: infer Query } }
  ? [NonNullable<Query>] extends [never]
    ? never
    : keyof NonNullable<Query>
  : never;

/** The paths of which an operation takes an exercise. */
type StagedPath = {
  [Path in keyof paths]: {
    [Method in keyof paths[Path]]-?: "exercise" extends Parameters<paths[Path][Method]>
      ? Path
      : never;
  }[keyof paths[Path]];
}[keyof paths];

/** All of them: one that is missing, or too many, does not compile. */
const STAGED: Readonly<Record<StagedPath, true>> = {
  "/api/v1/alerts": true,
  "/api/v1/alerts/bulk": true,
  "/api/v1/alerts/counts": true,
  "/api/v1/alerts/groups": true,
  "/api/v1/alerts/stream": true,
  "/api/v1/alerts/tags": true,
  "/api/v1/alerts/{id}": true,
  "/api/v1/alerts/{id}/acknowledge": true,
  "/api/v1/alerts/{id}/close": true,
  "/api/v1/alerts/{id}/comments": true,
  "/api/v1/alerts/{id}/events": true,
  "/api/v1/alerts/{id}/reopen": true,
  "/api/v1/alerts/{id}/story": true,
  "/api/v1/entities/{kind}": true,
  "/api/v1/events": true,
  "/api/v1/events/histogram": true,
  "/api/v1/events/values": true,
  "/api/v1/operations/{id}/undo": true,
  "/api/v1/overview": true,
  "/api/v1/people": true,
  "/api/v1/sensors": true,
  "/api/v1/sensors/places": true,
  "/api/v1/sensors/{id}": true,
  "/api/v1/sensors/{id}/renew": true,
  "/api/v1/sensors/{id}/revoke": true,
};

export function isStaged(path: string): boolean {
  return Object.hasOwn(STAGED, path);
}

/** `address`, asked of `exercise` where it is of the stage. */
export function onStage(path: string, address: string, exercise: string | null): string {
  if (exercise === null || !isStaged(path)) return address;
  const url = new URL(address, "http://console");
  url.searchParams.set("exercise", exercise);
  return /^https?:/.test(address) ? url.href : url.pathname + url.search;
}
