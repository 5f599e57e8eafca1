/** The queue's columns and how close its rows stand: what the address bar and the browser remember of it. */
export const COLUMNS = [
  "severity",
  "time",
  "title",
  "similar",
  "techniques",
  "endpoints",
  "sensor",
  "tenant",
  "count",
  "status",
  "assignee",
] as const;
export type Column = (typeof COLUMNS)[number];

const DEFAULT_COLUMNS: readonly Column[] = COLUMNS.filter((column) => column !== "tenant");

const WIDTHS: Readonly<Record<Column, string>> = {
  severity: "118px",
  time: "126px",
  title: "minmax(200px, 1fr)",
  similar: "92px",
  techniques: "106px",
  endpoints: "minmax(170px, 222px)",
  sensor: "84px",
  tenant: "140px",
  count: "56px",
  status: "122px",
  assignee: "112px",
};

/** What the checkbox before the columns needs. */
const BOX_WIDTH = "30px";

/** The columns of a `columns` parameter, in their usual order; the title is always there. */
export function columnsOf(text: string | undefined): readonly Column[] {
  if (!text) return DEFAULT_COLUMNS;
  const chosen = new Set([...text.split(","), "title"]);
  return COLUMNS.filter((column) => chosen.has(column));
}

/** The parameter that stands for the columns; none for the usual ones. */
export function columnsParameter(columns: readonly Column[]): string | undefined {
  const text = columns.join(",");
  return text === DEFAULT_COLUMNS.join(",") ? undefined : text;
}

export function toggleColumn(columns: readonly Column[], column: Column): readonly Column[] {
  return COLUMNS.filter((each) => columns.includes(each) !== (each === column));
}

/** The rows' grid. */
export function gridOf(columns: readonly Column[]): string {
  return [BOX_WIDTH, ...columns.map((column) => WIDTHS[column])].join(" ");
}

export const DENSITIES = ["normal", "compact"] as const;
export type Density = (typeof DENSITIES)[number];

/** Height of a row in pixels. */
export const ROW_PX: Readonly<Record<Density, number>> = { normal: 30, compact: 24 };

export function densityOf(text: string | undefined): Density {
  return text === "compact" ? "compact" : "normal";
}

export const GROUPS = ["rule", "src", "dst", "technique"] as const;
export type GroupBy = (typeof GROUPS)[number];

export function groupOf(text: string | undefined): GroupBy | undefined {
  return GROUPS.find((each) => each === text);
}

/** The grouping after this one, and after the last none. */
export function nextGroup(group: GroupBy | undefined): GroupBy | undefined {
  return GROUPS[group ? GROUPS.indexOf(group) + 1 : 0];
}
