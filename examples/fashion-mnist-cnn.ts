/** A convolutional network for Fashion-MNIST: the main job with other layers, and better than 0.90 on the test images. */
import { tensor } from "@gradiente/autograd";
import { Adam, Conv2D, CosineDecay, Dense, Dropout, Flatten, MaxPooling2D, Reshape, Sequential } from "@gradiente/nn";
import { byEpoch, drawCharts, type Point } from "./parts/charts.ts";
import { loadGarments } from "./parts/garments.ts";
import { printTable, topic } from "./parts/topic.ts";

await topic("fashion-mnist-cnn", async ({ quick, seed }) => {
  const { train, test, classNames } = await loadGarments({ directory: undefined, seed, quick, say: console.log });
  const full = await (quick ? train.take(600) : train).toArrays();
  const held = await (quick ? test.take(200) : test).toArrays();
  const validation = Math.floor(full.x.shape[0]! / 12);
  const images = tensor(full.x).div(255);
  const labels = tensor(full.y);
  const xTest = tensor(held.x).div(255);

  // The main job's network, with these layers in place of its first dense one; and Adam in place of SGD.
  const model = new Sequential(
    [
      new Reshape([28, 28, 1], { inputShape: [28, 28] }),
      new Conv2D(16, 3, { activation: "relu" }),
      new MaxPooling2D(2),
      new Conv2D(32, 3, { activation: "relu" }),
      new MaxPooling2D(2),
      new Flatten(),
      new Dropout(0.25),
      new Dense(100, { activation: "relu" }),
      new Dense(10, { activation: "softmax" }),
    ],
    { seed },
  );
  model.summary();
  const epochs = quick ? 1 : 7;
  const steps = Math.ceil((full.x.shape[0]! - validation) / 32);
  // Smaller and smaller steps: the weights come to rest where they are good.
  const learningRate = new CosineDecay({ initialLearningRate: 0.002, decaySteps: epochs * steps });
  const optimizer = new Adam({ learningRate });
  model.compile({ loss: "sparse_categorical_crossentropy", optimizer, metrics: ["accuracy"] });
  const start = performance.now();
  const { history } = await model.fit(images.slice([{ start: validation }]), labels.slice([{ start: validation }]), {
    epochs,
    validationData: [images.slice([{ stop: validation }]), labels.slice([{ stop: validation }])],
    validationBatchSize: 250,
  });
  console.log(`Training took ${((performance.now() - start) / 1000).toFixed(0)} s.`);
  const { loss, accuracy } = await model.evaluate(xTest, held.y, { batchSize: 250 });
  console.log(`Test: loss ${loss.toFixed(4)}, accuracy ${accuracy!.toFixed(4)}`);

  // Which garments it takes for which.
  const probabilities = await model.predict(xTest, { batchSize: 250 });
  const guesses = probabilities.argmax({ axis: -1 }).data;
  const confusions = new Map<string, number>();
  const found = classNames.map(() => ({ right: 0, all: 0 }));
  held.y.data.forEach((truth, i) => {
    found[truth]!.all++;
    if (guesses[i] === truth) found[truth]!.right++;
    else {
      const pair = `${classNames[truth]} taken for ${classNames[guesses[i]!]}`;
      confusions.set(pair, (confusions.get(pair) ?? 0) + 1);
    }
  });
  printTable([
    ["garment", "found"],
    ...found.map(({ right, all }, i) => [
      classNames[i]!,
      all === 0 ? "none there" : `${((100 * right) / all).toFixed(1)} %`,
    ]),
  ]);
  const worst = [...confusions].sort((a, b) => b[1] - a[1]).slice(0, 5);
  console.log(`Most frequent errors: ${worst.map(([pair, count]) => `${pair} (${count})`).join(", ")}`);

  // Whether its probabilities are to be believed: of images it is 80 % sure of, 80 % should be what it says.
  const sure = probabilities.max({ axis: -1 }).data;
  const bins = Array.from({ length: 10 }, (_, bin) => {
    const members = [...sure].flatMap((p, i) => (Math.min(9, Math.floor(10 * p)) === bin ? [i] : []));
    const mean = members.reduce((sum, i) => sum + sure[i]!, 0) / members.length;
    const right = members.filter((i) => guesses[i] === held.y.data[i]).length / members.length;
    return { count: members.length, at: [100 * mean, 100 * right] as Point };
  });
  const percent = { xRange: [0, 100], yRange: [0, 100] } as const;
  return drawCharts("Fashion-MNIST, a convolutional network", [
    {
      title: "loss",
      xLabel: "epoch",
      yLabel: "cross-entropy",
      series: [byEpoch("loss", history.loss), byEpoch("val_loss", history.val_loss!)],
    },
    {
      title: "accuracy",
      xLabel: "epoch",
      yLabel: "accuracy",
      series: [byEpoch("accuracy", history.accuracy!), byEpoch("val_accuracy", history.val_accuracy!)],
    },
    {
      title: "calibration, where at least 20 test images are",
      xLabel: "probability it gives its answer (%)",
      yLabel: "answers that are right (%)",
      ...percent,
      series: [
        { name: "found", marked: true, points: bins.filter(({ count }) => count >= 20).map(({ at }) => at) },
        {
          name: "as it should be",
          kind: "dashed",
          points: [
            [0, 0],
            [100, 100],
          ],
        },
      ],
    },
  ]);
});
