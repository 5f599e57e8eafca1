import { act, render, screen } from "@testing-library/react";
import { useState } from "react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Alert } from "../api/client";
import { alertOf } from "../test/alerts";
import { AlertStreamProvider, useAlertStream } from "./stream";

class FakeSource extends EventTarget {
  static readonly CLOSED = 2;
  static last: FakeSource;
  static opened = 0;
  readyState = 0;
  constructor() {
    super();
    FakeSource.last = this;
    FakeSource.opened += 1;
  }
  close() {
    this.readyState = FakeSource.CLOSED;
  }
  say(type: string, data?: unknown) {
    const text = typeof data === "string" ? data : JSON.stringify(data);
    this.dispatchEvent(
      data === undefined ? new Event(type) : new MessageEvent(type, { data: text }),
    );
  }
}

function Listener() {
  const [alerts, setAlerts] = useState<Alert[]>([]);
  const [reopened, setReopened] = useState(0);
  const state = useAlertStream({
    onAlerts: (more) => setAlerts((now) => [...now, ...more]),
    onReopened: () => setReopened((now) => now + 1),
  });
  return <p role="status">{`${state} ${alerts.map((alert) => alert.id).join(",")} ${reopened}`}</p>;
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("EventSource", FakeSource);
  FakeSource.opened = 0;
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const said = () => screen.getByRole("status").textContent;

it("hands alerts on in batches, skips what is no JSON, and comes back after a loss", () => {
  render(
    <AlertStreamProvider>
      <Listener />
    </AlertStreamProvider>,
  );
  act(() => FakeSource.last.say("open"));
  expect(said()).toBe("live  0");

  act(() => {
    FakeSource.last.say("alert", alertOf({ id: "a" }));
    FakeSource.last.say("alert", "{broken");
    FakeSource.last.say("alert", alertOf({ id: "b" }));
  });
  expect(said()).toBe("live  0");
  act(() => vi.advanceTimersByTime(250));
  expect(said()).toBe("live a,b 0");

  act(() => {
    FakeSource.last.close();
    FakeSource.last.say("error");
  });
  expect(said()).toBe("lost a,b 0");
  act(() => vi.advanceTimersByTime(1_000));
  expect(FakeSource.opened).toBe(2);
  act(() => FakeSource.last.say("open"));
  expect(said()).toBe("live a,b 1");
});

it("does not try for ever with a session that has ended", async () => {
  const mayReopen = vi.fn().mockResolvedValueOnce(true).mockResolvedValueOnce(false);
  render(
    <AlertStreamProvider mayReopen={mayReopen}>
      <Listener />
    </AlertStreamProvider>,
  );
  const refuse = async () => {
    act(() => {
      FakeSource.last.close();
      FakeSource.last.say("error");
    });
    await act(() => vi.advanceTimersByTimeAsync(60_000));
  };
  await refuse();
  expect(FakeSource.opened).toBe(2);
  await refuse();
  expect(FakeSource.opened).toBe(2);
  expect(mayReopen).toHaveBeenCalledTimes(2);
});

it("opens nothing for who may read no alerts, until he may", () => {
  const shown = (isOn: boolean) => (
    <AlertStreamProvider isOn={isOn}>
      <Listener />
    </AlertStreamProvider>
  );
  const { rerender } = render(shown(false));
  act(() => vi.advanceTimersByTime(60_000));
  expect(FakeSource.opened).toBe(0);
  rerender(shown(true));
  expect(FakeSource.opened).toBe(1);
});
