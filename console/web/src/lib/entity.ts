/** Things that events name: which kinds have a page, and which fields' values lead there. */
import { fieldInfo } from "./classes";
import type { EntityKind } from "./classes.generated";

/** The kinds that the schema knows, and a domain: the hosts under a name. */
export const ENTITY_KINDS = [
  "address",
  "host",
  "domain",
  "ja4",
  "certificate",
  "file",
  "user-agent",
  "sensor",
] as const satisfies readonly (EntityKind | "domain")[];
export type PageKind = (typeof ENTITY_KINDS)[number];

export function isPageKind(text: string): text is PageKind {
  return ENTITY_KINDS.some((kind) => kind === text);
}

/** The kind of page that a field's values have. */
export function entityOf(className: string, field: string): EntityKind | undefined {
  return fieldInfo(className, field)?.entity;
}
