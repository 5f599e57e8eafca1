/** The flow behind an alert, read from its `flow` event. */
import type { AlertDetail, EventRow } from "../api/client";
import { fieldNumber, fieldText } from "../lib/fields";

export interface Direction {
  packets: number;
  bytes: number;
}

export interface Flow {
  sent: Direction;
  received: Direction;
  state: string;
  app: string;
  endReason: string;
  start: string;
  durationUs: number;
  missedBytes: number;
}

/** The alert's first flow that has ended, or null while none has. */
export function flowOf(alert: AlertDetail, events: readonly EventRow[]): Flow | null {
  const flows = events.filter((event) => event.class === "flow");
  const row = flows.find((event) => event.flow_id === alert.flow_ids[0]) ?? flows[0];
  if (!row) return null;
  const { fields } = row;
  return {
    sent: {
      packets: fieldNumber(fields.orig_packets),
      bytes: fieldNumber(fields.orig_bytes),
    },
    received: {
      packets: fieldNumber(fields.resp_packets),
      bytes: fieldNumber(fields.resp_bytes),
    },
    state: fieldText(fields.conn_state),
    app: fieldText(fields.app),
    endReason: fieldText(fields.end_reason),
    start: fieldText(fields.start) || row.ts,
    durationUs: fieldNumber(fields.duration_us),
    missedBytes: fieldNumber(fields.missed_bytes),
  };
}

/** The community id of the alert's events: of its own flow where that is known. */
export function communityIdOf(alert: AlertDetail, events: readonly EventRow[]): string {
  const own = events.find((event) => event.flow_id === alert.flow_ids[0] && event.community_id);
  return (own ?? events.find((event) => event.community_id))?.community_id ?? "";
}
