/**
 * Times on the screen. The API speaks RFC 3339 in UTC; analysts read Vietnamese
 * time (UTC+7 all year), so that is what is shown, with UTC in the tooltip.
 */
const ZONE = "Asia/Ho_Chi_Minh";
const ZONE_OFFSET = "+07:00";

export interface TimeBounds {
  from?: string;
  to?: string;
}

/** A time range as the address bar holds it: a quick range or absolute bounds. */
export interface RangeSearch extends TimeBounds {
  range?: string;
}

export const QUICK_RANGES = ["15m", "1h", "4h", "24h", "7d", "30d", "all"] as const;
export type QuickRange = (typeof QUICK_RANGES)[number];

const RANGE_MS: Record<QuickRange, number | null> = {
  "15m": 15 * 60_000,
  "1h": 3_600_000,
  "4h": 4 * 3_600_000,
  "24h": 24 * 3_600_000,
  "7d": 7 * 86_400_000,
  "30d": 30 * 86_400_000,
  all: null,
};

export function isQuickRange(text: string | undefined): text is QuickRange {
  return QUICK_RANGES.some((range) => range === text);
}

/** The bounds a range means at `nowMs`; absolute bounds win over a quick range. */
export function resolveRange(search: RangeSearch, fallback: QuickRange, nowMs: number): TimeBounds {
  if (search.from || search.to) {
    return {
      ...(search.from ? { from: search.from } : {}),
      ...(search.to ? { to: search.to } : {}),
    };
  }
  const length = RANGE_MS[isQuickRange(search.range) ? search.range : fallback];
  return length === null ? {} : { from: new Date(nowMs - length).toISOString() };
}

const parts = new Intl.DateTimeFormat("en-GB", {
  timeZone: ZONE,
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});

interface Clock {
  year: string;
  month: string;
  day: string;
  time: string;
}

function clock(ms: number): Clock {
  const found: Record<string, string> = {};
  for (const part of parts.formatToParts(ms)) found[part.type] = part.value;
  return {
    year: found.year ?? "",
    month: found.month ?? "",
    day: found.day ?? "",
    time: `${found.hour}:${found.minute}:${found.second}`,
  };
}

/** `21/11 05:54:07`; with the year when it is not `nowMs`'s. */
export function formatShort(iso: string, nowMs: number): string {
  const ms = Date.parse(iso);
  if (Number.isNaN(ms)) return iso;
  const at = clock(ms);
  const year = at.year === clock(nowMs).year ? "" : `/${at.year}`;
  return `${at.day}/${at.month}${year} ${at.time}`;
}

/** A label on a time axis: as much of the time as its span needs. */
export function formatAxis(iso: string, spanMs: number): string {
  const ms = Date.parse(iso);
  if (Number.isNaN(ms)) return iso;
  const at = clock(ms);
  if (spanMs <= 30 * 60_000) return at.time;
  if (spanMs <= 12 * 3_600_000) return at.time.slice(0, 5);
  if (spanMs <= 60 * 86_400_000) return `${at.day}/${at.month} ${at.time.slice(0, 5)}`;
  return `${at.day}/${at.month}/${at.year}`;
}

/** `21/11/2026 05:54:07` in Vietnamese time: when people did something, or are to. */
export function formatSecond(iso: string): string {
  const ms = Date.parse(iso);
  if (Number.isNaN(ms)) return iso;
  const at = clock(ms);
  return `${at.day}/${at.month}/${at.year} ${at.time}`;
}

/** `21/11/2026` for a day of the API, as in `2026-11-21`. */
export function formatDay(day: string): string {
  const [, year, month, date] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(day) ?? [];
  return year ? `${date}/${month}/${year}` : day;
}

/** `21/11/2026 05:54:07.123456` in Vietnamese time, to the precision given. */
export function formatFull(iso: string): string {
  return Number.isNaN(Date.parse(iso)) ? iso : `${formatSecond(iso)}${fraction(iso)}`;
}

/** `2026-11-20 22:54:07.123456 UTC`, for tooltips. */
export function formatUtc(iso: string): string {
  const ms = Date.parse(iso);
  if (Number.isNaN(ms)) return iso;
  const text = new Date(ms).toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, 19)}${fraction(iso)} UTC`;
}

/** `05:54:07`, the header's clock. */
export function formatClock(ms: number): string {
  return clock(ms).time;
}

function fraction(iso: string): string {
  return /\.\d+/.exec(iso)?.[0] ?? "";
}

/** What an `<input type="datetime-local">` shows for a time: Vietnamese, to the second. */
export function toLocalInput(iso: string | undefined): string {
  const ms = iso ? Date.parse(iso) : Number.NaN;
  if (Number.isNaN(ms)) return "";
  const at = clock(ms);
  return `${at.year}-${at.month}-${at.day}T${at.time}`;
}

/** The UTC time that such an input's value means, or undefined when it is empty. */
export function fromLocalInput(value: string): string | undefined {
  if (value === "") return undefined;
  const ms = Date.parse(`${value}${ZONE_OFFSET}`);
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
}

/** Bounds around one moment or span, for a pivot from an alert to its events. */
export function around(first: string, last: string, marginMs: number): TimeBounds {
  return {
    from: new Date(Date.parse(first) - marginMs).toISOString(),
    to: new Date(Date.parse(last) + marginMs).toISOString(),
  };
}

/** `340 ms`, `12.4 s`, `3 m 20 s`, `2 h 5 m` from microseconds. */
export function formatDuration(us: number): string {
  if (us < 1_000) return `${us} µs`;
  if (us < 1_000_000) return `${Math.round(us / 1_000)} ms`;
  const seconds = us / 1_000_000;
  if (seconds < 60) return `${Number(seconds.toFixed(1))} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return twoUnits(minutes, "m", Math.floor(seconds % 60), "s");
  return twoUnits(Math.floor(minutes / 60), "h", minutes % 60, "m");
}

function twoUnits(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** Eight in the morning, Vietnamese time, `days` days after the day of `nowMs`. */
export function morningAfter(nowMs: number, days: number): string {
  const { year, month, day } = clock(nowMs + days * 86_400_000);
  return new Date(`${year}-${month}-${day}T08:00:00${ZONE_OFFSET}`).toISOString();
}
