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
      if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
      if (isTyping(event.target) || isCovered()) return;
      if (event.key.length === 1 && areSingleKeysOff()) return;
      if (event.key === "Enter" && isControl(event.target)) return;
      const action = current.current[event.key];
      if (!action) return;
      event.preventDefault();
      action(event);
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, []);
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
