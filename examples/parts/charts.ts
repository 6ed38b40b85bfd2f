/** Line and point charts as SVG text. */
import { LineChart, ScatterChart } from "echarts/charts";
import { GridComponent, LegendComponent, TitleComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

use([LineChart, ScatterChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

export type Point = readonly [x: number, y: number];

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
  /** Default: a line. */
  readonly kind?: "line" | "dashed" | "points";
}

export interface Chart {
  readonly title: string;
  readonly xLabel: string;
  readonly series: readonly Series[];
  /** Default: from the smallest x to the largest. */
  readonly xRange?: readonly [number, number];
  /** Default: what the points need. */
  readonly yRange?: readonly [number, number];
  readonly logarithmic?: boolean;
}

const COLOURS: readonly string[] = ["#1f6feb", "#d9730d", "#2e8b57", "#8250df", "#c2255c", "#0b7285", "#5c5f66"];

/** Draws charts side by side, three in a row. The same charts give the same text. */
export function drawCharts(title: string, charts: readonly Chart[]): string {
  const columns = Math.min(3, Math.max(1, charts.length));
  const [width, height, left, head] = [480, 344, 62, 36];
  const places = charts.map((_, i) => ({ x: width * (i % columns), y: head + height * Math.floor(i / columns) }));
  const chart = init(null, null, {
    renderer: "svg",
    ssr: true,
    width: width * columns,
    height: head + height * Math.ceil(charts.length / columns),
  });
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    title: [
      { text: title, left: "center", top: 8, textStyle: { fontSize: 15 } },
      ...charts.map((c, i) => ({
        text: c.title,
        left: places[i]!.x + width / 2,
        top: places[i]!.y,
        textAlign: "center",
        textStyle: { fontSize: 13, fontWeight: "normal" },
      })),
    ],
    grid: places.map(({ x, y }) => ({ left: x + left, width: width - left - 24, top: y + 66, height: height - 114 })),
    xAxis: charts.map(({ xLabel, xRange, series }, i) => {
      const xs = series.flatMap((s) => s.points.map(([x]) => x));
      const [min, max] = xRange ?? [Math.min(...xs), Math.max(...xs)];
      const range = { min, max: max > min ? max : min + 1 };
      return { type: "value", gridIndex: i, name: xLabel, nameLocation: "middle", nameGap: 28, ...range };
    }),
    yAxis: charts.map(({ yRange, logarithmic }, i) => ({
      type: logarithmic ? "log" : "value",
      gridIndex: i,
      scale: true,
      ...(yRange && { min: yRange[0], max: yRange[1] }),
    })),
    legend: charts.map(({ series }, i) => ({
      data: series.map(({ name }) => `${name}${"\u200b".repeat(i)}`),
      left: places[i]!.x + left,
      top: places[i]!.y + 22,
      width: width - left - 24,
    })),
    series: charts.flatMap(({ series }, i) =>
      series.map(({ name, points, kind = "line" }, j) => {
        const color = COLOURS[j % COLOURS.length]!;
        return {
          type: kind === "points" ? "scatter" : "line",
          // A legend finds its series by name, so equal names in two charts are told apart by what is not seen.
          name: `${name}${"\u200b".repeat(i)}`,
          xAxisIndex: i,
          yAxisIndex: i,
          symbolSize: kind === "points" ? 5 : 6,
          showSymbol: points.length === 1,
          itemStyle: { color },
          ...(kind !== "points" && { lineStyle: { color, type: kind === "dashed" ? "dashed" : "solid" } }),
          data: points.map((point) => [...point]),
        };
      }),
    ),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  // Classes serve what happens under a pointer; their names count the charts of this process.
  return svg
    .replace(/<style[\s\S]*?<\/style>/g, "")
    .replace(/ class="[^"]*"/g, "")
    .replace(/\bzr\d+-/g, "chart-")
    .replaceAll("\u200b", "");
}

/** A function drawn from `from` to `to`. */
export function curve(name: string, f: (x: number) => number, from: number, to: number): Series {
  const count = 200;
  const at = (i: number): number => from + ((to - from) * i) / count;
  return { name, points: Array.from({ length: count + 1 }, (_, i): Point => [at(i), f(at(i))]) };
}

/** Values by epoch, from 1. */
export function byEpoch(name: string, values: readonly number[], kind: "line" | "dashed" = "line"): Series {
  return { name, kind, points: values.map((value, i): Point => [i + 1, value]) };
}
