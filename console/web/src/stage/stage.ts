/**
 * Which stage this page is of: real work, or one exercise. It stands in front of every path
 * (`/exercise/7/alerts`) and is read once, when the document is loaded: going from one stage to
 * another loads another document, so that nothing that one has in memory is shown in the other.
 */

/** The number of the exercise in a path; none in those of real work. */
export function exerciseIn(path: string): string | null {
  return /^\/exercise\/([1-9]\d{0,9})(?:\/|$)/.exec(path)?.[1] ?? null;
}

/** The exercise that this document is of. */
export const EXERCISE = typeof location === "undefined" ? null : exerciseIn(location.pathname);

/** What stands in front of every path of a stage. */
export function basePathOf(exercise: string | null): string {
  return exercise === null ? "/" : `/exercise/${exercise}`;
}
