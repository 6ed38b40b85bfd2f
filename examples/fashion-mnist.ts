/**
 * The course's main job: a network for Fashion-MNIST, from the files to the names of three garments.
 * `pnpm start`, or `node examples/fashion-mnist.ts --help`.
 */

import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import {
  type BackendName,
  GradienteError,
  getBackend,
  getThreads,
  manualSeed,
  setBackend,
  tensor,
} from "@gradiente/autograd";
import { DataError } from "@gradiente/datasets";
import { Dense, Flatten, loadModel, Sequential, SGD } from "@gradiente/nn";
import { HELP, readOptions, type TrainingOptions, UsageError } from "./parts/command-line.ts";
import { drawSheet, printSheet } from "./parts/contact-sheet.ts";
import { type Curves, drawCurves, plotCurves } from "./parts/curves.ts";
import { loadGarments } from "./parts/garments.ts";
import { writeWhole } from "./parts/output.ts";

const INTERRUPTED = 130;
const colour = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
const say = (line = ""): void => console.log(line);

async function main(options: TrainingOptions, signal: AbortSignal): Promise<number> {
  const { epochs, batchSize, learningRate, seed, quick } = options;
  const out = resolve(options.out);
  await mkdir(out, { recursive: true }); // a folder that cannot be written to is known before training, not after
  if (options.backend !== undefined) setBackend(options.backend as BackendName);
  manualSeed(seed);

  // Load the images, hold some out for validation, and scale them to [0, 1].
  const { train, test, classNames } = await loadGarments({ directory: options.data, seed, signal, quick, say });
  say(`Backend: ${getBackend()}, threads: ${getThreads()}. Seed: ${seed}.`);
  const full = await (quick ? train.take(600) : train).toArrays();
  const held = await (quick ? test.take(200) : test).toArrays();
  const count = full.x.shape[0]!;
  const validation = Math.min(5000, Math.floor(count / 12));
  const images = tensor(full.x).div(255);
  const labels = tensor(full.y);
  const xValid = images.slice([{ stop: validation }]);
  const yValid = labels.slice([{ stop: validation }]);
  const xTrain = images.slice([{ start: validation }]);
  const yTrain = labels.slice([{ start: validation }]);
  const xTest = tensor(held.x).div(255);
  const yTest = tensor(held.y);
  say(`Images: ${xTrain.shape[0]} to train with, ${xValid.shape[0]} for validation, ${xTest.shape[0]} to test with.`);
  say();

  // The network.
  const model = new Sequential([
    new Flatten({ inputShape: [28, 28] }),
    new Dense(300, { activation: "relu" }),
    new Dense(100, { activation: "relu" }),
    new Dense(10, { activation: "softmax" }),
  ]);
  model.summary();
  const [weights, biases] = model.layers[1]!.getWeights();
  say(`First dense layer: weights [${weights!.shape.join(", ")}], biases ${biases}`);
  say();

  // Training.
  model.compile({
    loss: "sparse_categorical_crossentropy",
    optimizer: new SGD({ learningRate }),
    metrics: ["accuracy"],
  });
  const { history } = await model.fit(xTrain, yTrain, {
    epochs,
    batchSize,
    validationData: [xValid, yValid],
    signal,
  });
  const curves: Curves = history;
  const finished = curves.val_loss?.length ?? 0;
  say();

  // Learning curves and the trained network.
  const files = { curves: join(out, "learning-curves.svg"), history: join(out, "history.json") };
  const modelFile = join(out, "my_model.h5");
  if (finished > 0) {
    await writeWhole(files.curves, drawCurves(curves, "Fashion-MNIST, 784-300-100-10"));
    await writeWhole(files.history, `${JSON.stringify(history, null, 2)}\n`);
    say(plotCurves(curves, colour));
    say(`Learning curves: ${files.curves}`);
  }
  await model.save(modelFile);
  say(`Model: ${modelFile}`);
  if (signal.aborted) {
    say(`Interrupted after ${finished} of ${epochs} epochs. What was learned until then is in ${out}.`);
    return INTERRUPTED;
  }

  // How good it is on images it has never seen; and that the saved network is the same one.
  const { loss, accuracy } = await model.evaluate(xTest, yTest);
  say(`Test: loss ${loss!.toFixed(4)}, accuracy ${accuracy!.toFixed(4)}`);
  const again = await loadModel(modelFile);
  const [before, after] = [await model.predict(xTest), await again.predict(xTest)].map((p) => p.data);
  const identical = before!.every((value, i) => Object.is(value, after![i]));
  say(`Saved, loaded: predictions of the loaded model are ${identical ? "identical" : "DIFFERENT"}`);

  // Three garments.
  const xNew = xTest.slice([{ stop: 3 }]);
  const probabilities = (await model.predict(xNew)).toArray() as number[][];
  const sightings = probabilities.map((p, i) => ({
    pixels: held.x.data.subarray(784 * i, 784 * (i + 1)),
    side: 28,
    probabilities: p,
    classNames,
    truth: held.y.data[i]!,
  }));
  const sheet = join(out, "predictions.svg");
  await writeWhole(sheet, drawSheet(sightings));
  say();
  say(printSheet(sightings, colour));
  say(`Predictions: ${sheet}`);
  return identical ? 0 : 1;
}

/** A folder that cannot be made or a file that cannot be written: the reader's business, not a fault in the program. */
function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error && "path" in error;
}

const interruption = new AbortController();
process.on("SIGINT", () => {
  if (interruption.signal.aborted) process.exit(INTERRUPTED); // asked twice
  console.error("\nStopping after this batch; Ctrl-C again stops at once.");
  interruption.abort();
});
try {
  const options = readOptions(process.argv.slice(2));
  if (options === null) say(HELP);
  else process.exitCode = await main(options, interruption.signal);
} catch (error) {
  if (interruption.signal.aborted) {
    say("Interrupted before there was anything to save.");
    process.exitCode = INTERRUPTED;
  } else if (error instanceof UsageError) {
    console.error(`${error.message}\n\npnpm start --help explains the options.`);
    process.exitCode = 2;
  } else if (error instanceof DataError || error instanceof GradienteError || isFileError(error)) {
    console.error(`${error.name}: ${error.message}`);
    process.exitCode = 1;
  } else throw error;
}
