/**
 * The live stream of alerts: one connection for the whole console. It comes
 * back by itself after a loss. Then, and when the server says that it skipped
 * some, `onReopened` is called: what happened in between must be asked for. After
 * an HTTP error, which a stream is not told the reason of, `mayReopen` is asked first:
 * a session that has ended is not tried for ever.
 */
import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import type { Alert, AlertStatusChange } from "../api/client";
import { EXERCISE } from "../stage/stage";
import { onStage } from "../stage/staged";

const STREAM = "/api/v1/alerts/stream";

export type StreamState = "connecting" | "live" | "lost";

export interface StreamListener {
  onAlerts?: (alerts: Alert[]) => void;
  onStatus?: (change: AlertStatusChange) => void;
  /** Somebody was told something, or has read it. */
  onNotice?: () => void;
  onReopened?: () => void;
}

interface Stream {
  state: StreamState;
  listen: (listener: StreamListener) => () => void;
}

/** Alerts are handed on in batches this far apart, so that a flood does not redraw per alert. */
const BATCH_MS = 250;
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 15_000;

const StreamContext = createContext<Stream | null>(null);

interface ProviderProps {
  children: ReactNode;
  /** Whether there is one to open: who may read no alerts has none. */
  isOn?: boolean;
  /** Whether it is worth opening the stream again. */
  mayReopen?: () => Promise<boolean>;
}

export function AlertStreamProvider({ children, isOn = true, mayReopen }: ProviderProps) {
  const [state, setState] = useState<StreamState>("connecting");
  const listeners = useRef(new Set<StreamListener>());
  const ask = useRef(mayReopen);
  ask.current = mayReopen;

  useEffect(() => {
    if (!isOn) return;
    return connect(listeners.current, setState, () => ask.current?.());
  }, [isOn]);

  const stream = useMemo<Stream>(
    () => ({
      state,
      listen: (listener) => {
        listeners.current.add(listener);
        return () => listeners.current.delete(listener);
      },
    }),
    [state],
  );
  return <StreamContext.Provider value={stream}>{children}</StreamContext.Provider>;
}

/** Listens for as long as the component is shown; returns the connection's state. */
export function useAlertStream(listener: StreamListener): StreamState {
  const stream = useContext(StreamContext);
  const current = useRef(listener);
  current.current = listener;
  const listen = stream?.listen;
  useEffect(
    () =>
      listen?.({
        onAlerts: (alerts) => current.current.onAlerts?.(alerts),
        onStatus: (change) => current.current.onStatus?.(change),
        onNotice: () => current.current.onNotice?.(),
        onReopened: () => current.current.onReopened?.(),
      }),
    [listen],
  );
  return stream?.state ?? "connecting";
}

function connect(
  listeners: ReadonlySet<StreamListener>,
  setState: (state: StreamState) => void,
  mayReopen: () => Promise<boolean> | undefined,
): () => void {
  let source: EventSource | null = null;
  let retryMs = RETRY_MIN_MS;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;
  let batchTimer: ReturnType<typeof setTimeout> | undefined;
  let batch: Alert[] = [];
  let wasLost = false;
  let isOver = false;

  const flush = () => {
    batchTimer = undefined;
    const alerts = batch;
    batch = [];
    for (const listener of listeners) listener.onAlerts?.(alerts);
  };

  const open = () => {
    source = new EventSource(onStage(STREAM, STREAM, EXERCISE));
    source.addEventListener("open", () => {
      retryMs = RETRY_MIN_MS;
      setState("live");
      if (wasLost) for (const listener of listeners) listener.onReopened?.();
      wasLost = false;
    });
    source.addEventListener("alert", (message) => {
      const alert = parse<Alert>(message);
      if (alert) batch.push(alert);
      batchTimer ??= setTimeout(flush, BATCH_MS);
    });
    source.addEventListener("status", (message) => {
      const change = parse<AlertStatusChange>(message);
      if (change) for (const listener of listeners) listener.onStatus?.(change);
    });
    source.addEventListener("notice", () => {
      for (const listener of listeners) listener.onNotice?.();
    });
    source.addEventListener("resync", () => {
      for (const listener of listeners) listener.onReopened?.();
    });
    source.addEventListener("error", () => {
      wasLost = true;
      setState("lost");
      // The browser gives up after an HTTP error; after a broken connection it tries by itself.
      if (source?.readyState !== EventSource.CLOSED) return;
      retryTimer = setTimeout(reopen, retryMs);
      retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
    });
  };

  const reopen = () => {
    const asked = mayReopen();
    if (!asked) return open();
    void asked.then((may) => {
      if (may && !isOver) open();
    });
  };

  open();
  return () => {
    isOver = true;
    source?.close();
    clearTimeout(retryTimer);
    clearTimeout(batchTimer);
  };
}

function parse<T>(message: MessageEvent): T | null {
  try {
    return JSON.parse(String(message.data)) as T;
  } catch {
    return null;
  }
}
