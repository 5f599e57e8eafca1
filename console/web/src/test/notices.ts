/** Notices for tests. */
import type { Notice } from "../api/client";
import { alertOf } from "./alerts";

export function noticeOf(changes: Partial<Notice> = {}): Notice {
  return {
    id: "1",
    kind: "alert",
    organisation: "moh",
    alert: alertOf(),
    handover: null,
    rule: "Urgent",
    times: 1,
    first_at: "2026-11-21T10:00:00Z",
    at: "2026-11-21T10:00:00Z",
    is_read: false,
    ...changes,
  };
}
