/** The page's address. */
import { pick } from "../lib/search-params";

export interface ExercisesSearch {
  /** The exercise that is open. */
  exercise?: string;
}

export function readExercisesSearch(search: Record<string, unknown>): ExercisesSearch {
  return pick(search, ["exercise"]);
}
