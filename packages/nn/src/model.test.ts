import { ones, tensor } from "@gradiente/autograd";
import { describe, expect, it, test } from "vitest";
import { Conv2D, Dense, Dropout, EarlyStopping, Flatten, Sequential, SGD } from "./index.ts";

const xorX = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
];
const xorY = [0, 1, 1, 0];

function course(seed = 42): Sequential {
  return new Sequential(
    [
      new Flatten({ inputShape: [28, 28] }),
      new Dense(300, { activation: "relu" }),
      new Dense(100, { activation: "relu" }),
      new Dense(10, { activation: "softmax" }),
    ],
    { seed },
  );
}

describe("Sequential", () => {
  it("prints the course's table", () => {
    const text = course().summary({ print: () => {} });
    expect(text).toBe(`Model: "sequential"
_________________________________________________________________
Layer (type)                 Output Shape              Param #
=================================================================
flatten (Flatten)            (None, 784)               0
_________________________________________________________________
dense (Dense)                (None, 300)               235500
_________________________________________________________________
dense_1 (Dense)              (None, 100)               30100
_________________________________________________________________
dense_2 (Dense)              (None, 10)                1010
=================================================================
Total params: 266,610
Trainable params: 266,610
Non-trainable params: 0
_________________________________________________________________`);
  });

  it("gives weights in Keras' order, Glorot-uniform kernels and zero biases", () => {
    const [kernel, bias] = course().layers[1]!.getWeights();
    expect(kernel!.shape).toEqual([784, 300]);
    const limit = Math.sqrt(6 / (784 + 300));
    const values = [...kernel!.data];
    expect(Math.max(...values.slice(0, 10_000))).toBeLessThanOrEqual(limit);
    expect(values.reduce((a, b) => a + b * b, 0) / values.length).toBeCloseTo(limit ** 2 / 3, 5);
    expect([...bias!.data]).toEqual(new Array(300).fill(0));
  });

  it("learns XOR", async () => {
    const model = new Sequential([new Dense(8, { activation: "tanh" }), new Dense(1, { activation: "sigmoid" })], {
      seed: 3,
    });
    model.compile({
      loss: "binary_crossentropy",
      optimizer: new SGD({ learningRate: 0.5, momentum: 0.9 }),
      metrics: ["accuracy"],
    });
    const history = await model.fit(xorX, xorY, { epochs: 200, batchSize: 4, verbose: 0 });
    expect(history.history.loss.at(-1)!).toBeLessThan(0.05);
    expect(await model.evaluate(xorX, xorY)).toMatchObject({ accuracy: 1 });
    const p = await model.predict(xorX);
    expect(p.shape).toEqual([4, 1]);
    expect([...p.data].map(Math.round)).toEqual(xorY);
  });

  it("repeats bit for bit from one seed, dropout and shuffling included", async () => {
    const run = async () => {
      const model = new Sequential(
        [new Dense(6, { activation: "relu" }), new Dropout(0.4), new Dense(2, { activation: "softmax" })],
        { seed: 9 },
      );
      model.compile({ loss: "sparse_categorical_crossentropy", optimizer: "adam", metrics: ["accuracy"] });
      const history = await model.fit(xorX, xorY, { epochs: 5, batchSize: 2, verbose: 0 });
      return { loss: history.history.loss, weights: model.getWeights().map((w) => [...w.data]) };
    };
    expect(await run()).toEqual(await run());
  });

  it("restores the best weights when it stops early", async () => {
    const model = new Sequential([new Dense(1)], { seed: 1 });
    model.compile({ loss: "mse", optimizer: new SGD({ learningRate: 0.1 }) });
    const stop = new EarlyStopping({ monitor: "val_loss", patience: 2, restoreBestWeights: true });
    const x = tensor([[0], [1], [2], [3]]);
    const history = await model.fit(x, [0, 1, 2, 3], {
      epochs: 100,
      validationData: [
        [[0], [1]],
        [5, 3],
      ],
      callbacks: [stop],
      verbose: 0,
    });
    expect(history.epoch.length).toBeLessThan(100);
    const { loss } = await model.evaluate([[0], [1]], [5, 3]);
    expect(loss).toBeCloseTo(Math.min(...history.history.val_loss!), 6);
  });
});

