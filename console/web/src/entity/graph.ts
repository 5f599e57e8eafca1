/** The ECharts side of the graph of peers, loaded with the page. */
import { GraphChart, type GraphSeriesOption } from "echarts/charts";
import { TooltipComponent, type TooltipComponentOption } from "echarts/components";
import { type ComposeOption, init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import type { Thing } from "../api/client";

use([CanvasRenderer, GraphChart, TooltipComponent]);

type Option = ComposeOption<GraphSeriesOption | TooltipComponentOption>;
type Pair = Thing["pairs"][number];

const NODE_PX = 12;
const NODE_PX_MAX = 30;
const EDGE_PX_MAX = 6;
/** From here on names would lie over each other. */
const NAMES_MAX = 24;

export interface PairGraph {
  draw: (pairs: readonly Pair[], centre: string) => void;
  resize: () => void;
  dispose: () => void;
}

export function startGraph(
  holder: HTMLDivElement,
  onAddress: (address: string) => void,
): PairGraph {
  const chart = init(holder, null, { renderer: "canvas" });
  chart.on("click", (event) => {
    if (event.dataType === "node") onAddress(event.name);
  });
  return {
    draw: (pairs, centre) => chart.setOption(optionOf(pairs, centre), { notMerge: true }),
    resize: () => chart.resize(),
    dispose: () => chart.dispose(),
  };
}

function optionOf(pairs: readonly Pair[], centre: string): Option {
  const css = getComputedStyle(document.documentElement);
  const colour = (name: string) => css.getPropertyValue(name).trim();
  const fontFamily = css.getPropertyValue("--font-mono");
  const weights = new Map<string, number>();
  for (const { src, dst, events } of pairs) {
    for (const address of [src, dst]) {
      weights.set(address, (weights.get(address) ?? 0) + events);
    }
  }
  const most = Math.max(1, ...weights.values());
  const strength = (count: number) => Math.log1p(count) / Math.log1p(most);
  return {
    animation: false,
    tooltip: {
      confine: true,
      backgroundColor: colour("--raised"),
      borderColor: colour("--line-strong"),
      textStyle: { color: colour("--text"), fontSize: 12, fontFamily },
      formatter: (item) => {
        const box = document.createElement("div");
        // Addresses come from the server, so they are set as text, never as markup.
        const { name, value } = Array.isArray(item) ? { name: "", value: "" } : item;
        box.textContent = `${name.replace(" > ", " → ")}: ${value}`;
        return box;
      },
    },
    series: {
      type: "graph",
      layout: pairs.length > NAMES_MAX ? "circular" : "force",
      force: { repulsion: 260, edgeLength: [50, 130], layoutAnimation: false },
      roam: false,
      edgeSymbol: ["none", "arrow"],
      edgeSymbolSize: 7,
      label: {
        show: weights.size <= NAMES_MAX,
        position: "right",
        color: colour("--text"),
        fontSize: 11,
        fontFamily,
      },
      lineStyle: { color: colour("--text-soft"), opacity: 0.6, curveness: 0.12 },
      data: [...weights].map(([name, count]) => ({
        name,
        value: count,
        symbolSize: NODE_PX + (NODE_PX_MAX - NODE_PX) * strength(count),
        itemStyle: { color: colour(name === centre ? "--severity-high" : "--accent") },
      })),
      links: pairs.map(({ src, dst, events }) => ({
        source: src,
        target: dst,
        value: events,
        lineStyle: { width: 1 + (EDGE_PX_MAX - 1) * strength(events) },
      })),
    },
  };
}
