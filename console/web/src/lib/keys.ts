import { useLayoutEffect, useRef } from "react";
import { areSingleKeysOff } from "./commands";

export type KeyMap = Record<string, (event: KeyboardEvent) => void>;

/**
 * Single-key commands of a page. They are silent while the user types, while a
 * dialog or menu is open, together with Ctrl, Alt or Meta, and when switched off.
 */
export function useKeys(keys: KeyMap): void {
  const current = useRef(keys);
  current.current = keys;
  // With the page and not after it: who sees it may press at once.
  useLayoutEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (!isCommand(event)) return;
      const action = current.current[event.key];
      if (!action) return;
      event.preventDefault();
      action(event);
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, []);
}

/** The first key of a sequence, and how long its second is waited for. */
const LEADER = "g";
const SEQUENCE_MS = 1_200;

/**
 * Commands of two keys, such as `g q`, by their second. The second goes to the sequence and to nothing else, whatever it means on the page alone;
 * one that no sequence has goes to the page.
 */
export function useSequences(keys: KeyMap): void {
  const current = useRef(keys);
  current.current = keys;
  const leaderAt = useRef(Number.NEGATIVE_INFINITY);
  useLayoutEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (!isCommand(event)) return;
      const isSecond = event.timeStamp - leaderAt.current < SEQUENCE_MS;
      const action = isSecond ? current.current[event.key] : undefined;
      leaderAt.current = event.key === LEADER ? event.timeStamp : Number.NEGATIVE_INFINITY;
      if (!action && event.key !== LEADER) return;
      event.preventDefault();
      action?.(event);
    };
    // Before the page hears of it.
    window.addEventListener("keydown", onKeyDown, { capture: true });
    return () => window.removeEventListener("keydown", onKeyDown, { capture: true });
  }, []);
}

/** Whether a key that was pressed can be a command, and is not a part of what somebody writes or of a dialog. */
function isCommand(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return false;
  if (isTyping(event.target) || isCovered()) return false;
  if (event.key.length === 1 && areSingleKeysOff()) return false;
  return event.key !== "Enter" || !isControl(event.target);
}

/** The keys that go from row to row, as lists have them everywhere. */
export function stepKeys(move: (step: number) => void): KeyMap {
  const next = () => move(1);
  const previous = () => move(-1);
  return { j: next, ArrowDown: next, k: previous, ArrowUp: previous };
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target instanceof HTMLInputElement) return target.type !== "checkbox";
  return target.isContentEditable || ["TEXTAREA", "SELECT"].includes(target.tagName);
}

function isControl(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && ["A", "BUTTON", "SUMMARY"].includes(target.tagName);
}

function isCovered(): boolean {
  return document.querySelector('[role="dialog"][aria-modal="true"], [role="menu"]') !== null;
}
