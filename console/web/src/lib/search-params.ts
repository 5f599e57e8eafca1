/**
 * The address bar as state: every search parameter is plain text, so that an
 * address can be read, edited and sent to a colleague.
 */
export type TextSearch = Record<string, string | undefined>;

export function parseSearch(text: string): TextSearch {
  return Object.fromEntries(new URLSearchParams(text));
}

export function stringifySearch(search: Record<string, unknown>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(search)) {
    if (value !== undefined && value !== null && value !== "") parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}

/** Keeps the named parameters that are present and not empty. */
export function pick<const K extends string>(
  search: Record<string, unknown>,
  names: readonly K[],
): { [name in K]?: string } {
  const kept: { [name in K]?: string } = {};
  for (const name of names) {
    const value = search[name];
    if (typeof value === "string" && value !== "") kept[name] = value;
  }
  return kept;
}

/** A comma-separated list with `item` put in or taken out, in the order of `all`. */
export function toggleInList<T extends string>(
  text: string | undefined,
  item: T,
  all: readonly T[],
): string | undefined {
  const chosen = new Set(text?.split(",") ?? []);
  if (chosen.has(item)) chosen.delete(item);
  else chosen.add(item);
  return all.filter((each) => chosen.has(each)).join(",") || undefined;
}

/** The first page after sign-in: it leads to the first that one may see. */
export const HOME = "/";

/** Pages that one does not return to. */
const GATES: readonly string[] = ["/sign-in", "/setup", "/lock"];

/** A path to return to after sign-in or the lock; only one of our own pages. */
export function safeReturn(path: string | undefined): string {
  if (!path?.startsWith("/") || path.startsWith("//") || path.includes("\\")) return HOME;
  return GATES.some((gate) => path.startsWith(gate)) ? HOME : path;
}
