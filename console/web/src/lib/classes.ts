/** The event classes, in the order and with the colours they always have. */
import { type ClassInfo, COMMON_FIELDS, EVENT_CLASSES, type FieldInfo } from "./classes.generated";

export const CLASSES: readonly string[] = EVENT_CLASSES.map(({ name }) => name);

/** The colour of a class this build does not know. */
const UNKNOWN = 9;

const BY_NAME: ReadonlyMap<string, ClassInfo> = new Map(
  EVENT_CLASSES.map((info) => [info.name, info]),
);

export function classInfo(name: string): ClassInfo | undefined {
  return BY_NAME.get(name);
}

/** A class's field, or one that every class has. */
export function fieldInfo(className: string, field: string): FieldInfo | undefined {
  const own = classInfo(className)?.fields;
  if (own && Object.hasOwn(own, field)) return own[field];
  return Object.hasOwn(COMMON_FIELDS, field) ? COMMON_FIELDS[field] : undefined;
}

/** A class's colour as a CSS variable (`tokens.css`). */
export function classColour(name: string): string {
  return `var(${classVariable(name)})`;
}

export function classVariable(name: string): string {
  return `--class-${classInfo(name)?.colour ?? UNKNOWN}`;
}
