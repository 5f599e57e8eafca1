import { type RefObject, useEffect, useRef } from "react";

interface Started {
  resize: () => void;
  dispose: () => void;
}

/**
 * A chart in the element of `holder`, started when the element is there, sized with it, and gone with it.
 * `start` is asked once; what it calls back must come from a reference that is kept up to date.
 */
export function useChart<Chart extends Started>(
  start: (element: HTMLDivElement) => Chart,
): {
  holder: RefObject<HTMLDivElement | null>;
  chart: RefObject<Chart | null>;
} {
  const holder = useRef<HTMLDivElement>(null);
  const chart = useRef<Chart | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a chart is started once
  useEffect(() => {
    if (!holder.current) return;
    const started = start(holder.current);
    chart.current = started;
    const observer = new ResizeObserver(() => started.resize());
    observer.observe(holder.current);
    return () => {
      observer.disconnect();
      started.dispose();
      chart.current = null;
    };
  }, []);
  return { holder, chart };
}
