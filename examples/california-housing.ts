/** Regression: California housing by a network with 30 hidden neurons, SGD and standardised inputs. */
import { Dense, Sequential, SGD } from "@gradiente/nn";
import { byEpoch, drawCharts } from "./parts/charts.ts";
import { loadHousing } from "./parts/housing.ts";
import { printTable, topic } from "./parts/topic.ts";

await topic("california-housing", async ({ quick, seed }) => {
  const { train, validation, test, featureNames } = await loadHousing(seed);
  console.log(`Features: ${featureNames.join(", ")}`);
  const model = new Sequential([new Dense(30, { activation: "relu", inputShape: [8] }), new Dense(1)], { seed });
  model.compile({ loss: "mean_squared_error", optimizer: new SGD({ learningRate: 0.001 }) });
  const { history } = await model.fit(train.x, train.y, {
    epochs: quick ? 1 : 20,
    validationData: [validation.x, validation.y],
  });
  const { loss } = await model.evaluate(test.x, test.y);
  console.log(`Test: mean squared error ${loss.toFixed(4)} (in squares of 100,000 dollars)`);
  const [predicted, actual] = [(await model.predict(test.x)).data, test.y.data];
  printTable([
    ["district", "predicted", "actual"],
    ...[0, 1, 2, 3, 4].map((i) => [`${i + 1}`, predicted[i]!, actual[i]!]),
  ]);
  return drawCharts("California housing, 8-30-1", [
    {
      title: "learning curves",
      xLabel: "epoch",
      yLabel: "mean squared error",
      series: [byEpoch("loss", history.loss), byEpoch("val_loss", history.val_loss!)],
    },
    {
      title: "the first 400 test districts",
      xLabel: "actual value (100,000 dollars)",
      yLabel: "predicted value (100,000 dollars)",
      xRange: [0, 5.5],
      yRange: [0, 5.5],
      series: [
        { name: "districts", kind: "points", points: [...actual].slice(0, 400).map((a, i) => [a, predicted[i]!]) },
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
