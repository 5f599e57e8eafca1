import { expect, it } from "vitest";
import type { AlertDetail, EventRow } from "../api/client";
import { alertOf } from "../test/alerts";
import { communityIdOf, flowOf } from "./flow";

const alert: AlertDetail = {
  ...alertOf(),
  rule_text: "",
  rule_description: null,
  rule_description_vi: null,
  group: {},
  event_ids: [],
  flow_ids: ["18446744073709551615"],
  continues: null,
  continued_by: null,
  activity: [],
  exceptions: [],
  offered: [],
};

function event(changes: Partial<EventRow>): EventRow {
  return {
    event_id: "e",
    class: "flow",
    ts: "2026-11-21T10:00:00Z",
    sensor: "tap-01",
    tenant: "tenant",
    flow_id: "1",
    community_id: "1:other",
    src: null,
    sport: null,
    dst: null,
    dport: null,
    proto: null,
    exercise_id: 0,
    fields: {},
    ...changes,
  };
}

it("is the alert's own, with 64-bit counts also as text", () => {
  const own = event({
    flow_id: "18446744073709551615",
    community_id: "1:own",
    fields: { orig_bytes: "5000000000", resp_bytes: 12, orig_packets: 3, conn_state: "SF" },
  });
  const events = [event({}), own];
  expect(flowOf(alert, events)).toMatchObject({
    sent: { bytes: 5_000_000_000, packets: 3 },
    received: { bytes: 12, packets: 0 },
    state: "SF",
    start: "2026-11-21T10:00:00Z",
  });
  expect(communityIdOf(alert, events)).toBe("1:own");
});

it("is none while no flow has ended", () => {
  expect(flowOf(alert, [event({ class: "dns" })])).toBeNull();
});
