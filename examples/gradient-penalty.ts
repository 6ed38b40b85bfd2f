/** A loss of one's own, with a penalty on the slope of the network: the gradient of a gradient. */
import { gradients, mul, randn, type Tensor, tensor, valueAndGrad } from "@gradiente/autograd";
import { noisySine } from "@gradiente/datasets";
import { byEpoch, COLOURS, curve, drawCharts, type Point, type Series } from "./parts/charts.ts";
import { printTable, topic } from "./parts/topic.ts";

const network = (x: Tensor, [w1, b1, w2, b2]: readonly Tensor[]): Tensor =>
  x.matmul(w1!).add(b1!).tanh().matmul(w2!).add(b2!);

await topic("gradient-penalty", async ({ quick, seed }) => {
  const samples = await noisySine(16, { noise: 0.4, seed }).toArrays();
  const x = tensor(samples.x, { dtype: "float64" });
  const y = tensor(samples.y, { dtype: "float64" }).reshape([16, 1]);
  const grid = Float64Array.from({ length: 201 }, (_, i) => -Math.PI + (i * Math.PI) / 100);
  // Where slopes are penalised: also between the samples, where nothing else keeps the network from turning.
  const places = Float64Array.from({ length: 41 }, (_, i) => -Math.PI + (i * Math.PI) / 20);
  const units = 40;
  const draw = (...shape: number[]): Tensor => randn(shape, { dtype: "float64" });
  const start = [draw(1, units).mul(3), draw(units).mul(3), draw(units, 1).mul(1 / Math.sqrt(units)), draw(1)];

  const rows: (string | number)[][] = [["penalty", "training error", "error against the sine"]];
  const fits: Series[] = [{ ...curve("sin x", Math.sin, -Math.PI, Math.PI), kind: "dashed", colour: "#111111" }];
  const curves: Series[] = [];
  for (const [i, strength] of [0, 0.01, 0.05].entries()) {
    const colour = COLOURS[i]!;
    const lossOf = (...weights: Tensor[]): Tensor => {
      // The slope of the network at each place, recorded so that it can be differentiated by the weights.
      const at = tensor({ data: places, shape: [41, 1] }, { requiresGrad: true });
      const [slope] = gradients(network(at, weights).sum(), [at], { createGraph: true });
      return network(x, weights).sub(y).square().mean().add(slope!.square().mean().mul(strength));
    };
    const step = valueAndGrad(lossOf, [0, 1, 2, 3]);
    let weights = start;
    let velocity = start.map((w) => mul(w, 0));
    const losses: number[] = [];
    for (let n = 0; n < (quick ? 20 : 4000); n++) {
      const [loss, slopes] = step(...weights);
      losses.push(loss.item());
      velocity = velocity.map((v, k) => v.mul(0.9).sub(slopes[k]!.mul(0.005)));
      weights = weights.map((w, k) => w.add(velocity[k]!));
    }
    const error = network(x, weights).sub(y).square().mean().item();
    const fitted = network(tensor({ data: grid, shape: [201, 1] }), weights).data;
    const distance = [...grid].reduce((sum, at, i) => sum + (fitted[i]! - Math.sin(at)) ** 2, 0) / grid.length;
    const name = `penalty ${strength}`;
    rows.push([String(strength), error, distance]);
    fits.push({ name, colour, points: [...grid].map((at, i): Point => [at, fitted[i]!]) });
    curves.push({ ...byEpoch(name, losses), colour });
  }
  printTable(rows);
  const seen = [...x.data].map((at, i): Point => [at, y.data[i]!]);
  return drawCharts("16 noisy samples, with a penalty on the slope", [
    {
      title: "what is learned",
      xLabel: "x",
      yLabel: "y",
      series: [...fits, { name: "samples", kind: "points", points: seen, colour: "#111111" }],
      yRange: [-2, 2],
    },
    {
      title: "the loss with its penalty",
      xLabel: "step",
      yLabel: "mean squared error + penalty",
      series: curves,
      logarithmic: true,
    },
  ]);
});
