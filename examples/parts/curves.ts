/** Learning curves, as SVG and in the terminal. */
import { LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, TitleComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { plot } from "simple-ascii-chart";

use([LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

/** Values by epoch under Keras' names: `loss`, `accuracy`, `val_loss`, `val_accuracy`. */
export type Curves = Readonly<Record<string, readonly number[]>>;

/** What is drawn together: a quantity on the training images and on those held out. */
function pairs(curves: Curves): { quantity: string; names: string[] }[] {
  const quantities = Object.keys(curves).filter((name) => !name.startsWith("val_"));
  return quantities.map((quantity) => ({
    quantity,
    names: [quantity, `val_${quantity}`].filter((name) => (curves[name]?.length ?? 0) > 0),
  }));
}

const COLOURS: readonly string[] = ["#1f6feb", "#d9730d"];

/** Draws one chart per quantity, side by side. The same curves give the same text. */
export function drawCurves(curves: Curves, title: string): string {
  const charts = pairs(curves);
  const [width, height, margin] = [480, 380, 62];
  const chart = init(null, null, { renderer: "svg", ssr: true, width: width * charts.length, height });
  chart.setOption({
    animation: false,
    backgroundColor: "#ffffff",
    color: [...COLOURS],
    title: [
      { text: title, left: "center", top: 8, textStyle: { fontSize: 15 } },
      ...charts.map(({ quantity }, i) => ({
        text: quantity,
        left: width * i + width / 2,
        top: 36,
        textAlign: "center",
        textStyle: { fontSize: 13, fontWeight: "normal" },
      })),
    ],
    legend: charts.map(({ names }, i) => ({ data: names, left: width * i + margin, top: 56 })),
    grid: charts.map((_, i) => ({ left: width * i + margin, width: width - margin - 24, top: 88, bottom: 48 })),
    xAxis: charts.map((_, i) => ({
      type: "value",
      gridIndex: i,
      name: "epoch",
      nameLocation: "middle",
      nameGap: 28,
      min: 1,
      max: Math.max(2, curves[charts[i]!.quantity]!.length),
      minInterval: 1,
    })),
    yAxis: charts.map((_, i) => ({ type: "value", gridIndex: i, scale: true })),
    series: charts.flatMap(({ names }, i) =>
      names.map((name, j) => ({
        type: "line",
        name,
        xAxisIndex: i,
        yAxisIndex: i,
        showSymbol: curves[name]!.length === 1,
        itemStyle: { color: COLOURS[j] },
        lineStyle: { color: COLOURS[j] },
        data: curves[name]!.map((value, epoch) => [epoch + 1, value]),
      })),
    ),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  // Classes serve what happens under a pointer; their names count the charts of this process.
  return svg
    .replace(/<style[\s\S]*?<\/style>/g, "")
    .replace(/ class="[^"]*"/g, "")
    .replace(/\bzr\d+-/g, "chart-");
}

/** Plots each quantity as characters; where there is no colour to tell two lines apart, each line by itself. */
export function plotCurves(curves: Curves, colour: boolean): string {
  const charts = colour ? pairs(curves) : Object.keys(curves).map((name) => ({ quantity: name, names: [name] }));
  return charts
    .map(({ quantity, names }) => {
      const series = names.map((name) => curves[name]!.map((y, i): [number, number] => [i + 1, y]));
      // One epoch is a point, of which there is nothing to plot.
      if (series[0]!.length < 2) return names.map((name) => `${name} ${curves[name]![0]!.toFixed(4)}`).join("   ");
      return plot(series, {
        title: quantity,
        width: 60,
        height: 12,
        xLabel: "epoch",
        // Not more than a dozen numbers fit under the axis.
        formatter: (value, { axis }) => {
          if (axis === "y") return value.toFixed(3);
          return value === 1 || value % Math.ceil(series[0]!.length / 12) === 0 ? value : "";
        },
        ...(colour && { color: ["ansiBlue", "ansiYellow"], legend: { position: "bottom", series: names } }),
      });
    })
    .join("\n");
}
