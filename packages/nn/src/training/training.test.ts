import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { progressLine } from "../callbacks/progress-bar.ts";
import {
  CSVLogger,
  DataError,
  Dense,
  Flatten,
  LambdaCallback,
  LayerInputError,
  ModelCheckpoint,
  NotReadyError,
  ProgressBar,
  Sequential,
  SGD,
  TerminateOnNaN,
  TrainingError,
} from "../index.ts";

const x = [
  [0, 1],
  [1, 0],
  [1, 1],
  [0, 0],
];
const labels = [0, 1, 2, 0];

function classifier(): Sequential {
  const model = new Sequential([new Dense(3, { activation: "softmax", inputShape: [2] })], { seed: 1 });
  model.compile({ loss: "sparse_categorical_crossentropy", optimizer: "sgd", metrics: ["accuracy"] });
  return model;
}

/** Runs `fit` and checks that it fails without having changed a weight. */
async function refuses(run: (model: Sequential) => Promise<unknown>, error: unknown, text: RegExp): Promise<void> {
  const model = classifier();
  const before = model.getWeights().map((w) => [...w.data]);
  const failure = await run(model).then(
    () => null,
    (e: unknown) => e,
  );
  expect(failure).toBeInstanceOf(error);
  expect((failure as Error).message).toMatch(text);
  expect(model.getWeights().map((w) => [...w.data])).toEqual(before);
}

describe("bad input", () => {
  it("names layer, expected and given shape", () =>
    refuses(
      (m) => m.fit([[1, 2, 3]], [0], { verbose: 0 }),
      LayerInputError,
      /"dense" expects input of shape \(None, 2\), but was given \(1, 3\)/,
    ));
  it("refuses labels out of range", () =>
    refuses(
      (m) => m.fit(x, [0, 1, 3, 0], { verbose: 0 }),
      DataError,
      /label 3 of sample 2 is not one of the model's 3 classes/,
    ));
  it("refuses counts that differ", () =>
    refuses((m) => m.fit(x, [0, 1], { verbose: 0 }), DataError, /x has 4 samples .* y has 2/));
  it("refuses NaN", () =>
    refuses(
      (m) =>
        m.fit(
          [
            [0, 1],
            [Number.NaN, 0],
          ],
          [0, 1],
          { verbose: 0 },
        ),
      DataError,
      /x contains NaN, first in sample 1 \(element 0/,
    ));
  it("refuses empty validation data", () =>
    refuses((m) => m.fit(x, labels, { validationData: [[], []], verbose: 0 }), DataError, /no samples/));
  it("refuses a split that leaves nothing", () =>
    refuses(
      (m) => m.fit(x, labels, { validationSplit: 0.9, verbose: 0 }),
      DataError,
      /leaves nothing to train|leaves nothing to validate/,
    ));
  it("refuses bad labels in batches of a data set", () =>
    refuses((m) => m.fit([{ x, y: [0, 1, 2, 9] }], { verbose: 0 }), DataError, /label 9/));

  it("needs compile before fit, and shapes before a summary", async () => {
    const model = new Sequential([new Flatten(), new Dense(1)]);
    await expect(model.fit(x, labels)).rejects.toThrow(NotReadyError);
    expect(() => model.summary({ print: () => {} })).toThrow(/not built/);
    await expect(model.save("nowhere.h5")).rejects.toThrow(NotReadyError);
    await expect(model.predict(x)).rejects.toThrow(/"sequential" is not built/);
    await expect(classifier().predict([[1, 2, 3]])).rejects.toThrow(LayerInputError);
    expect(() => classifier().trainOnBatch(x, [0, 1, 2, 7])).toThrow(/label 7/);
    expect(classifier().trainOnBatch(x, labels).loss).toBeGreaterThan(0);
  });

  it("names the nearest of misspelt names", () => {
    const model = new Sequential([new Dense(1)]);
    const misspelt = "sparse_categorical_crosentropy" as "mse";
    expect(() => model.compile({ loss: misspelt, optimizer: "sgd" })).toThrow(
      /did you mean "sparse_categorical_crossentropy"/,
    );
    expect(() => model.compile({ loss: "mse", optimizer: "sdg" as "sgd" })).toThrow(/did you mean "sgd"/);
    expect(() => model.compile({ loss: "mse", metrics: ["acuracy" as "accuracy"] })).toThrow(/did you mean "accuracy"/);
    expect(() => new Dense(1, { activation: "rleu" as "relu" })).toThrow(/did you mean "relu"/);
    expect(() => model.getLayer("dens")).toThrow(/did you mean "dense"/);
  });

  it("says where a loss that is not a number comes from", async () => {
    const model = new Sequential([new Dense(4, { activation: "exponential" }), new Dense(1)], { seed: 1 });
    model.compile({ loss: "mse", optimizer: new SGD({ learningRate: 1e6 }) });
    const run = model.fit([[1], [2]], [1, 2], { epochs: 20, verbose: 0 });
    await expect(run).rejects.toThrow(TrainingError);
    await expect(run).rejects.toThrow(/layer "dense|weight "/);
    const other = new Sequential([new Dense(1)], { seed: 1 });
    other.compile({ loss: "mse", optimizer: new SGD({ learningRate: 1e30 }) });
    const history = await other.fit([[1], [2]], [1, 2], { epochs: 50, verbose: 0, callbacks: [new TerminateOnNaN()] });
    expect(history.epoch.length).toBeLessThan(50);
  });
});

describe("fit", () => {
  it("takes nested arrays, typed arrays with shapes, and async iterables alike", async () => {
    const nested = classifier();
    await nested.fit(x, labels, { batchSize: 2, shuffle: false, verbose: 0 });
    const typed = classifier();
    await typed.fit(
      { data: Float64Array.from(x.flat()), shape: [4, 2] },
      { data: Uint8Array.from(labels), shape: [4] },
      { batchSize: 2, shuffle: false, verbose: 0 },
    );
    const batches = classifier();
    async function* read() {
      yield { x: { data: Float32Array.from(x.slice(0, 2).flat()), shape: [2, 2] }, y: labels.slice(0, 2) };
      yield { x: { data: Float32Array.from(x.slice(2).flat()), shape: [2, 2] }, y: labels.slice(2) };
    }
    await batches.fit({ [Symbol.asyncIterator]: read }, { verbose: 0 });
    for (const other of [typed, batches]) {
      expect(other.getWeights().map((w) => [...w.data])).toEqual(nested.getWeights().map((w) => [...w.data]));
    }
  });

  it("ends cleanly after the batch in which it is aborted, and lets timers run", async () => {
    const model = classifier();
    const stop = new AbortController();
    let batches = 0;
    const count = new LambdaCallback({
      onBatchEnd: () => {
        if (++batches === 3) stop.abort();
      },
    });
    const history = await model.fit(x, labels, {
      epochs: 10,
      batchSize: 2,
      callbacks: [count],
      signal: stop.signal,
      verbose: 0,
    });
    expect(batches).toBe(3);
    expect(history.epoch).toEqual([0]);
    const timer = new AbortController();
    setTimeout(() => timer.abort(), 100);
    await model.fit(x, labels, { epochs: 1e9, signal: timer.signal, verbose: 0 });
  });

  it("writes checkpoints and a CSV file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "gradiente-nn-"));
    const csv = join(folder, "log.csv");
    await classifier().fit(x, labels, {
      epochs: 2,
      verbose: 0,
      callbacks: [
        new CSVLogger(csv),
        new ModelCheckpoint(join(folder, "m-{epoch:02d}.h5"), { monitor: "loss", saveBestOnly: true }),
      ],
    });
    expect(
      readFileSync(csv, "utf8")
        .split("\n")
        .map((l) => l.split(",").length),
    ).toEqual([3, 3, 3, 1]);
    expect(readFileSync(join(folder, "m-02.h5")).length).toBeGreaterThan(1000);
    rmSync(folder, { recursive: true });
  });
});

