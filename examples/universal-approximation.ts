/** One hidden layer approximates any continuous function if it is wide enough; several narrow ones do as well. */
import { linspace } from "@gradiente/autograd";
import { Adam, CosineDecay, Dense, RandomUniform, Sequential } from "@gradiente/nn";
import { curve, drawCharts, type Point, type Series } from "./parts/charts.ts";
import { printTable, topic } from "./parts/topic.ts";

const wanted = (x: number): number => Math.sin(3 * x) + 0.3 * Math.cos(7 * x);

/** Hidden layers by their numbers of neurons. */
const wide: readonly number[][] = [[2], [4], [8], [16], [100]];
const deep: readonly number[][] = [[4], [4, 4], [4, 4, 4], [4, 4, 4, 4]];

await topic("universal-approximation", async ({ quick, seed }) => {
  const x = linspace(-2, 2, 256).reshape([256, 1]);
  const xs = x.data;
  const y = { data: Float32Array.from(xs, wanted), shape: [256, 1] };
  const rows: (string | number)[][] = [["hidden layers", "weights", "mean squared error"]];
  const approximate = async (layers: readonly number[]): Promise<{ fit: Series; error: Point }> => {
    // Weights and biases spread out, so that the neurons' steps lie all over the interval from the start.
    const kernelInitializer = new RandomUniform({ minval: -6, maxval: 6 });
    const biasInitializer = new RandomUniform({ minval: -6, maxval: 6 });
    const spread = { inputShape: [1], kernelInitializer, biasInitializer };
    const hidden = layers.map((units, i) => new Dense(units, { activation: "tanh", ...(i === 0 && spread) }));
    const model = new Sequential([...hidden, new Dense(1)], { seed });
    const epochs = quick ? 3 : 1500;
    // Smaller and smaller steps, so that the last ones are no noise.
    const learningRate = new CosineDecay({ initialLearningRate: 0.01, decaySteps: epochs * 4 });
    model.compile({ loss: "mse", optimizer: new Adam({ learningRate }) });
    await model.fit(x, y, { epochs, batchSize: 64, verbose: 0 });
    const { loss } = await model.evaluate(x, y);
    const name = layers.join("-");
    rows.push([name, String(model.countParams()), loss]);
    const values = (await model.predict(x)).data;
    const fit = { name, points: [...xs].map((at, i): Point => [at, values[i]!]) };
    return { fit, error: [model.countParams(), loss] };
  };
  const target: Series = { ...curve("f", wanted, -2, 2), kind: "dashed", colour: "#111111" };
  const byWidth = [];
  for (const layers of wide) byWidth.push(await approximate(layers));
  const byDepth = [];
  for (const layers of deep) byDepth.push(await approximate(layers));
  printTable(rows);
  const axes = { xLabel: "x", yLabel: "y", yRange: [-2, 2] } as const;
  return drawCharts("f(x) = sin 3x + 0.3 cos 7x, approximated", [
    { title: "by width", ...axes, series: [...byWidth.map(({ fit }) => fit), target] },
    { title: "by depth", ...axes, series: [...byDepth.map(({ fit }) => fit), target] },
    {
      title: "error by size",
      xLabel: "weights and biases",
      yLabel: "mean squared error",
      logarithmic: true,
      xLogarithmic: true,
      series: [
        { name: "wider", marked: true, points: byWidth.map(({ error }) => error) },
        { name: "deeper", marked: true, points: byDepth.map(({ error }) => error) },
      ],
    },
  ]);
});
