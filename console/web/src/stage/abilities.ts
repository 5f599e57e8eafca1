/** What somebody may do within an exercise, in the words that pages ask with. */
import type { Account, Exercise } from "../api/client";
import type { Ability } from "../lib/abilities";

const READING: readonly Ability[] = ["alert:read", "event-search:read"];
const WORKING: readonly Ability[] = ["alert:work", "alert:assign"];
const DIRECTING: readonly Ability[] = [
  "sensor:read",
  "sensor:create",
  "sensor:change",
  "sensor:remove",
];

/** The account with what it may in the exercise, and nothing of what it may in real work. */
export function within(account: Account, exercise: Exercise): Account {
  const may = (action: Exercise["actions"][number]) => exercise.actions.includes(action);
  const abilities = [
    ...READING,
    ...(may("work") ? WORKING : []),
    ...(may("sensors") ? DIRECTING : []),
  ];
  return { ...account, abilities };
}
