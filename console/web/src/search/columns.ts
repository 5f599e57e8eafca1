/** The result table's columns: the same few for mixed classes, a class's own for one class. */
import type { EventRow } from "../api/client";
import { CLASSES, classInfo, fieldInfo } from "../lib/classes";
import { EVENT_CLASSES } from "../lib/classes.generated";
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

/** Most columns that one may choose. */
export const COLUMNS_MAX = 30;

/** The fields that stand beside the class's own in every event. */
const ENVELOPE = [
  "src",
  "sport",
  "dst",
  "dport",
  "proto",
  "sensor",
  "tenant",
  "flow_id",
  "community_id",
  "event_id",
  "exercise_id",
] as const;

/** The columns that one may choose: what every event has, and the fields of the chosen classes. */
export function choosable(className: string | undefined): string[] {
  const chosen = className?.split(",");
  const own = EVENT_CLASSES.filter(({ name }) => !chosen || chosen.includes(name)).flatMap(
    ({ fields }) => Object.keys(fields),
  );
  return ["class", ...new Set<string>([...ENVELOPE, ...own.sort()])];
}

/** The table's columns: those that the address names, else a few that fit the classes. */
export function columnsOf(
  className: string | undefined,
  chosen?: string | undefined,
): readonly Column[] {
  const names = chosen?.split(",").filter(Boolean).slice(0, COLUMNS_MAX) ?? [];
  if (names.length > 0) return [TIME, ...names.map((name) => columnOf(className, name))];
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

function columnOf(className: string | undefined, name: string): Column {
  if (name === "class") return { kind: "class", width: "92px" };
  const classes = className?.split(",") ?? CLASSES;
  const wide = classes.some((each) => fieldInfo(each, name)?.wide);
  const width = wide
    ? "minmax(160px, 1fr)"
    : ["src", "dst"].includes(name)
      ? "150px"
      : "minmax(84px, 120px)";
  return { kind: "field", field: name, width };
}

/** A field's value: the class's own, or one that every event has. */
export function fieldValueOf(event: EventRow, field: string): unknown {
  if (Object.hasOwn(event.fields, field)) return event.fields[field];
  const envelope = ENVELOPE.find((name) => name === field);
  return envelope ? event[envelope] : undefined;
}

export function cellText(event: EventRow, field: string): string {
  const value = fieldValueOf(event, field);
  return isEmpty(value) ? "—" : fieldText(value);
}
