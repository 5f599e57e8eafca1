/** Hand-overs for tests. */
import type { HandoverDetail, HandoverFacts } from "../api/client";

export function factsOf(changes: Partial<HandoverFacts> = {}): HandoverFacts {
  return {
    at: "2026-11-21T10:00:00Z",
    from: "2026-11-21T02:00:00Z",
    next_to: "2026-11-21T18:00:00Z",
    open: [],
    holders: [],
    changes: [],
    urgent: [],
    waking: [],
    watched: [],
    sensors: [],
    deeds: [],
    ...changes,
  };
}

export function handoverOf(changes: Partial<HandoverDetail> = {}): HandoverDetail {
  return {
    id: "7",
    organisation: { code: "moh", vi: "Bộ Y tế", en: "Ministry of Health" },
    state: "draft",
    from: "2026-11-21T02:00:00Z",
    to: "2026-11-21T10:00:00Z",
    next_to: "2026-11-21T18:00:00Z",
    author: { id: "1", display_name: "Lan" },
    handed_at: null,
    acknowledged_by: null,
    acknowledged_at: null,
    note: "",
    remarks: "",
    version: 1,
    facts: factsOf(),
    actions: ["change", "hand", "discard"],
    ...changes,
  };
}
