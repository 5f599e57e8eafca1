/** Alerts for tests. */
import type { Alert } from "../api/client";

export function alertOf(changes: Partial<Alert> = {}): Alert {
  return {
    id: "0".repeat(32),
    rule_id: "rule-1",
    rule_title: "SSH password guessing",
    rule_kind: "correlation",
    rule_version: "1",
    severity: "high",
    techniques: ["T1110.001"],
    tactics: ["credential-access"],
    tenant: "tenant",
    sensor: "tap-01",
    src: "198.51.100.7",
    sport: 40000,
    dst: "10.0.0.5",
    dport: 22,
    proto: "tcp",
    first_seen: "2026-11-21T10:00:00Z",
    last_seen: "2026-11-21T10:01:00Z",
    detected_at: "2026-11-21T10:01:01Z",
    count: 3,
    status: "open",
    assignee: null,
    verdict: null,
    reason: null,
    snoozed_until: null,
    tags: [],
    arrived_at: "2026-11-21T10:01:02Z",
    similar: null,
    exercise_id: 0,
    summary: "25 attempts in 60 s",
    ...changes,
  };
}
