/** Shapes of a network with 10 inputs, 50 hidden neurons and 3 outputs, for a batch of m samples. */
import { randn, relu } from "@gradiente/autograd";
import { Dense, Sequential } from "@gradiente/nn";
import { drawCharts, type Point } from "./parts/charts.ts";
import { topic } from "./parts/topic.ts";

await topic("layer-shapes", async () => {
  const m = 32;
  const model = new Sequential([
    new Dense(50, { activation: "relu", inputShape: [10], name: "hidden" }),
    new Dense(3, { activation: "relu", name: "output" }),
  ]);
  model.summary();
  const x = randn([m, 10]);
  const [hiddenWeights, hiddenBiases] = model.getLayer("hidden").getWeights();
  const [outputWeights, outputBiases] = model.getLayer("output").getWeights();
  const hidden = relu(x.matmul(hiddenWeights!).add(hiddenBiases!));
  const y = relu(hidden.matmul(outputWeights!).add(outputBiases!));
  const shapes = { X: x, Wh: hiddenWeights!, bh: hiddenBiases!, Wo: outputWeights!, bo: outputBiases!, Y: y };
  for (const [name, { shape }] of Object.entries(shapes)) console.log(`${name.padEnd(3)} [${shape.join(", ")}]`);
  const difference = y
    .sub(await model.predict(x))
    .abs()
    .max()
    .item();
  console.log(`Y = relu(relu(X Wh + bh) Wo + bo) differs from the model's output by at most ${difference}.`);
  const parameters = (units: number): number => 10 * units + units + units * 3 + 3;
  const points = Array.from({ length: 100 }, (_, i): Point => [i + 1, parameters(i + 1)]);
  return drawCharts("10 inputs, n hidden neurons, 3 outputs", [
    { title: "parameters", xLabel: "hidden neurons", series: [{ name: "14 n + 3", points }] },
  ]);
});
