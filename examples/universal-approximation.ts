/** One hidden layer approximates any continuous function if it is wide enough; several narrow ones do as well. */
import { linspace } from "@gradiente/autograd";
import { Adam, Dense, RandomUniform, Sequential } from "@gradiente/nn";
import { curve, drawCharts, type Point, type Series } from "./parts/charts.ts";
import { printTable, topic } from "./parts/topic.ts";

const wanted = (x: number): number => Math.sin(3 * x) + 0.3 * Math.cos(7 * x);

/** Hidden layers by their numbers of neurons. */
const wide: readonly number[][] = [[2], [5], [20], [100]];
const deep: readonly number[][] = [[8], [8, 8], [8, 8, 8]];

await topic("universal-approximation", async ({ quick, seed }) => {
  const x = linspace(-2, 2, 256).reshape([256, 1]);
  const xs = x.data;
  const y = { data: Float32Array.from(xs, wanted), shape: [256, 1] };
  const rows: (string | number)[][] = [["hidden layers", "weights", "mean squared error"]];
  const approximate = async (layers: readonly number[]): Promise<Series> => {
    // Weights and biases spread out, so that the neurons' steps lie all over the interval from the start.
    const kernelInitializer = new RandomUniform({ minval: -6, maxval: 6 });
    const biasInitializer = new RandomUniform({ minval: -6, maxval: 6 });
    const spread = { inputShape: [1], kernelInitializer, biasInitializer };
    const hidden = layers.map((units, i) => new Dense(units, { activation: "tanh", ...(i === 0 && spread) }));
    const model = new Sequential([...hidden, new Dense(1)], { seed });
    model.compile({ loss: "mse", optimizer: new Adam({ learningRate: 0.01 }) });
    await model.fit(x, y, { epochs: quick ? 3 : 1500, batchSize: 64, verbose: 0 });
    const { loss } = await model.evaluate(x, y);
    const name = layers.join("-");
    rows.push([name, String(model.countParams()), loss]);
    const values = (await model.predict(x)).data;
    return { name, points: [...xs].map((at, i): Point => [at, values[i]!]) };
  };
  const target = curve("f", wanted, -2, 2);
  const byWidth = [target];
  for (const layers of wide) byWidth.push(await approximate(layers));
  const byDepth = [target];
  for (const layers of deep) byDepth.push(await approximate(layers));
  printTable(rows);
  return drawCharts("f(x) = sin 3x + 0.3 cos 7x, approximated", [
    { title: "by width", xLabel: "x", series: byWidth, yRange: [-2, 2] },
    { title: "by depth", xLabel: "x", series: byDepth, yRange: [-2, 2] },
  ]);
});
