/** The ECharts side of the overview's bars: only the parts they need, loaded with the page. */
import { BarChart, type BarSeriesOption } from "echarts/charts";
import {
  GridComponent,
  type GridComponentOption,
  TooltipComponent,
  type TooltipComponentOption,
} from "echarts/components";
import { type ComposeOption, init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { currentLanguage } from "../i18n";
import { formatCount } from "../lib/number";

use([BarChart, CanvasRenderer, GridComponent, TooltipComponent]);

type Option = ComposeOption<BarSeriesOption | GridComponentOption | TooltipComponentOption>;

export interface BarData {
  /** One a bar. */
  labels: readonly string[];
  series: readonly { name: string; colour: string; values: readonly number[] }[];
  /** Bars that lie, with their labels beside them; others stand. */
  lying: boolean;
  fontPx: number;
}

export interface Bars {
  draw: (data: BarData) => void;
  resize: () => void;
  dispose: () => void;
}

export function startBars(
  holder: HTMLDivElement,
  onBar: (bar: number, series: number) => void,
): Bars {
  const chart = init(holder, null, { renderer: "canvas" });
  chart.on("click", (event) => onBar(event.dataIndex, event.seriesIndex ?? 0));
  return {
    draw: (data) => chart.setOption(optionOf(data), { notMerge: true }),
    resize: () => chart.resize(),
    dispose: () => chart.dispose(),
  };
}

function optionOf(data: BarData): Option {
  const css = getComputedStyle(document.documentElement);
  const colour = (name: string) => css.getPropertyValue(name).trim();
  const fontFamily = css.getPropertyValue("--font-sans");
  const text = { color: colour("--text-soft"), fontSize: data.fontPx, fontFamily };
  const names = {
    type: "category" as const,
    data: [...data.labels],
    axisLine: { lineStyle: { color: colour("--line-strong") } },
    axisTick: { show: false },
    axisLabel: { ...text, hideOverlap: true },
  };
  const numbers = {
    type: "value" as const,
    minInterval: 1,
    splitNumber: 3,
    splitLine: { lineStyle: { color: colour("--line") } },
    axisLabel: {
      ...text,
      formatter: (value: number) => formatCount(value, currentLanguage()),
    },
  };
  return {
    animation: false,
    textStyle: { fontFamily },
    grid: { left: 8, right: 16, top: 8, bottom: 4, containLabel: true },
    tooltip: {
      trigger: "axis",
      axisPointer: { type: "shadow" },
      confine: true,
      backgroundColor: colour("--raised"),
      borderColor: colour("--line-strong"),
      textStyle: { color: colour("--text"), fontSize: 12, fontFamily },
      formatter: (items) => tooltip(Array.isArray(items) ? items : [items]),
    },
    xAxis: data.lying ? numbers : names,
    yAxis: data.lying ? { ...names, inverse: true } : numbers,
    series: data.series.map((series) => ({
      name: series.name,
      type: "bar",
      stack: "all",
      barMaxWidth: 22,
      barCategoryGap: data.lying ? "30%" : "12%",
      itemStyle: { color: colour(series.colour) },
      data: [...series.values],
    })),
  };
}

interface TooltipItem {
  name?: string;
  seriesName?: string;
  value?: unknown;
}

function tooltip(items: readonly TooltipItem[]): HTMLElement {
  const box = document.createElement("div");
  const head = document.createElement("strong");
  head.textContent = items[0]?.name ?? "";
  box.append(head);
  for (const item of items) {
    if (!item.value) continue;
    const line = document.createElement("div");
    // Names come from the server, so they are set as text, never as markup.
    line.textContent = `${item.seriesName}: ${item.value}`;
    box.append(line);
  }
  return box;
}
