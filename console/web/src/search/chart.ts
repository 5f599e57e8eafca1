/** The ECharts side of the histogram: only the parts it needs, loaded with the search page. */
import { BarChart, type BarSeriesOption } from "echarts/charts";
import {
  BrushComponent,
  type BrushComponentOption,
  GridComponent,
  type GridComponentOption,
  ToolboxComponent,
  TooltipComponent,
  type TooltipComponentOption,
} from "echarts/components";
import { type ComposeOption, init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import type { Histogram } from "../api/client";
import { currentLanguage } from "../i18n";
import { CLASSES, classVariable } from "../lib/classes";
import { formatCount } from "../lib/number";
import { formatAxis, formatFull } from "../lib/time";
import { boundsOf } from "./bounds";

use([BarChart, BrushComponent, CanvasRenderer, GridComponent, ToolboxComponent, TooltipComponent]);

type Option = ComposeOption<
  BarSeriesOption | BrushComponentOption | GridComponentOption | TooltipComponentOption
>;

export interface TimeChart {
  draw: (data: Histogram) => void;
  resize: () => void;
  dispose: () => void;
}

export function startChart(
  holder: HTMLDivElement,
  onRange: (from: string, to: string) => void,
): TimeChart {
  const chart = init(holder, null, { renderer: "canvas" });
  let shown: Histogram | null = null;

  chart.on("brushEnd", (event) => {
    const [area] = (event as { areas?: { coordRange?: unknown }[] }).areas ?? [];
    chart.dispatchAction({ type: "brush", areas: [] });
    const bounds = shown && boundsOf(shown, area?.coordRange);
    if (bounds) onRange(bounds.from, bounds.to);
  });

  return {
    draw: (data) => {
      shown = data;
      chart.setOption(optionOf(data), { notMerge: true });
      chart.dispatchAction({
        type: "takeGlobalCursor",
        key: "brush",
        brushOption: { brushType: "lineX", brushMode: "single" },
      });
    },
    resize: () => chart.resize(),
    dispose: () => chart.dispose(),
  };
}

function optionOf(data: Histogram): Option {
  const css = getComputedStyle(document.documentElement);
  const colour = (name: string) => css.getPropertyValue(name).trim();
  const present = new Set(data.buckets.flatMap((bucket) => Object.keys(bucket.counts)));
  const names = [
    ...CLASSES.filter((name) => present.has(name)),
    ...[...present].filter((name) => !CLASSES.some((known) => known === name)),
  ];
  const font = css.getPropertyValue("--font-sans");
  const starts = data.buckets.map((bucket) => bucket.start);
  const spanMs = (data.buckets.length * data.bucket_us) / 1_000;
  return {
    animation: false,
    textStyle: { fontFamily: font },
    grid: { left: 46, right: 36, top: 10, bottom: 22 },
    brush: {
      xAxisIndex: 0,
      brushStyle: { color: "rgba(40,140,155,0.22)", borderColor: colour("--accent-text") },
      outOfBrush: { colorAlpha: 1 },
    },
    toolbox: { show: false },
    tooltip: {
      trigger: "axis",
      confine: true,
      backgroundColor: colour("--raised"),
      borderColor: colour("--line-strong"),
      textStyle: { color: colour("--text"), fontSize: 12, fontFamily: font },
      formatter: (items) => tooltip(Array.isArray(items) ? items : [items], starts),
    },
    xAxis: {
      type: "category",
      data: starts,
      axisLine: { lineStyle: { color: colour("--line-strong") } },
      axisTick: { show: false },
      axisLabel: {
        color: colour("--text-soft"),
        fontSize: 11,
        hideOverlap: true,
        formatter: (start: string) => formatAxis(start, spanMs),
      },
    },
    yAxis: {
      type: "value",
      minInterval: 1,
      splitNumber: 3,
      splitLine: { lineStyle: { color: colour("--line") } },
      axisLabel: {
        color: colour("--text-soft"),
        fontSize: 11,
        formatter: (value: number) => formatCount(value, currentLanguage()),
      },
    },
    series: names.map((name) => ({
      name,
      type: "bar",
      stack: "events",
      barCategoryGap: "12%",
      itemStyle: { color: colour(classVariable(name)) },
      data: data.buckets.map((bucket) => bucket.counts[name] ?? 0),
    })),
  };
}

interface TooltipItem {
  seriesName?: string;
  value?: unknown;
  marker?: unknown;
  dataIndex?: number;
}

function tooltip(items: readonly TooltipItem[], starts: readonly string[]): HTMLElement {
  const box = document.createElement("div");
  const head = document.createElement("strong");
  head.textContent = formatFull(starts[items[0]?.dataIndex ?? 0] ?? "");
  box.append(head);
  for (const item of items) {
    if (!item.value) continue;
    const line = document.createElement("div");
    // Class names come from the server, so they are set as text, never as markup.
    line.textContent = `${item.seriesName}: ${item.value}`;
    box.append(line);
  }
  return box;
}
