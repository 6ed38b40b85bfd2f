/** Backpropagation by hand, one sample at a time, in mini-batches and in one batch; and the same by autograd. */
import { mul, type Tensor, tensor, uniform, valueAndGrad } from "@gradiente/autograd";
import { moons } from "@gradiente/datasets";
import { byEpoch, drawCharts, type Point } from "./parts/charts.ts";
import { printTable, topic } from "./parts/topic.ts";

const [inputs, hidden, count] = [2, 8, 64];
const rate = 0.5;

type Weights = readonly [w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor];
const float64 = { dtype: "float64" } as const;
const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));

/** Two layers of sigmoids, and half the squared error, averaged over the samples. */
function loss(x: Tensor, t: Tensor, ...[w1, b1, w2, b2]: Tensor[]): Tensor {
  const h = x.matmul(w1!).add(b1!).sigmoid();
  const y = h.matmul(w2!).add(b2!).sigmoid();
  return y.sub(t).square().mean().mul(0.5);
}

/** Stochastic: for each sample, forwards, backwards, and every weight a step down. In plain numbers. */
function sampleBySample(x: ArrayLike<number>, t: ArrayLike<number>, weights: Weights): Weights {
  const [w1, b1, w2, b2] = weights.map((w) => Float64Array.from(w.data)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const h = new Float64Array(hidden);
  for (let n = 0; n < count; n++) {
    // Forwards: o_j = σ(Σ w_ij o_i + b_j), layer by layer.
    for (let j = 0; j < hidden; j++) {
      let z = b1[j]!;
      for (let i = 0; i < inputs; i++) z += w1[i * hidden + j]! * x[n * inputs + i]!;
      h[j] = sigmoid(z);
    }
    let z = b2[0]!;
    for (let j = 0; j < hidden; j++) z += w2[j]! * h[j]!;
    const y = sigmoid(z);
    // Backwards: the output's error δ, and each hidden neuron's, by the weight that leads from it to the output.
    const delta = (y - t[n]!) * y * (1 - y);
    for (let j = 0; j < hidden; j++) {
      const deltaJ = delta * w2[j]! * h[j]! * (1 - h[j]!);
      w2[j]! -= rate * delta * h[j]!;
      b1[j]! -= rate * deltaJ;
      for (let i = 0; i < inputs; i++) w1[i * hidden + j]! -= rate * deltaJ * x[n * inputs + i]!;
    }
    b2[0]! -= rate * delta;
  }
  return [w1, b1, w2, b2].map((data, k) => tensor({ data, shape: weights[k]!.shape })) as unknown as Weights;
}

/** The same rule for several samples at once, as products of matrices. */
function byHand(x: Tensor, t: Tensor, [w1, b1, w2, b2]: Weights): Tensor[] {
  const h = x.matmul(w1).add(b1).sigmoid();
  const y = h.matmul(w2).add(b2).sigmoid();
  const slope = (o: Tensor): Tensor => o.mul(mul(o, -1).add(1)); // of the sigmoid, from its value
  const outputError = y.sub(t).div(t.size).mul(slope(y));
  const hiddenError = outputError.matmul(w2.transpose()).mul(slope(h));
  return [
    x.transpose().matmul(hiddenError),
    hiddenError.sum({ axis: 0 }),
    h.transpose().matmul(outputError),
    outputError.sum({ axis: 0 }),
  ];
}

await topic("backpropagation", async ({ quick, seed }) => {
  const samples = await moons(count, { noise: 0.15, seed }).toArrays();
  const x = tensor(samples.x).cast("float64");
  const t = tensor({ data: Float64Array.from(samples.y.data), shape: [count, 1] });
  const draw = (...shape: number[]): Tensor => uniform(-1, 1, shape, float64);
  const start: Weights = [draw(inputs, hidden), draw(hidden), draw(hidden, 1), draw(1)];
  const byAutograd = (xs: Tensor, ts: Tensor, weights: Weights): Tensor[] =>
    valueAndGrad((...w: Tensor[]) => loss(xs, ts, ...w), [0, 1, 2, 3])(...weights)[1];

  /** One pass over the samples in batches, the gradients found by `gradientsOf`. */
  const epoch = (weights: Weights, size: number, gradientsOf: typeof byHand): Weights => {
    let now = weights;
    for (let at = 0; at < count; at += size) {
      const [xs, ts] = [x, t].map((a) => a.slice([{ start: at, stop: at + size }])) as [Tensor, Tensor];
      const slopes = gradientsOf(xs, ts, now);
      now = now.map((w, k) => w.sub(slopes[k]!.mul(rate))) as unknown as Weights;
    }
    return now;
  };
  const apart = (a: Weights, b: Weights): number => Math.max(...a.map((w, k) => w.sub(b[k]!).abs().max().item()));
  const [xs, ts] = [x.data, t.data];
  const ways = [
    { name: "one sample at a time", size: 1, pass: (w: Weights) => sampleBySample(xs, ts, w) },
    { name: "mini-batches of 8", size: 8, pass: (w: Weights) => epoch(w, 8, byHand) },
    { name: "one batch of 64", size: count, pass: (w: Weights) => epoch(w, count, byHand) },
  ];
  const epochs = quick ? 5 : 300;
  const rows: (string | number)[][] = [["updates after", "updates", "loss", "from autograd's weights after an epoch"]];
  const curves = ways.map(({ name, size, pass }) => {
    const difference = apart(pass(start), epoch(start, size, byAutograd));
    const losses = [loss(x, t, ...start).item()];
    let weights = start;
    for (let i = 0; i < epochs; i++) {
      weights = pass(weights);
      losses.push(loss(x, t, ...weights).item());
    }
    rows.push([name, String((epochs * count) / size), losses.at(-1)!, difference.toExponential(1)]);
    return { name, size, losses };
  });
  printTable(rows);
  const labels = { yLabel: "half the mean squared error", yRange: [0, 0.18] } as const;
  return drawCharts("Backpropagation on 64 points of two moons, learning rate 0.5", [
    {
      title: "by epoch",
      xLabel: "epoch",
      ...labels,
      series: curves.map(({ name, losses }) => byEpoch(name, losses.slice(1))),
    },
    {
      title: "by update",
      xLabel: "updates of the weights",
      ...labels,
      xLogarithmic: true,
      series: curves.map(({ name, size, losses }) => ({
        name,
        points: losses.slice(1).map((value, i): Point => [((i + 1) * count) / size, value]),
      })),
    },
  ]);
});
