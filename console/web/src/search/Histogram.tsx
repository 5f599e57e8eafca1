import { useComputedColorScheme } from "@mantine/core";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { Histogram as Data } from "../api/client";
import { formatCount } from "../lib/number";
import { useChart } from "../lib/useChart";
import { startChart } from "./chart";
import styles from "./search.module.css";

interface HistogramProps {
  data: Data;
  onRange: (from: string, to: string) => void;
}

/** Events over time, stacked by class. Dragging across it narrows the time range. */
export function Histogram({ data, onRange }: HistogramProps) {
  const { t, i18n } = useTranslation();
  const scheme = useComputedColorScheme("light");
  const range = useRef(onRange);
  range.current = onRange;

  const { holder, chart } = useChart((element) =>
    startChart(element, (from, to) => range.current(from, to)),
  );

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
