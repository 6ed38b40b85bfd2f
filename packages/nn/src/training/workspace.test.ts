/** What training gives back is never what anyone still holds. */
import { manualSeed, memory, ones, randn, type Tensor, tensor, zeros } from "@gradiente/autograd";
import { describe, expect, it } from "vitest";
import {
  Activation,
  BatchNormalization,
  Conv2D,
  Dense,
  Dropout,
  Flatten,
  functional,
  input,
  Lambda,
  LSTM,
  MaxPooling2D,
  type Model,
  Sequential,
  SGD,
} from "../index.ts";

/** Uses the memory that has been given up. */
const makeGarbage = (): void => {
  for (let i = 0; i < 200; i++) ones([8, 8]).mul(-1000 - i);
};

const x = tensor({ data: Float32Array.from({ length: 64 }, (_, i) => Math.sin(i)), shape: [8, 8] });
const y = tensor({ data: Float32Array.from({ length: 8 }, (_, i) => Math.cos(i)), shape: [8, 1] });

function trained(layers: Sequential["layers"], options: Parameters<Model["compile"]>[0] = { loss: "mse" }): Sequential {
  manualSeed(5);
  const net = new Sequential(layers, { inputShape: [8] });
  net.compile({ optimizer: new SGD({ learningRate: 0.01 }), ...options });
  for (let i = 0; i < 3; i++) net.trainOnBatch(x, y);
  return net;
}

describe("tensors that are kept stay as they are", () => {
  const kept: Tensor[] = [];
  const values: Float32Array[] = [];
  const keep = (t: Tensor): Tensor => {
    kept.push(t);
    values.push(t.data as Float32Array);
    return t;
  };
  class Doubled extends Dense {
    override call(t: Tensor): Tensor {
      return keep(keep(t).matmul(this.weights[0]!.value));
    }
  }
  class Watched extends SGD {
    protected override update(...args: Parameters<SGD["update"]>): void {
      keep(args[1]);
      super.update(...args);
    }
  }
  const cases: readonly (readonly [string, () => unknown])[] = [
    ["by a layer of one's own", () => trained([new Dense(8, { activation: "tanh" }), new Doubled(1)])],
    ["by a Lambda", () => trained([new Dense(8), new Lambda((t) => keep(keep(t).tanh())), new Dense(1)])],
    ["by an activation", () => trained([new Dense(8, { activation: (t) => keep(keep(t).tanh()) }), new Dense(1)])],
    ["by an activation layer", () => trained([new Dense(8), new Activation((t) => keep(t.exp())), new Dense(1)])],
    [
      "by a penalty",
      () => trained([new Dense(8, { activityRegularizer: (t) => keep(keep(t).square()).sum() }), new Dense(1)]),
    ],
    ["by a loss", () => trained([new Dense(1)], { loss: (t, p) => keep(keep(p).sub(t).square()).mean({ axis: -1 }) })],
    ["by a metric", () => trained([new Dense(1)], { loss: "mse", metrics: [(t, p) => keep(p).sub(t).abs()] })],
    ["by an optimizer", () => trained([new Dense(1)], { loss: "mse", optimizer: new Watched({ learningRate: 0.01 }) })],
  ];

  it.each(cases)("%s", (_, run) => {
    kept.length = 0;
    values.length = 0;
    run();
    makeGarbage();
    expect(kept.length).toBeGreaterThan(0);
    kept.forEach((t, i) => void expect(t.data).toEqual(values[i]));
  });

  describe("batches of fit", () => {
    const samples = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i));
    const targets = Float32Array.from({ length: 8 }, (_, i) => Math.cos(i));
    const fitted = async (net: Sequential, loss: Parameters<Model["compile"]>[0]["loss"] = "mse"): Promise<void> => {
      kept.length = 0;
      values.length = 0;
      net.compile({ optimizer: "sgd", loss, metrics: [(t, p) => keep(t).sub(p).abs()] });
      await net.fit({ data: samples, shape: [8, 8] }, targets, { epochs: 2, batchSize: 4, verbose: 0 });
      makeGarbage();
      expect(kept.length).toBeGreaterThanOrEqual(4);
      kept.forEach((t, i) => void expect(t.data).toEqual(values[i]));
    };
    const net = (): Sequential => new Sequential([new Dense(1)], { inputShape: [8] });

    it("by a metric", () => fitted(net()));
    it("by a loss", () => fitted(net(), (t, p) => keep(t).sub(p).square().mean({ axis: -1 })));
    it("by a training step of a class of one's own", () => {
      class Own extends Sequential {
        override trainStep(...args: Parameters<Model["trainStep"]>): number {
          const loss = super.trainStep(...args);
          for (const t of args[0].x) keep(t);
          return loss;
        }
      }
      return fitted(new Own([new Dense(1)], { inputShape: [8] }));
    });
    it("by a training step put in place of a model's", () => {
      const own = net();
      const { trainStep } = own;
      own.trainStep = function (this: Model, ...args) {
        const loss = trainStep.apply(this, args);
        for (const t of args[0].x) keep(t);
        return loss;
      };
      return fitted(own);
    });
  });

  it("states of recurrent layers from batch to batch", () => {
    manualSeed(5);
    const net = new Sequential([new LSTM(3, { stateful: true }), new Dense(1)], { inputShape: [4, 2] });
    net.compile({ optimizer: "sgd", loss: "mse" });
    const sequences = x.reshape([8, 4, 2]);
    const losses = [1, 2, 3, 4].map(() => {
      makeGarbage();
      return net.trainOnBatch(sequences, y).loss;
    });
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(new Set(losses).size).toBe(4);
  });
});

