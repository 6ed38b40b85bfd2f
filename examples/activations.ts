/** Activation functions and their derivatives, and why linear ones are not enough. */
import { elu, grad, leakyRelu, linspace, relu, sigmoid, softplus, type Tensor, tanh } from "@gradiente/autograd";
import { moons } from "@gradiente/datasets";
import { Adam, Dense, Sequential } from "@gradiente/nn";
import { drawCharts, type Point, type Series } from "./parts/charts.ts";
import { printTable, topic } from "./parts/topic.ts";

const functions: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  sigmoid: (x) => sigmoid(x),
  tanh: (x) => tanh(x),
  relu: (x) => relu(x),
  "leaky relu": (x) => leakyRelu(x),
  elu: (x) => elu(x),
  softplus: (x) => softplus(x),
};

await topic("activations", async ({ quick, seed }) => {
  const x = linspace(-4, 4, 201, { dtype: "float64" });
  const drawn = (f: (x: Tensor) => Tensor): ((name: string) => Series) => {
    const [xs, ys] = [x.data, f(x).data];
    return (name) => ({ name, points: [...xs].map((at, i): Point => [at, ys[i]!]) });
  };
  const values = Object.entries(functions).map(([name, f]) => drawn(f)(name));
  // The derivative of a sum of f(xᵢ) with respect to xᵢ is f′(xᵢ).
  const slopes = Object.entries(functions).map(([name, f]) => drawn(grad((t) => f(t).sum()))(name));

  const samples = await moons(600, { noise: 0.15, seed }).toArrays();
  const rows: (string | number)[][] = [["hidden activation", "accuracy on two moons"]];
  for (const activation of ["linear", "sigmoid", "tanh", "relu"] as const) {
    const model = new Sequential(
      [
        new Dense(16, { activation, inputShape: [2] }),
        new Dense(16, { activation }),
        new Dense(2, { activation: "softmax" }),
      ],
      { seed },
    );
    model.compile({
      loss: "sparse_categorical_crossentropy",
      optimizer: new Adam({ learningRate: 0.01 }),
      metrics: ["accuracy"],
    });
    const { history } = await model.fit(samples.x, samples.y, { epochs: quick ? 5 : 80, verbose: 0 });
    rows.push([activation, history.accuracy!.at(-1)!]);
  }
  printTable(rows);
  console.log("Linear layers one after another are one linear layer: their boundary is a straight line.");
  return drawCharts("Activation functions", [
    { title: "f(x)", xLabel: "x", series: values, yRange: [-1.5, 4] },
    { title: "f′(x), by autograd", xLabel: "x", series: slopes, yRange: [-0.25, 1.25] },
  ]);
});
