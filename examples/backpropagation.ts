/** Backpropagation worked out by hand, and the same by autograd. */
import { mul, type Tensor, tensor, uniform, valueAndGrad } from "@gradiente/autograd";
import { byEpoch, drawCharts } from "./parts/charts.ts";
import { topic } from "./parts/topic.ts";

type Weights = readonly [w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor];

const float64 = { dtype: "float64" } as const;
const x = tensor(
  [
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ],
  float64,
);
const target = tensor([[0], [1], [1], [0]], float64); // exclusive or

function loss(...[w1, b1, w2, b2]: Tensor[]): Tensor {
  const hidden = x.matmul(w1!).add(b1!).sigmoid();
  const output = hidden.matmul(w2!).add(b2!).sigmoid();
  return output.sub(target).square().mean();
}

/** The chain rule, layer by layer: an error at each layer's sum, from which its weights' gradients follow. */
function byHand([w1, b1, w2, b2]: Weights): [number, Tensor[]] {
  const hidden = x.matmul(w1).add(b1).sigmoid();
  const output = hidden.matmul(w2).add(b2).sigmoid();
  const difference = output.sub(target);
  const slope = (y: Tensor): Tensor => y.mul(mul(y, -1).add(1)); // of the sigmoid, from its value
  const outputError = difference.mul(2 / target.size).mul(slope(output));
  const hiddenError = outputError.matmul(w2.transpose()).mul(slope(hidden));
  const gradients = [
    x.transpose().matmul(hiddenError),
    hiddenError.sum({ axis: 0 }),
    hidden.transpose().matmul(outputError),
    outputError.sum({ axis: 0 }),
  ];
  return [difference.square().mean().item(), gradients];
}

await topic("backpropagation", ({ quick }) => {
  const draw = (...shape: number[]): Tensor => uniform(-1, 1, shape, float64);
  const start: Weights = [draw(2, 4), draw(4), draw(4, 1), draw(1)];
  const both = valueAndGrad(loss, [0, 1, 2, 3]);
  const [value, found] = both(...start);
  const [expected, gradients] = byHand(start);
  const differences = gradients.map((g, i) => g.sub(found[i]!).abs().max().item());
  console.log(`Loss: ${value.item()} by autograd, ${expected} by hand.`);
  console.log(`Largest difference of the gradients: ${Math.max(...differences)}`);

  const train = (gradientsOf: (weights: Weights) => [number, Tensor[]]): number[] => {
    let weights = start;
    return Array.from({ length: quick ? 50 : 3000 }, () => {
      const [current, g] = gradientsOf(weights);
      weights = weights.map((w, i) => w.sub(g[i]!.mul(2))) as unknown as Weights;
      return current;
    });
  };
  const automatic = train((weights) => {
    const [current, g] = both(...weights);
    return [current.item(), g];
  });
  const manual = train(byHand);
  console.log(`Loss after ${manual.length} steps: ${automatic.at(-1)} by autograd, ${manual.at(-1)} by hand.`);
  return drawCharts("Learning exclusive or", [
    { title: "loss", xLabel: "step", series: [byEpoch("autograd", automatic), byEpoch("by hand", manual, "dashed")] },
  ]);
});
