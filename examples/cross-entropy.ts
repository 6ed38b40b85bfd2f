/** Softmax and the three cross-entropies: binary, categorical, sparse categorical. */
import { logSoftmax, mul, softmax, tensor } from "@gradiente/autograd";
import { Activation, Sequential } from "@gradiente/nn";
import { curve, drawCharts } from "./parts/charts.ts";
import { printTable, topic } from "./parts/topic.ts";

await topic("cross-entropy", async () => {
  const logits = tensor([
    [2, 1, -1],
    [0.5, 2.5, 0],
  ]);
  const probabilities = softmax(logits, { axis: -1 });
  console.log(`softmax of ${logits}\n     is ${probabilities}, rows summing to ${probabilities.sum({ axis: -1 })}`);
  const labels = tensor([0, 1], { dtype: "int32" });
  const oneHot = tensor([
    [1, 0, 0],
    [0, 1, 0],
  ]);

  const three = new Sequential([new Activation("softmax", { inputShape: [3] })]);
  three.compile({ loss: "sparse_categorical_crossentropy" });
  const sparse = (await three.evaluate(logits, labels)).loss;
  three.compile({ loss: "categorical_crossentropy" });
  const categorical = (await three.evaluate(logits, oneHot)).loss;
  const byHand = mul(logSoftmax(logits, { axis: -1 }), oneHot)
    .sum({ axis: -1 })
    .mean()
    .mul(-1)
    .item();

  // Two classes: a sigmoid of z is the softmax of (z, 0).
  const two = new Sequential([new Activation("sigmoid", { inputShape: [1] })]);
  two.compile({ loss: "binary_crossentropy" });
  const z = [[1.5], [-0.5]];
  const binary = (await two.evaluate(z, [[1], [0]])).loss;
  const both = new Sequential([new Activation("softmax", { inputShape: [2] })]);
  both.compile({ loss: "sparse_categorical_crossentropy" });
  const asTwo = (
    await both.evaluate(
      z.map(([value]) => [value!, 0]),
      [0, 1],
    )
  ).loss;

  printTable([
    ["cross-entropy", "targets", "value"],
    ["sparse_categorical_crossentropy", "numbers of classes", sparse],
    ["categorical_crossentropy", "one-hot rows", categorical],
    ["mean of -log p(true class)", "by hand", byHand],
    ["binary_crossentropy", "0 or 1", binary],
    ["the same two classes by softmax", "numbers of classes", asTwo],
  ]);
  return drawCharts("What a probability p of the true class costs", [
    {
      title: "the cost",
      xLabel: "probability p of the true class",
      yLabel: "cost of one sample",
      series: [
        curve("cross-entropy, -log p", (p) => -Math.log(p), 0.005, 1),
        curve("(1 - p)²", (p) => (1 - p) ** 2, 0, 1),
      ],
    },
    {
      title: "its slope, true class 1",
      xLabel: "input z of the sigmoid",
      yLabel: "derivative by z",
      series: [
        curve("cross-entropy, p - 1", (v) => 1 / (1 + Math.exp(-v)) - 1, -8, 8),
        curve(
          "squared error, -2 (1 - p)² p",
          (v) => {
            const p = 1 / (1 + Math.exp(-v));
            return -2 * (1 - p) ** 2 * p;
          },
          -8,
          8,
        ),
      ],
    },
  ]);
});
