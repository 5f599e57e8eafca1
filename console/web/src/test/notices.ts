/** Notices for tests. */
import type { Notice, NoticeWay } from "../api/client";
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

export function wayOf(changes: Partial<NoticeWay> = {}): NoticeWay {
  return {
    id: "7",
    kind: "email",
    name: "",
    target: "lan@moh.example",
    is_confirmed: true,
    waiting: 0,
    lost: 0,
    last_sent_at: null,
    failing_since: null,
    last_error: "",
    paused_since: null,
    ...changes,
  };
}
