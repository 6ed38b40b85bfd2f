/** Overfitting, its validation curves, and the remedies: early stopping, a penalty, dropout, augmentation, more data. */
import { moons } from "@gradiente/datasets";
import {
  Adam,
  type Callback,
  Dense,
  Dropout,
  EarlyStopping,
  GaussianNoise,
  type Layer,
  ridge,
  Sequential,
} from "@gradiente/nn";
import { byEpoch, type Chart, drawCharts } from "./parts/charts.ts";
import { printTable, topic } from "./parts/topic.ts";

interface Remedy {
  readonly name: string;
  /** λ of the penalty (λ/N)·Σw². */
  readonly penalty?: number;
  readonly dropout?: number;
  /** Deviation of the noise that is added to the samples, anew in every epoch. */
  readonly noise?: number;
  readonly samples?: number;
  readonly callbacks?: readonly Callback[];
}

const remedies: readonly Remedy[] = [
  { name: "none" },
  { name: "early stopping", callbacks: [new EarlyStopping({ patience: 20, restoreBestWeights: true })] },
  { name: "ridge penalty, λ = 0.25", penalty: 0.25 },
  { name: "dropout 50 %", dropout: 0.5 },
  { name: "augmentation: noise 0.25", noise: 0.25 },
  { name: "ten times the data", samples: 800 },
];

await topic("overfitting", async ({ quick, seed }) => {
  const validation = await moons(1000, { noise: 0.3, seed: seed + 1 }).toArrays();
  const rows: (string | number)[][] = [["remedy", "epochs", "loss", "val_loss", "val_accuracy"]];
  const charts: Chart[] = [];
  for (const { name, penalty, dropout, noise, samples = 80, callbacks = [] } of remedies) {
    const { x, y } = await moons(samples, { noise: 0.3, seed }).toArrays();
    const kernelRegularizer = penalty === undefined ? null : ridge(penalty, { samples });
    const layers: Layer[] = noise === undefined ? [] : [new GaussianNoise(noise)];
    for (let i = 0; i < 2; i++) {
      layers.push(new Dense(128, { activation: "relu", kernelRegularizer }));
      if (dropout !== undefined) layers.push(new Dropout(dropout));
    }
    const model = new Sequential([...layers, new Dense(1, { activation: "sigmoid" })], { seed });
    model.compile({
      loss: "binary_crossentropy",
      optimizer: new Adam({ learningRate: 0.003 }),
      metrics: ["accuracy"],
    });
    const { history } = await model.fit(x, y, {
      epochs: quick ? 3 : 200,
      validationData: [validation.x, validation.y],
      validationBatchSize: 250,
      callbacks,
      verbose: 0,
    });
    // After early stopping these are those of the best epoch, whose weights were restored.
    const final = await model.evaluate(validation.x, validation.y, { batchSize: 250 });
    rows.push([name, String(history.loss.length), history.loss.at(-1)!, final.loss, final.accuracy!]);
    charts.push({
      title: name,
      xLabel: "epoch",
      yLabel: "cross-entropy (+ penalty)",
      xRange: [1, quick ? 3 : 200],
      yRange: [0, 1],
      series: [byEpoch("loss", history.loss), byEpoch("val_loss", history.val_loss!)],
    });
  }
  printTable(rows);
  return drawCharts("A network of 17,025 weights on 80 noisy samples", charts);
});
