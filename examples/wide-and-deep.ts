/** Wide & deep: California housing with two inputs, one of which goes straight to the output, and two outputs. */
import { join, resolve } from "node:path";
import type { Tensor } from "@gradiente/autograd";
import { Concatenate, Dense, functional, input, SGD } from "@gradiente/nn";
import { byEpoch, drawCharts } from "./parts/charts.ts";
import { type Districts, loadHousing } from "./parts/housing.ts";
import { writeWhole } from "./parts/output.ts";
import { printTable, topic } from "./parts/topic.ts";

await topic("wide-and-deep", async ({ quick, seed, out }) => {
  const { train, validation, test } = await loadHousing(seed);
  // Features 0 to 4 take the wide path, 2 to 7 the deep one.
  const inputsOf = ({ x }: Districts): Tensor[] => [x.slice([null, { stop: 5 }]), x.slice([null, { start: 2 }])];

  const wide = input({ shape: [5], name: "wide" });
  const deep = input({ shape: [6], name: "deep" });
  const hidden = new Dense(30, { activation: "relu" }).apply(deep);
  const deepest = new Dense(30, { activation: "relu" }).apply(hidden);
  const together = new Concatenate().apply([wide, deepest]);
  const main = new Dense(1, { name: "main" }).apply(together);
  // A second output makes the deep path learn something useful by itself.
  const auxiliary = new Dense(1, { name: "auxiliary" }).apply(deepest);
  const model = functional({ inputs: [wide, deep], outputs: [main, auxiliary], seed });
  model.summary();
  const drawing = join(resolve(out), "wide-and-deep-model.svg");
  await writeWhole(drawing, model.toSVG());
  console.log(`The model: ${drawing}`);
  model.compile({
    loss: { main: "mse", auxiliary: "mse" },
    lossWeights: [0.9, 0.1],
    optimizer: new SGD({ learningRate: 0.001 }),
    metrics: [["mse"], ["mse"]],
  });
  const { history } = await model.fit(inputsOf(train), [train.y, train.y], {
    epochs: quick ? 1 : 20,
    validationData: [inputsOf(validation), [validation.y, validation.y]],
  });
  const final = await model.evaluate(inputsOf(test), [test.y, test.y]);
  printTable([["on the test districts", "value"], ...Object.entries(final).map(([name, value]) => [name, value])]);
  const [predicted] = await model.predictAll(inputsOf(test));
  const [values, actual] = [predicted!.data, test.y.data];
  const curvesOf = (output: string) => [
    byEpoch(output, history[`${output}_mse`] ?? []),
    byEpoch(`val_${output}`, history[`val_${output}_mse`] ?? [], "dashed"),
  ];
  return drawCharts("California housing, wide & deep", [
    {
      title: "learning curves of the two outputs",
      xLabel: "epoch",
      yLabel: "mean squared error",
      series: [...curvesOf("main"), ...curvesOf("auxiliary")],
    },
    {
      title: "the main output, first 400 test districts",
      xLabel: "actual value (100,000 dollars)",
      yLabel: "predicted value (100,000 dollars)",
      xRange: [0, 5.5],
      yRange: [0, 5.5],
      series: [
        { name: "districts", kind: "points", points: [...actual].slice(0, 400).map((a, i) => [a, values[i]!]) },
        {
          name: "predicted = actual",
          kind: "dashed",
          points: [
            [0, 0],
            [5.5, 5.5],
          ],
        },
      ],
    },
  ]);
});