describe("ProgressBar", () => {
  it("looks like Keras'", () => {
    const logs = { loss: 0.7218, accuracy: 0.766, val_loss: 0.00004992 };
    expect(progressLine({ done: 1719, steps: 1719, elapsed: 4000, logs, final: true })).toBe(
      "1719/1719 [==============================] - 4s 2ms/step - loss: 0.7218 - accuracy: 0.7660 - val_loss: 4.9920e-05",
    );
    expect(progressLine({ done: 123, steps: 1719, elapsed: 308, logs: { loss: 1 }, final: false })).toBe(
      " 123/1719 [=>............................] - ETA: 3s - loss: 1.0000",
    );
  });

  it("prints epochs, and a line each when told so", async () => {
    for (const verbose of [1, 2] as const) {
      let text = "";
      const output = {
        write(part: string): void {
          text += part;
        },
      };
      await classifier().fit(x, labels, { epochs: 2, batchSize: 2, verbose, callbacks: [new ProgressBar({ output })] });
      const lines = text.split("\n");
      expect(lines).toHaveLength(verbose === 1 ? 5 : 3);
      expect(lines[0]).toMatch(
        verbose === 1 ? /^Epoch 1\/2$/ : /^Epoch 1\/2 - 2\/2 - \d+s \d+\ws\/step - loss: [\d.]+ - accuracy: [\d.]+$/,
      );
      if (verbose === 1)
        expect(lines[1]).toMatch(/2\/2 \[={30}\] - \d+s \d+\ws\/step - loss: \d\.\d{4} - accuracy: \d\.\d{4}$/);
    }
  });
});
