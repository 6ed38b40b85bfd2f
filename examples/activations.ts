/** Activation functions and their derivatives, and why linear ones are not enough. */
import { elu, grad, leakyRelu, linspace, relu, sigmoid, softplus, type Tensor, tanh } from "@gradiente/autograd";
import { moons } from "@gradiente/datasets";
import { Adam, Dense, Sequential } from "@gradiente/nn";
import { type Chart, COLOURS, drawCharts, levelLine, type Point, type Series } from "./parts/charts.ts";
import { printTable, topic } from "./parts/topic.ts";

type Functions = Readonly<Record<string, (x: Tensor) => Tensor>>;
const saturating: Functions = { sigmoid: (x) => sigmoid(x), tanh: (x) => tanh(x) };
const rectifying: Functions = {
  relu: (x) => relu(x),
  "leaky relu, 0.1": (x) => leakyRelu(x, 0.1),
  elu: (x) => elu(x),
  softplus: (x) => softplus(x),
};

/** The functions, and, dashed, their derivatives by autograd. */
function chartOf(title: string, functions: Functions, yRange: readonly [number, number]): Chart {
  const x = linspace(-4, 4, 401, { dtype: "float64" });
  const xs = [...x.data];
  const points = (y: Tensor): Point[] => {
    const ys = y.data;
    return xs.map((at, i): Point => [at, ys[i]!]);
  };
  const series = Object.entries(functions).flatMap(([name, f], i): Series[] => {
    const colour = COLOURS[i]!;
    // The derivative of a sum of f(xᵢ) with respect to xᵢ is f′(xᵢ).
    const slope = grad((t) => f(t).sum())(x);
    return [
      { name, colour, points: points(f(x)) },
      { name: `${name}′`, colour, kind: "dashed", points: points(slope), unlisted: true },
    ];
  });
  return { title, xLabel: "x", yLabel: "f(x), and dashed f′(x)", series, yRange };
}

await topic("activations", async ({ quick, seed }) => {
  const samples = await moons(600, { noise: 0.15, seed }).toArrays();
  const at = (i: number): Point => [samples.x.data[2 * i]!, samples.x.data[2 * i + 1]!];
  const ofClass = (label: number): Point[] => [...samples.y.data].flatMap((y, i) => (y === label ? [at(i)] : []));
  const [xRange, yRange] = [
    [-1.5, 2.5],
    [-1, 1.5],
  ] as const;
  const rows: (string | number)[][] = [["hidden activation", "accuracy on two moons"]];
  const boundaries: Series[] = [];
  for (const activation of ["linear", "sigmoid", "tanh", "relu"] as const) {
    const model = new Sequential(
      [
        new Dense(16, { activation, inputShape: [2] }),
        new Dense(16, { activation }),
        new Dense(1, { activation: "sigmoid" }),
      ],
      { seed },
    );
    model.compile({
      loss: "binary_crossentropy",
      optimizer: new Adam({ learningRate: 0.01 }),
      metrics: ["accuracy"],
    });
    await model.fit(samples.x, samples.y, { epochs: quick ? 5 : 150, verbose: 0 });
    const { accuracy } = await model.evaluate(samples.x, samples.y);
    rows.push([activation, accuracy!]);
    const probabilities = async (points: readonly Point[]): Promise<ArrayLike<number>> =>
      (
        await model.predict(
          points.map((p) => [...p]),
          { batchSize: 1024 },
        )
      ).data;
    boundaries.push({ name: activation, points: await levelLine(probabilities, xRange, yRange) });
  }
  printTable(rows);
  console.log("Linear layers one after another are one linear layer: their boundary is a straight line.");
  console.log("Sigmoids could bend it as tanh does, but have only begun to: their slopes are at most 1/4, a layer.");
  const grey = { kind: "points" } as const;
  return drawCharts("Activation functions", [
    chartOf("that saturate", saturating, [-1.5, 1.5]),
    chartOf("that rectify", rectifying, [-1.5, 4]),
    {
      title: "boundaries of 2-16-16-1 by hidden activation",
      xLabel: "x₁",
      yLabel: "x₂",
      xRange,
      yRange,
      series: [
        ...boundaries,
        { ...grey, name: "class 0", points: ofClass(0), colour: "#9db8dd" },
        { ...grey, name: "class 1", points: ofClass(1), colour: "#e3b98f" },
      ],
    },
  ]);
});
