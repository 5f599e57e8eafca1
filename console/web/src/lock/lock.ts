/**
 * The way to the page of the lock and back. It takes the place of the page that is covered, so that back and forward lead where
 * they led before, and its address says where one was.
 */
import type { RegisteredRouter } from "@tanstack/react-router";
import { leaveFor } from "../lib/leave";
import { basePathOf, EXERCISE, exerciseIn } from "../stage/stage";

/** Who locks: the person, or the page that nobody has touched. */
export type LockedBy = "person" | "itself";

/** Pages of nobody's session, and the lock itself. */
const OPEN_PAGES: readonly string[] = ["/lock", "/sign-in", "/setup", "/welcome"];

let asked: LockedBy | null = null;

/** What the server is yet to be told: that the session is to be locked, and who says so. */
export function lockAsked(): LockedBy | null {
  return asked;
}

export function lockTold(): void {
  asked = null;
}

/** Covers the page at once; with `by`, the page of the lock then has the server lock the session. */
export function toLock(router: RegisteredRouter, by?: LockedBy): void {
  const { pathname, href } = router.state.location;
  if (OPEN_PAGES.includes(pathname)) return;
  if (by) asked = by;
  void router.navigate({ to: "/lock", search: { return: href }, replace: true });
}

/** A path of this stage as the address bar has it. */
export function publicPath(path: string): string {
  if (EXERCISE === null || exerciseIn(path) !== null) return path;
  return path === "/" ? basePathOf(EXERCISE) : basePathOf(EXERCISE) + path;
}

/** Leads back to where one was; a page of another stage is another document. */
export function leadBack(history: RegisteredRouter["history"], path: string): void {
  const target = publicPath(path);
  if (exerciseIn(target) === EXERCISE) history.replace(target);
  else leaveFor(target);
}
