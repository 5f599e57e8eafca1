/** What the tabs of this browser tell each other of the lock, which is their session's. */
export type LockNews = "locked" | "unlocked";

const CHANNEL = "vonggac-lock";

function open(): BroadcastChannel | null {
  return typeof BroadcastChannel === "function" ? new BroadcastChannel(CHANNEL) : null;
}

/** Tells the other tabs; where browsers cannot, each finds out when its live stream ends. */
export function tellTabs(news: LockNews): void {
  const channel = open();
  channel?.postMessage(news);
  channel?.close();
}

/** Listens until the returned function is called. */
export function listenToTabs(listener: (news: LockNews) => void): () => void {
  const channel = open();
  channel?.addEventListener("message", ({ data }: MessageEvent) => {
    if (data === "locked" || data === "unlocked") listener(data);
  });
  return () => channel?.close();
}
