/** The result table's columns: the same few for mixed classes, a class's own for one class. */
import type { EventRow } from "../api/client";
import { classInfo, fieldInfo } from "../lib/classes";
import { fieldText, isEmpty } from "../lib/fields";

export type Column =
  | { kind: "time" | "class" | "endpoints" | "proto" | "sensor" | "summary"; width: string }
  | { kind: "field"; field: string; width: string };

/** Wide enough for a time of another year. */
const TIME: Column = { kind: "time", width: "162px" };

const MIXED: readonly Column[] = [
  TIME,
  { kind: "class", width: "92px" },
  { kind: "endpoints", width: "minmax(200px, 252px)" },
  { kind: "proto", width: "78px" },
  { kind: "summary", width: "minmax(220px, 1fr)" },
  { kind: "sensor", width: "96px" },
];

export function columnsOf(className: string | undefined): readonly Column[] {
  const info = className ? classInfo(className) : undefined;
  if (!info) return MIXED;
  return [
    TIME,
    { kind: "endpoints", width: "minmax(180px, 240px)" },
    ...info.key.map(
      (field): Column => ({
        kind: "field",
        field,
        width: fieldInfo(info.name, field)?.wide ? "minmax(120px, 1fr)" : "minmax(70px, 110px)",
      }),
    ),
    { kind: "sensor", width: "84px" },
  ];
}

export function cellText(event: EventRow, field: string): string {
  const value = event.fields[field];
  return isEmpty(value) ? "—" : fieldText(value);
}
