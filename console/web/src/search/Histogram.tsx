import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { Histogram as Data } from "../api/client";
import { formatCount } from "../lib/number";
import { startChart, type TimeChart } from "./chart";
import styles from "./search.module.css";

interface HistogramProps {
  data: Data;
  onRange: (from: string, to: string) => void;
}

/** Events over time, stacked by class. Dragging across it narrows the time range. */
export function Histogram({ data, onRange }: HistogramProps) {
  const { t, i18n } = useTranslation();
  const scheme = useComputedColorScheme("light");
  const holder = useRef<HTMLDivElement>(null);
  const chart = useRef<TimeChart | null>(null);
  const range = useRef(onRange);
  range.current = onRange;

  useEffect(() => {
    if (!holder.current) return;
    const started = startChart(holder.current, (from, to) => range.current(from, to));
    chart.current = started;
    const observer = new ResizeObserver(() => started.resize());
    observer.observe(holder.current);
    return () => {
      observer.disconnect();
      started.dispose();
      chart.current = null;
    };
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the scheme changes the colours the chart reads
  useEffect(() => chart.current?.draw(data), [data, scheme]);

  const total = data.buckets.reduce(
    (sum, bucket) => sum + Object.values(bucket.counts).reduce((a, b) => a + b, 0),
    0,
  );
  const count = formatCount(total, i18n.language);
  return (
    <div
      ref={holder}
      className={styles.histogram}
      role="img"
      aria-label={`${t("search.histogram")} (${t("search.total", { count: total, formatted: count })})`}
      data-total={total}
    />
  );
}