describe("fit on batches", () => {
  it("takes the options in third place too, where arrays would have targets in the second", async () => {
    const model = new Sequential([new Dense(1, { inputShape: [1] })]);
    model.compile({ loss: "mse", optimizer: "sgd" });
    const batches = new Set([{ x: [[1], [2]], y: [[2], [4]] }]);
    // What someone without types may well write.
    const history = await Reflect.apply(model.fit, model, [batches, undefined, { epochs: 3, verbose: 0 }]);
    expect(history.epoch).toEqual([0, 1, 2]);
  });
});

describe("what only a compiler would have refused", () => {
  const x = ones([4, 3]);
  const y = ones([4, 1]);
  const made = (): Sequential => new Sequential([new Dense(1, { inputShape: [3] })]);
  const ready = (): Sequential => {
    const model = made();
    model.compile({ loss: "mse", optimizer: "sgd" });
    return model;
  };
  /** As plain JavaScript may call it. */
  const js = (object: object, method: string, ...args: unknown[]): unknown =>
    (object as Record<string, (...args: unknown[]) => unknown>)[method]!(...args);
  const make = (type: unknown, ...args: unknown[]): unknown =>
    new (type as new (...args: unknown[]) => object)(...args);
  const cases: readonly [string, () => unknown, RegExp][] = [
    ["compile without anything", () => js(made(), "compile"), /^compile: no loss is given.*loss: "mse"/],
    ["metric for metrics", () => js(made(), "compile", { loss: "mse", metric: ["mae"] }), /did you mean "metrics"/],
    [
      "a metric alone",
      () => js(made(), "compile", { loss: "mse", metrics: "mae" }),
      /metrics is "mae".*write \["mae"\]/,
    ],
    ["lr", () => made().compile({ loss: "mse", optimizer: make(SGD, { lr: 1 }) as SGD }), /^SGD: .*"lr".*learningRate/],
    ["a rate for options", () => make(SGD, 0.1), /the options are 0.1.*learningRate/],
    ["a layer for layers", () => make(Sequential, new Dense(1)), /^Sequential: the layers are no list/],
    ["a name for a layer", () => make(Sequential, ["relu"]), /^Sequential: layer 0 is relu, not a layer/],
    [
      "an array for a tensor",
      () => js(made(), "apply", [[1, 2, 3]]),
      /^sequential\S*: input 0 is an array, not a tensor/,
    ],
    ["a number for a shape", () => make(Dense, 1, { inputShape: 3 }), /^Dense: inputShape is 3.*\[28, 28\]/],
    ["a convolution without a kernel", () => make(Conv2D, 3), /^Conv2D: kernelSize is undefined/],
  ];
  test.each(cases)("%s", (_, f, message) => expect(f).toThrow(message));
  const fits: readonly [string, object, RegExp][] = [
    ["inputs alone for validation", { validationData: x }, /^fit: validationData is neither.*\[x, y\]/],
    ["one of a pair", { validationData: [x] }, /^fit: validationData has no targets/],
    ["a callback for callbacks", { callbacks: new EarlyStopping() }, /^fit: callbacks are not a list/],
    ["a function for a callback", { callbacks: [() => undefined] }, /LambdaCallback/],
    ["verbose 7", { verbose: 7 }, /^fit: verbose is 7/],
  ];
  test.each(fits)("fit: %s", (_, options, message) =>
    expect(js(ready(), "fit", x, y, { epochs: 1, ...options })).rejects.toThrow(message),
  );
  test("a loss that gives a number", async () => {
    const model = made();
    js(model, "compile", { loss: () => 3, optimizer: "sgd" });
    await expect(model.fit(x, y, { verbose: 0 })).rejects.toThrow(/the loss gave 3, not a tensor/);
  });
});
