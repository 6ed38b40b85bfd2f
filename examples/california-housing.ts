/** Regression: California housing by a network with 30 hidden neurons, SGD and standardised inputs. */
import { type Tensor, tensor } from "@gradiente/autograd";
import { californiaHousing } from "@gradiente/datasets";
import { Dense, Sequential, SGD } from "@gradiente/nn";
import { byEpoch, drawCharts } from "./parts/charts.ts";
import { printTable, topic } from "./parts/topic.ts";

await topic("california-housing", async ({ quick, seed }) => {
  const { data, featureNames, source } = await californiaHousing();
  console.log(`Data: ${source.kind}, ${source.location}: ${featureNames.join(", ")}`);
  const [train, validation, test] = data.split([9 / 16, 3 / 16, 4 / 16], { seed });
  const parts = await Promise.all([train!, validation!, test!].map((part) => part.toArrays()));
  const x = parts.map((part) => tensor(part.x).cast("float32"));
  const y = parts.map((part) => tensor(part.y).cast("float32"));
  // Mean and spread of the training rows alone: the others are not known when the model is made.
  const mean = x[0]!.mean({ axis: 0 });
  const spread = x[0]!.sub(mean).square().mean({ axis: 0 }).sqrt();
  // A few districts (a prison, a resort) have hundreds of people per household: without a limit, one of them among the
  // test districts outweighs all others in the mean of squares.
  const standardise = (t: Tensor): Tensor => t.sub(mean).div(spread).maximum(-5).minimum(5);
  const [xTrain, xValid, xTest] = x.map(standardise) as [Tensor, Tensor, Tensor];
  const [yTrain, yValid, yTest] = y as [Tensor, Tensor, Tensor];

  const model = new Sequential([new Dense(30, { activation: "relu", inputShape: [8] }), new Dense(1)], { seed });
  model.compile({ loss: "mean_squared_error", optimizer: new SGD({ learningRate: 0.001 }) });
  const { history } = await model.fit(xTrain, yTrain, { epochs: quick ? 1 : 20, validationData: [xValid, yValid] });
  const { loss } = await model.evaluate(xTest, yTest);
  console.log(`Test: mean squared error ${loss.toFixed(4)} (in squares of 100,000 dollars)`);
  const [predicted, actual] = [(await model.predict(xTest)).data, yTest.data];
  printTable([
    ["district", "predicted", "actual"],
    ...[0, 1, 2, 3, 4].map((i) => [`${i + 1}`, predicted[i]!, actual[i]!]),
  ]);
  return drawCharts("California housing, 8-30-1", [
    {
      title: "mean squared error",
      xLabel: "epoch",
      series: [byEpoch("loss", history.loss), byEpoch("val_loss", history.val_loss!)],
    },
    {
      title: "predicted and actual, 400 districts",
      xLabel: "actual",
      xRange: [0, 5],
      yRange: [0, 5],
      series: [
        { name: "predicted", kind: "points", points: [...actual].slice(0, 400).map((a, i) => [a, predicted[i]!]) },
        {
          name: "perfect",
          kind: "dashed",
          points: [
            [0, 0],
            [5, 5],
          ],
        },
      ],
    },
  ]);
});
