import { cleanup, render } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, expect, it, vi } from "vitest";
import {
  allowed,
  COMMANDS,
  type Command,
  chooseKey,
  keyOf,
  resetKeys,
  switchSingleKeys,
  takenBy,
  useCommands,
} from "./commands";

afterEach(() => {
  cleanup();
  resetKeys();
});

function shown() {
  const acknowledge = vi.fn();
  const enter = vi.fn();
  function Page() {
    useCommands({ "queue.acknowledge": acknowledge }, { Enter: enter });
    return null;
  }
  render(<Page />);
  return { acknowledge, enter, user: userEvent.setup() };
}

it("a command has the key that was chosen, and only that", async () => {
  const { acknowledge, user } = shown();
  await user.keyboard("a");
  expect(acknowledge).toHaveBeenCalledTimes(1);
  chooseKey("queue.acknowledge", "é");
  await user.keyboard("a");
  expect(acknowledge).toHaveBeenCalledTimes(1);
  await user.keyboard("é");
  expect(acknowledge).toHaveBeenCalledTimes(2);
  expect(JSON.parse(localStorage.getItem("vonggac-keys") ?? "")).toMatchObject({
    keys: { "queue.acknowledge": "é" },
  });
});

it("single-character keys can be switched off, and others go on", async () => {
  const { acknowledge, enter, user } = shown();
  switchSingleKeys(true);
  await user.keyboard("a{Enter}");
  expect(acknowledge).not.toHaveBeenCalled();
  expect(enter).toHaveBeenCalledTimes(1);
});

it("a key is one command's on a page, and may be another's on another", () => {
  expect(takenBy("queue.close", "a")).toBe("queue.acknowledge");
  expect(takenBy("alert.comment", "m")).toBeUndefined();
  expect(keyOf("queue.mine")).toBe("m");
  expect(takenBy("queue.tag", "L")).toBe("anywhere.lock");
  expect(takenBy("anywhere.lock", "u")).toBe("alert.back");
});

it("who may only look has no command that changes an alert", () => {
  const all = Object.fromEntries(Object.keys(COMMANDS).map((name) => [name, () => {}]));
  expect(allowed(all, true)).toEqual(all);
  const looking: Command[] = [
    "queue.down",
    "queue.up",
    "queue.open",
    "queue.focus",
    "queue.mine",
    "queue.nobodys",
    "queue.group",
    "queue.views",
    "queue.pause",
    "alert.next",
    "alert.previous",
    "alert.back",
    "anywhere.lock",
  ];
  expect(Object.keys(allowed(all, false)).sort()).toEqual(looking.sort());
});
