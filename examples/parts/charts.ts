/** Line and point charts as SVG text. */
import { LineChart, ScatterChart } from "echarts/charts";
import { GridComponent, LegendComponent, TitleComponent } from "echarts/components";
import { init, setPlatformAPI, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

use([LineChart, ScatterChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);
// Without a browser nobody knows how wide a text will be: rather too much room than letters on top of each other.
setPlatformAPI({
  measureText: (text, font) => ({
    width: 0.62 * Number(/([\d.]+)px/.exec(font ?? "")?.[1] ?? 12) * text.replaceAll("\u200b", "").length,
  }),
});

export type Point = readonly [x: number, y: number];

export interface Series {
  readonly name: string;
  /** Null interrupts the line. */
  readonly points: readonly (Point | null)[];
  /** Default: a line. */
  readonly kind?: "line" | "dashed" | "points";
  /** Default: by the series' place in its chart. */
  readonly colour?: string;
  /** Mark the points that a line connects. Default: false. */
  readonly marked?: boolean;
  /** Leave it out of the legend. */
  readonly unlisted?: boolean;
}

export interface Chart {
  readonly title: string;
  /** What lies along the axes, with its unit. */
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
  /** Default: from the smallest x to the largest. */
  readonly xRange?: readonly [number, number];
  /** Default: what the points need. */
  readonly yRange?: readonly [number, number];
  readonly logarithmic?: boolean;
  readonly xLogarithmic?: boolean;
}

export const COLOURS: readonly string[] = ["#1f6feb", "#d9730d", "#2e8b57", "#8250df", "#c2255c", "#0b7285", "#5c5f66"];

/** Numbers along an axis as short as they can be: 0.05, 20, 10,000, 1e-4. */
function label(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential().replace("e+", "e");
  return Number(value.toPrecision(6)).toLocaleString("en-US", { maximumFractionDigits: 6 });
}

/** Whole powers of ten around some numbers. */
function decades(values: readonly number[]): { min: number; max: number } {
  const [min, max] = [Math.min(...values), Math.max(...values)];
  const around = { min: 10 ** Math.floor(Math.log10(min)), max: 10 ** Math.ceil(Math.log10(max)) };
  return around.max > around.min ? around : { min: around.min, max: 10 * around.min };
}

/**
 * Draws charts side by side. The same charts give the same text.
 * @param options.inRow how many are side by side. Default: 3.
 * @param options.width of each, in pixels. Default: 480.
 */
export function drawCharts(
  title: string,
  charts: readonly Chart[],
  { inRow = 3, width = 480 }: { readonly inRow?: number; readonly width?: number } = {},
): string {
  const columns = Math.min(inRow, Math.max(1, charts.length));
  const [height, left, head] = [360, 70, 36];
  const places = charts.map((_, i) => ({ x: width * (i % columns), y: head + height * Math.floor(i / columns) }));
  const chart = init(null, null, {
    renderer: "svg",
    ssr: true,
    width: width * columns,
    height: head + height * Math.ceil(charts.length / columns),
  });
  const axis = { nameLocation: "middle", axisLine: { show: true, onZero: false }, axisLabel: { formatter: label } };
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    title: [
      { text: title, left: "center", top: 8, textStyle: { fontSize: 15 } },
      ...charts.map((c, i) => ({
        text: c.title,
        left: places[i]!.x + left + (width - left - 24) / 2,
        top: places[i]!.y,
        textAlign: "center",
        textStyle: { fontSize: 13, fontWeight: "normal" },
      })),
    ],
    grid: places.map(({ x, y }) => ({ left: x + left, width: width - left - 24, top: y + 70, height: height - 124 })),
    xAxis: charts.map(({ xLabel, xRange, xLogarithmic, series }, i) => {
      const xs = series.flatMap((s) => s.points.flatMap((p) => (p === null ? [] : [p[0]])));
      const [min, max] = xRange ?? [Math.min(...xs), Math.max(...xs)];
      const range = xLogarithmic ? decades(xs) : { min, max: max > min ? max : min + 1 };
      // Between whole numbers (epochs, updates) there is nothing to mark.
      const whole = xs.every(Number.isInteger) ? { minInterval: 1 } : {};
      const type = xLogarithmic ? "log" : "value";
      return { ...axis, type, gridIndex: i, name: xLabel, nameGap: 28, ...range, ...whole };
    }),
    yAxis: charts.map(({ yLabel, yRange, logarithmic, series }, i) => ({
      ...axis,
      type: logarithmic ? "log" : "value",
      gridIndex: i,
      name: yLabel,
      nameGap: 48,
      scale: true,
      ...(logarithmic && decades(series.flatMap((s) => s.points.flatMap((p) => (p === null ? [] : [p[1]]))))),
      ...(yRange && { min: yRange[0], max: yRange[1] }),
    })),
    legend: charts.map(({ series }, i) => ({
      data: series
        .filter(({ unlisted }) => unlisted !== true)
        .map(({ name, kind }) => ({
          name: `${name}${"\u200b".repeat(i)}`,
          ...(kind === "points" ? { icon: "circle" } : { itemStyle: { opacity: 0 } }),
        })),
      left: places[i]!.x + left,
      top: places[i]!.y + 20,
      width: width - left - 24,
      itemWidth: 18,
      itemHeight: 8,
      itemGap: 14,
    })),
    series: charts.flatMap(({ series }, i) =>
      series.map(({ name, points, kind = "line", colour, marked = false }, j) => {
        const color = colour ?? COLOURS[j % COLOURS.length]!;
        return {
          type: kind === "points" ? "scatter" : "line",
          // A legend finds its series by name, so equal names in two charts are told apart by what is not seen.
          name: `${name}${"\u200b".repeat(i)}`,
          xAxisIndex: i,
          yAxisIndex: i,
          clip: true,
          symbolSize: kind === "points" ? 5 : 6,
          showSymbol: marked || points.length === 1,
          itemStyle: { color },
          ...(kind !== "points" && { lineStyle: { color, type: kind === "dashed" ? "dashed" : "solid" } }),
          data: points.map((point) => (point === null ? ["-", "-"] : [...point])),
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

/**
 * Where a function of the plane has the value `level` (marching squares): pieces of lines, with a null after each.
 * @param f gives the values at many points at once.
 */
export async function levelLine(
  f: (points: readonly Point[]) => Promise<ArrayLike<number>>,
  [left, right]: readonly [number, number],
  [bottom, top]: readonly [number, number],
  level = 0.5,
): Promise<(Point | null)[]> {
  const cells = 60;
  const at = (i: number, j: number): Point => [
    left + ((right - left) * i) / cells,
    bottom + ((top - bottom) * j) / cells,
  ];
  const row = cells + 1;
  const points = Array.from({ length: row * row }, (_, k) => at(k % row, Math.floor(k / row)));
  const values = await f(points);
  const pieces: (Point | null)[] = [];
  for (let j = 0; j < cells; j++) {
    for (let i = 0; i < cells; i++) {
      const corners = [j * row + i, j * row + i + 1, (j + 1) * row + i + 1, (j + 1) * row + i];
      const crossings: Point[] = [];
      corners.forEach((a, k) => {
        const b = corners[(k + 1) % 4]!;
        const [va, vb] = [values[a]! - level, values[b]! - level];
        if (va < 0 === vb < 0) return;
        const t = va / (va - vb);
        const [p, q] = [points[a]!, points[b]!];
        crossings.push([p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1])]);
      });
      for (let k = 0; k + 1 < crossings.length; k += 2) pieces.push(crossings[k]!, crossings[k + 1]!, null);
    }
  }
  return pieces;
}
