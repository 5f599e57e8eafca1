/**
 * Whether somebody is there: keys and pointers in any tab of this browser, since the session's owner was last let in. What is kept
 * in the browser says so to tabs that are opened later: who comes to an old session by a new tab finds it locked.
 */
const STORED = "vonggac-active";
const SIGNS = ["keydown", "pointerdown", "pointermove", "wheel", "touchstart"] as const;
const LOOKS = ["focus", "visibilitychange"] as const;
/** How often it is looked whether the time is over. */
const LOOK_MS = 1_000;
/** How often other tabs are told at most. */
const SHARE_MS = 5_000;

interface Kept {
  /** When the owner was let in, as the server has it: what was kept before that is of another time. */
  entered: string;
  at: number;
}

/** When somebody was last there, as kept by whichever tab. */
function read(entered: string): number | null {
  try {
    const kept = JSON.parse(localStorage.getItem(STORED) ?? "null") as Kept | null;
    const isOurs = kept?.entered === entered && typeof kept.at === "number";
    // A clock that was set back has no future.
    return isOurs && kept.at <= Date.now() ? kept.at : null;
  } catch {
    return null;
  }
}

function keep(entered: string, at: number): void {
  try {
    localStorage.setItem(STORED, JSON.stringify({ entered, at } satisfies Kept));
  } catch {
    // A browser that keeps nothing has each tab look for itself.
  }
}

/** Calls `onGone` once, when nobody has been there for `limitMs`. */
export function watchPresence(entered: string, limitMs: number, onGone: () => void): () => void {
  let seenMs = read(entered) ?? Date.now();
  let sharedMs = seenMs;
  let isGone = false;
  keep(entered, seenMs);

  const isOver = (): boolean => {
    const nowMs = Date.now();
    const isLongAgo = (atMs: number) => nowMs - atMs >= limitMs;
    // What other tabs keep is read only once nothing has been seen here: pointers move often.
    if (!isGone && isLongAgo(Math.min(seenMs, nowMs)) && isLongAgo(read(entered) ?? 0)) {
      isGone = true;
      onGone();
    }
    return isGone;
  };
  const onSign = () => {
    // Whoever wakes a computer that slept too long is not let in by that.
    if (isOver()) return;
    seenMs = Date.now();
    if (Math.abs(seenMs - sharedMs) < SHARE_MS) return;
    sharedMs = seenMs;
    keep(entered, seenMs);
  };

  const options = { capture: true, passive: true };
  for (const name of SIGNS) window.addEventListener(name, onSign, options);
  for (const name of LOOKS) window.addEventListener(name, isOver, options);
  const timer = setInterval(isOver, LOOK_MS);
  isOver();
  return () => {
    clearInterval(timer);
    for (const name of SIGNS) window.removeEventListener(name, onSign, options);
    for (const name of LOOKS) window.removeEventListener(name, isOver, options);
  };
}
