/** The perceptron's learning algorithm: on separable points, and, with a pocket, on points that are not. */
import { linearlySeparable, moons } from "@gradiente/datasets";
import { Perceptron } from "@gradiente/nn";
import { type Chart, drawCharts, type Point, type Series } from "./parts/charts.ts";
import { printTable, topic } from "./parts/topic.ts";

await topic("perceptron", async ({ quick, seed }) => {
  const maxUpdates = quick ? 100 : 2000;
  const separable = await linearlySeparable(120, { margin: 0.05, seed }).toArrays();
  const overlapping = await moons(120, { noise: 0.2, seed }).toArrays();
  const charts: Chart[] = [];
  const errorCurves: Series[] = [];
  const rows: string[][] = [["points", "updates", "misclassified"]];
  for (const [name, { x, y }, pocket] of [
    ["separable", separable, false],
    ["not separable", overlapping, false],
    ["not separable, with a pocket", overlapping, true],
  ] as const) {
    const perceptron = new Perceptron({ seed, maxUpdates, pocket });
    // While a point is misclassified, pick one and set w ← w + y·x.
    const { updates, errors, history, message } = perceptron.fit(x, y);
    console.log(`${name}: ${message}`);
    rows.push([name, String(updates), String(errors)]);
    // What the weights it holds misclassify: with a pocket, the best so far.
    const held = history.map((now, i) => (pocket ? Math.min(...history.slice(0, i + 1)) : now));
    errorCurves.push({ name, points: held.map((now, i): Point => [i, now]) });
    const points = [...y.data].map((label, i) => ({ label, at: [x.data[2 * i]!, x.data[2 * i + 1]!] as Point }));
    const ofClass = (label: number): Point[] => points.filter((p) => p.label === label).map((p) => p.at);
    const [xs, ys] = [0, 1].map((axis) => points.map((p) => p.at[axis]!)) as [number[], number[]];
    const xRange = [Math.floor(Math.min(...xs)), Math.ceil(Math.max(...xs))] as const;
    const yRange = [Math.floor(Math.min(...ys)), Math.ceil(Math.max(...ys))] as const;
    const line = perceptron.boundary();
    const at = (v: number): Point => [v, line!.slope * v + line!.intercept];
    charts.push({
      title: `${name}: ${errors} of ${points.length} misclassified`,
      xLabel: "x₁",
      yLabel: "x₂",
      xRange,
      yRange,
      series: [
        { name: "class 0", kind: "points", points: ofClass(0) },
        { name: "class 1", kind: "points", points: ofClass(1) },
        { name: "boundary", points: line ? [at(xRange[0]), at(xRange[1])] : [] },
      ],
    });
  }
  printTable(rows);
  const shown = errorCurves.map((s) => ({ ...s, points: s.points.slice(0, 101) }));
  charts.push({
    title: "errors of the weights it holds",
    xLabel: "updates (the first 100)",
    yLabel: "misclassified points",
    series: shown,
  });
  return drawCharts("The perceptron", charts, { inRow: 2 });
});
