/** Event fields as text: for cells, details and query terms. */
import { classInfo } from "./classes";

export type FieldValue = unknown;

/** A field's value on one line; empty for a value that is not there. */
export function fieldText(value: FieldValue): string {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.map(fieldText).join(", ");
  if (typeof value === "object") {
    return Object.entries(value)
      .map(([name, each]) => `${name}=${fieldText(each)}`)
      .join(" ");
  }
  return String(value);
}

export function isEmpty(value: FieldValue): boolean {
  return fieldText(value) === "";
}

export function fieldNumber(value: FieldValue): number {
  // 64-bit numbers may come as text, since JSON's numbers end at 2^53.
  const number = typeof value === "string" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : 0;
}

/** `query=example.vn rcode_name=NOERROR …`: what a row of mixed classes shows. */
export function keyFields(
  className: string,
  fields: Record<string, FieldValue>,
): [name: string, text: string][] {
  const names = classInfo(className)?.key ?? Object.keys(fields);
  return names
    .map((name): [string, string] => [name, fieldText(fields[name])])
    .filter(([, text]) => text !== "");
}
