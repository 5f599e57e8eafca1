/** The event classes, in the order and with the colours they always have. */
export const CLASSES = [
  "flow",
  "http",
  "dns",
  "tls",
  "signature",
  "yara",
  "file",
  "anomaly",
  "stats",
] as const;

const LAST = CLASSES.length;

/** A class's colour as a CSS variable (`tokens.css`). */
export function classColour(name: string): string {
  return `var(${classVariable(name)})`;
}

export function classVariable(name: string): string {
  const index = (CLASSES as readonly string[]).indexOf(name);
  return `--class-${index < 0 ? LAST : index + 1}`;
}
