/** A hint on a new password's strength. The server decides; this only helps to choose. */
export const PASSWORD_LENGTH_MIN = 12;
const STRONG_BITS = 72;
const FAIR_BITS = 50;
/** What a character of a class that is used adds to the alphabet. */
const CLASSES: readonly [RegExp, number][] = [
  [/[a-z]/, 26],
  [/[A-Z]/, 26],
  [/[0-9]/, 10],
  [/[^a-zA-Z0-9]/, 33],
];

export type Strength =
  | { level: "empty" }
  | { level: "short"; missing: number }
  | { level: "weak" }
  | { level: "contains_name" }
  | { level: "fair" }
  | { level: "strong" };

export function passwordStrength(password: string, names: readonly string[]): Strength {
  const length = [...password].length;
  if (length === 0) return { level: "empty" };
  if (length < PASSWORD_LENGTH_MIN)
    return { level: "short", missing: PASSWORD_LENGTH_MIN - length };
  const lower = password.toLowerCase();
  const known = names.flatMap((name) => name.toLowerCase().split(/[\s@.]+/));
  if (known.some((name) => name.length >= 4 && lower.includes(name))) {
    return { level: "contains_name" };
  }
  const bits = effectiveLength(password) * Math.log2(alphabetSize(password));
  if (bits < FAIR_BITS) return { level: "weak" };
  return { level: bits < STRONG_BITS ? "fair" : "strong" };
}

function alphabetSize(password: string): number {
  return CLASSES.reduce((sum, [pattern, size]) => sum + (pattern.test(password) ? size : 0), 1);
}

/** Repeats (`aaaa`) and runs (`1234`) count for little. */
function effectiveLength(password: string): number {
  let length = 0;
  for (let index = 0; index < password.length; index += 1) {
    const step = index === 0 ? 2 : password.charCodeAt(index) - password.charCodeAt(index - 1);
    length += Math.abs(step) <= 1 ? 0.3 : 1;
  }
  return length;
}
