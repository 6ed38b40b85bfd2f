/** Learning curves, as SVG and in the terminal. */
import { plot } from "simple-ascii-chart";
import { byEpoch, drawCharts } from "./charts.ts";

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

/** Draws one chart per quantity, side by side. The same curves give the same text. */
export function drawCurves(curves: Curves, title: string): string {
  return drawCharts(
    title,
    pairs(curves).map(({ quantity, names }) => ({
      title: quantity,
      xLabel: "epoch",
      yLabel: quantity,
      series: names.map((name) => byEpoch(name, curves[name]!)),
    })),
  );
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
