import { cleanup, render } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, expect, it, vi } from "vitest";
import { useKeys, useSequences } from "./keys";

afterEach(cleanup);

function shown() {
  const open = vi.fn();
  const close = vi.fn();
  const goOn = vi.fn();
  function Page() {
    useKeys({ o: open, c: close });
    return <input aria-label="words" />;
  }
  function Frame() {
    useSequences({ o: goOn });
    return <Page />;
  }
  render(<Frame />);
  return { open, close, goOn, user: userEvent.setup() };
}

it("the second key of a sequence is the sequence's alone", async () => {
  const { open, goOn, user } = shown();
  await user.keyboard("go");
  expect(goOn).toHaveBeenCalledTimes(1);
  expect(open).not.toHaveBeenCalled();
});

it("a key alone, and one that no sequence has, is the page's", async () => {
  const { open, close, goOn, user } = shown();
  await user.keyboard("o");
  expect(open).toHaveBeenCalledTimes(1);
  await user.keyboard("gco");
  expect(close).toHaveBeenCalledTimes(1);
  expect(open).toHaveBeenCalledTimes(2);
  expect(goOn).not.toHaveBeenCalled();
});

it("what somebody writes is no sequence", async () => {
  const { goOn, user } = shown();
  await user.tab();
  await user.keyboard("go");
  expect(goOn).not.toHaveBeenCalled();
});