describe("a model of this package's layers", () => {
  it("leaves nothing behind but its weights, in training, evaluation and prediction", async () => {
    manualSeed(5);
    const images = randn([16, 16, 16, 3]);
    const labels = tensor(Int32Array.from({ length: 16 }, (_, i) => i % 4));
    const net = new Sequential([
      new Conv2D(16, 3, { activation: "relu", padding: "same", inputShape: [16, 16, 3] }),
      new BatchNormalization(),
      new MaxPooling2D(),
      new Dropout(0.3),
      new Flatten(),
      new Dense(4, { activation: "softmax" }),
    ]);
    net.compile({ optimizer: "adam", loss: "sparse_categorical_crossentropy", metrics: ["accuracy"] });
    const step = async (): Promise<void> => {
      net.trainOnBatch(images, labels);
      await net.evaluate(images, labels);
      await net.predict(images);
    };
    for (let i = 0; i < 3; i++) await step();
    const before = memory().live;
    for (let i = 0; i < 10; i++) await step();
    // The activations of ten rounds would be over thirty megabytes; what is left are the batches given.
    expect(memory().live - before).toBeLessThan(2 ** 21);
  });

  it("gives back the batches of fit, too", async () => {
    manualSeed(5);
    const net = new Sequential([new Dense(4, { inputShape: [4096] })]);
    net.compile({ optimizer: "sgd", loss: "mse" });
    const data = { data: new Float32Array(64 * 4096).fill(0.01), shape: [64, 4096] };
    const fit = () => net.fit(data, zeros([64, 4]), { batchSize: 4, verbose: 0 });
    await fit();
    const before = memory().live;
    await fit();
    // The sixteen batches of an epoch take a megabyte.
    expect(memory().live - before).toBeLessThan(2 ** 17);
  });

  it("trains to the same bits as one that gives nothing back", () => {
    const build = (own: boolean): number[] => {
      manualSeed(5);
      const entry = input({ shape: [8] });
      const hidden = new Dense(6, { activation: "relu" }).apply(entry);
      const same = (own ? new Activation("linear") : new Lambda((t) => t)).apply(hidden);
      const net = functional({ inputs: entry, outputs: new Dense(1, { kernelRegularizer: "l2" }).apply(same) });
      net.compile({ optimizer: "adam", loss: "mse", metrics: ["mae"] });
      return Array.from({ length: 5 }, () => net.trainOnBatch(x, y).loss);
    };
    expect(build(true)).toEqual(build(false));
  });
});
