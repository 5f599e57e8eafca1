/**
 * The console's commands and the keys they have: the usual ones, unless somebody chose others in this browser. Commands of one
 * character can be switched off as a whole, for those who speak to their computer or hit keys by mistake (WCAG 2.1.4).
 */
import { useSyncExternalStore } from "react";
import { type KeyMap, useKeys } from "./keys";

export const COMMANDS = {
  "queue.down": "j",
  "queue.up": "k",
  "queue.open": "o",
  "queue.acknowledge": "a",
  "queue.acknowledge_note": "A",
  "queue.assign": "i",
  "queue.close": "c",
  "queue.reopen": "r",
  "queue.snooze": "z",
  "queue.tag": "t",
  "queue.except": "e",
  "queue.select": "x",
  "queue.select_all": "X",
  "queue.undo": "U",
  "queue.focus": "/",
  "queue.mine": "m",
  "queue.nobodys": "n",
  "queue.group": "b",
  "queue.views": "v",
  "queue.pause": "p",
  "alert.next": "j",
  "alert.previous": "k",
  "alert.acknowledge": "a",
  "alert.acknowledge_note": "A",
  "alert.assign": "i",
  "alert.close": "c",
  "alert.reopen": "r",
  "alert.snooze": "z",
  "alert.tag": "t",
  "alert.except": "e",
  "alert.undo": "U",
  "alert.comment": "m",
  "alert.back": "u",
  "anywhere.lock": "L",
} as const;

export type Command = keyof typeof COMMANDS;
type Meaning = Command extends `${string}.${infer Name}` ? Name : never;

/** The text that says what a command does. */
export function meaningOf(command: Command): `keys.${Meaning}` {
  return `keys.${command.slice(command.indexOf(".") + 1) as Meaning}`;
}

interface Choice {
  off: boolean;
  keys: Partial<Record<Command, string>>;
}

const STORED = "vonggac-keys";
/** The area of commands that every page has. */
const ANYWHERE = "anywhere";
/** Keys of every page that are what they are. */
export const TAKEN_KEYS: readonly string[] = ["g", "?"];

let choice = read();
const listeners = new Set<() => void>();

function read(): Choice {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(STORED) ?? "{}");
    return choiceOf(stored);
  } catch {
    return { off: false, keys: {} };
  }
}

function choiceOf(stored: unknown): Choice {
  if (typeof stored !== "object" || stored === null) return { off: false, keys: {} };
  const { off, keys } = stored as { off?: unknown; keys?: unknown };
  const chosen = Object.entries(typeof keys === "object" && keys !== null ? keys : {}).filter(
    ([name, key]) => Object.hasOwn(COMMANDS, name) && typeof key === "string" && isUsable(key),
  );
  return { off: off === true, keys: Object.fromEntries(chosen) };
}

function keep(next: Choice): void {
  choice = next;
  try {
    localStorage.setItem(STORED, JSON.stringify(next));
  } catch {
    // A browser that keeps nothing has them until the page is left.
  }
  for (const listener of listeners) listener();
}

/** One printable character. */
export function isUsable(key: string): boolean {
  return [...key].length === 1 && key !== " ";
}

export function keyOf(command: Command): string {
  return choice.keys[command] ?? COMMANDS[command];
}

export function areSingleKeysOff(): boolean {
  return choice.off;
}

/** The command of the same page, or of every page, that has the key already. */
export function takenBy(command: Command, key: string): Command | undefined {
  const area = areaOf(command);
  const meets = (other: string) => area === other || area === ANYWHERE || other === ANYWHERE;
  return (Object.keys(COMMANDS) as Command[]).find(
    (other) => other !== command && meets(areaOf(other)) && keyOf(other) === key,
  );
}

export function areaOf(command: Command): string {
  return command.split(".")[0] ?? "";
}

export function chooseKey(command: Command, key: string): void {
  const { [command]: _, ...keys } = choice.keys;
  keep({ ...choice, keys: key === COMMANDS[command] ? keys : { ...keys, [command]: key } });
}

export function switchSingleKeys(off: boolean): void {
  keep({ ...choice, off });
}

export function resetKeys(): void {
  keep({ off: false, keys: {} });
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useKeyChoice(): Choice {
  return useSyncExternalStore(subscribe, () => choice);
}

/** Commands that change alerts, or choose which to change. */
const WORK: readonly string[] = [
  "acknowledge",
  "acknowledge_note",
  "assign",
  "close",
  "reopen",
  "snooze",
  "tag",
  "except",
  "select",
  "select_all",
  "undo",
  "comment",
];

/** Those of the commands that one may use: without rights to work on alerts, those that only look. */
export function allowed(
  commands: Partial<Record<Command, () => void>>,
  mayWork: boolean,
): Partial<Record<Command, () => void>> {
  const kept = Object.entries(commands).filter(
    ([command]) => mayWork || !WORK.includes(command.slice(command.indexOf(".") + 1)),
  );
  return Object.fromEntries(kept);
}

/** A page's commands under the keys that they have now, and keys that always mean the same. */
export function useCommands(
  commands: Partial<Record<Command, () => void>>,
  fixed: KeyMap = {},
): void {
  useKeyChoice();
  const keys: KeyMap = { ...fixed };
  for (const [command, action] of Object.entries(commands))
    keys[keyOf(command as Command)] = action;
  useKeys(keys);
}
