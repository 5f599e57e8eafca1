/** Days as the server counts them: Vietnam's. */
const FORMAT = new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Ho_Chi_Minh" });

/** The day in Vietnam at that time, as in `2026-01-31`. */
export function dayOf(atMs: number): string {
  return FORMAT.format(atMs);
}
