import { manualSeed, ones, type Tensor } from "@gradiente/autograd";
import { describe, expect, it, vi } from "vitest";
import {
  type CallContext,
  DataError,
  Dense,
  Dropout,
  functional,
  GRU,
  input,
  LambdaCallback,
  Layer,
  LayerInputError,
  type LossName,
  NotReadyError,
  Sequential,
  SGD,
} from "../index.ts";

const x = Array.from({ length: 10 }, (_, i) => [i]);
const y = x.map(([v]) => v!);

/** A model that does not learn, and the samples that it is trained with. */
function watched(): { readonly model: Sequential; readonly seen: number[][]; epochs(): number[] } {
  const seen: number[][] = [];
  class Watch extends Layer {
    call(batch: Tensor, context: CallContext): Tensor {
      if (context.training) seen.push([...batch.data]);
      return batch;
    }
  }
  const model = new Sequential([new Watch({ inputShape: [1] }), new Dense(1, { kernelInitializer: "zeros" })]);
  model.compile({ loss: "mse", optimizer: new SGD({ learningRate: 0 }) });
  return { model, seen, epochs: () => seen.map((b) => b.length) };
}

const pairs = [
  [0, 1],
  [2, 3],
  [4, 5],
  [6, 7],
  [8, 9],
];

describe("stepsPerEpoch", () => {
  it("goes on where the epoch before stopped, and begins anew at the end, as in Keras", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const { model, seen } = watched();
    const steps: (number | null)[] = [];
    const count = new LambdaCallback({ onBatchEnd: (batch) => void steps.push(batch) });
    const options = {
      batchSize: 2,
      shuffle: false,
      epochs: 4,
      stepsPerEpoch: 3,
      verbose: 0,
      callbacks: [count],
    } as const;
    await model.fit(x, y, options);
    expect(seen).toEqual([...pairs, ...pairs]);
    expect(steps).toEqual([0, 1, 2, 0, 1, 0, 1, 2, 0, 1]);
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.lastCall?.[0]).toMatch(/ran out after 2 of 3 steps of epoch 2/);
    warn.mockRestore();
  });

  it("of batches follows one pass to its end, then the next", async () => {
    const { model, seen } = watched();
    let passes = 0;
    const batches = {
      async *[Symbol.asyncIterator]() {
        passes++;
        for (const pair of pairs) yield { x: pair.map((v) => [v]), y: pair };
      },
    };
    await model.fit(batches, { epochs: 5, stepsPerEpoch: 2, verbose: 0 }).catch(() => {});
    expect(seen.slice(0, 5)).toEqual(pairs);
    expect(passes).toBe(2);
  });

  it("shuffles each pass, not each epoch", async () => {
    const { model, seen } = watched();
    await model.fit(x, y, { batchSize: 2, epochs: 10, stepsPerEpoch: 1, seed: 5, verbose: 0 });
    const [first, second] = [seen.slice(0, 5).flat(), seen.slice(5).flat()];
    for (const pass of [first, second]) expect([...pass].sort((a, b) => a - b)).toEqual(y);
    expect(first).not.toEqual(second);
  });
});

describe("validation", () => {
  it("takes the last samples before shuffling, in batches of their own", async () => {
    const { model, seen } = watched();
    const tested: number[] = [];
    const count = new LambdaCallback({ onTestBatchEnd: (batch) => void tested.push(batch) });
    const options = { validationSplit: 0.3, validationBatchSize: 1, verbose: 0, epochs: 2 } as const;
    const { history } = await model.fit(x, y, { ...options, callbacks: [count] });
    expect([...seen[0]!].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(tested).toEqual([0, 1, 2, 0, 1, 2]);
    expect(history.val_loss![0]).toBeCloseTo((49 + 64 + 81) / 3, 4);
    const limited = await model.fit(x, y, { ...options, validationSteps: 1 });
    expect(limited.history.val_loss).toEqual([49, 49]);
  });

  it("comes after every so many epochs, or after those listed, and counts sample weights", async () => {
    const { model } = watched();
    const validationData = [
      [[1], [3]],
      [1, 3],
      [1, 0],
    ] as const;
    const options = { validationData: validationData as never, epochs: 5, verbose: 0 } as const;
    const every = await model.fit(x, y, { ...options, validationFreq: 2 });
    expect(every.history.val_loss).toEqual([0.5, 0.5]);
    const listed = await model.fit(x, y, { ...options, validationFreq: [1, 4, 5] });
    expect(listed.history.val_loss).toHaveLength(3);
  });
});

describe("weights of classes and samples", () => {
  const weighted = async (data: object, options: object): Promise<number> => {
    const model = new Sequential([
      new Dense(2, { kernelInitializer: "zeros", activation: "softmax", inputShape: [1] }),
    ]);
    model.compile({ loss: "sparse_categorical_crossentropy", optimizer: new SGD({ learningRate: 1 }) });
    await model.fit(data as never, options as never);
    return model.getWeights()[1]!.data[1]!;
  };
  const [inputs, labels] = [
    [[0], [0], [0], [0]],
    [0, 0, 0, 1],
  ];

  it("count in batches of data sets as in arrays", async () => {
    const classWeight = { 1: 3 };
    const options = { classWeight, shuffle: false, verbose: 0, batchSize: 4 } as const;
    const model = new Sequential([
      new Dense(2, { kernelInitializer: "zeros", activation: "softmax", inputShape: [1] }),
    ]);
    model.compile({ loss: "sparse_categorical_crossentropy", optimizer: new SGD({ learningRate: 1 }) });
    await model.fit(inputs, labels, options);
    const fromArrays = model.getWeights()[1]!.data[1]!;
    // Three votes of ½ against one of 3·½.
    expect(fromArrays).toBeCloseTo(0, 6);
    expect(await weighted([{ x: inputs, y: labels }], { classWeight, verbose: 0 })).toBe(fromArrays);
    expect(await weighted([{ x: inputs, y: labels, sampleWeight: [1, 1, 1, 3] }], { verbose: 0 })).toBe(fromArrays);
    expect(await weighted([{ x: inputs, y: labels }], { verbose: 0 })).toBeLessThan(-0.2);
  });
});

describe("class weights", () => {
  const rows = [[0], [1], [2], [3]];
  const built = (units: number, loss: LossName, known = true): Sequential => {
    const activation = units === 1 ? "linear" : "softmax";
    const model = new Sequential([new Dense(units, { activation, ...(known ? { inputShape: [1] } : {}) })], {
      seed: 1,
    });
    model.compile({ loss, optimizer: "sgd" });
    return model;
  };
  const labels = [0, 1, 2, 1];
  const oneHot = [0, 1, 2, 1].map((label) => [0, 1, 2].map((c) => Number(c === label)));

  it("are for classes that there are", async () => {
    for (const classWeight of [{ 3: 2 }, { 0: 1, 7: 1 }, { [-1]: 2 }]) {
      const refusal = /classWeight has a weight for class (3|7|-1), which there is not\. Hint: .* 0 to 2/;
      const options = { classWeight, verbose: 0 } as const;
      const sparse = built(3, "sparse_categorical_crossentropy");
      await expect(sparse.fit(rows, labels, options)).rejects.toThrow(refusal);
      await expect(sparse.fit([{ x: rows, y: labels }], options)).rejects.toThrow(refusal);
      expect(() => sparse.trainOnBatch(rows, labels, { classWeight })).toThrow(refusal);
      await expect(built(3, "categorical_crossentropy").fit(rows, oneHot, options)).rejects.toThrow(refusal);
      const unbuilt = built(3, "sparse_categorical_crossentropy", false);
      await expect(unbuilt.fit([{ x: rows, y: labels }], options)).rejects.toThrow(refusal);
    }
    const binary = { classWeight: { 0: 1, 2: 3 }, verbose: 0 } as const;
    await expect(built(1, "binary_crossentropy").fit(rows, [0, 1, 1, 0], binary)).rejects.toThrow(/class 2.* 0 to 1/);
  });

  it("may be for any number where an output is compared with numbers", async () => {
    await built(1, "mse").fit(rows, [5, 0, 5, 1], { classWeight: { 5: 2, 9: 1 }, verbose: 0 });
    await built(1, "hinge").fit(rows, [-1, 1, 1, -1], { classWeight: { [-1]: 2, 1: 1 }, verbose: 0 });
    await built(4, "circle").fit(rows, [0, 6, 6, 0], { classWeight: { 6: 2 }, verbose: 0 });
  });
});

describe("single batches", () => {
  it("are trained, tested and predicted at once", () => {
    const model = new Sequential([new Dense(1, { kernelInitializer: "ones", inputShape: [1] })]);
    model.compile({ loss: "mse", optimizer: new SGD({ learningRate: 0.1 }), metrics: ["mae"] });
    expect(model.testOnBatch([[1], [2]], [1, 4])).toEqual({ loss: 2, mae: 1 });
    expect(model.predictOnBatch([[1], [2]]).toArray()).toEqual([[1], [2]]);
    expect(model.trainOnBatch([[1], [2]], [1, 4], { sampleWeight: [1, 0] })).toMatchObject({ loss: 0 });
    expect(model.trainOnBatch([[1], [2]], [1, 4])).toEqual({ loss: 2, mae: 1 });
    expect(model.predictOnBatch([[1]]).item()).toBeGreaterThan(1);
    expect(() => model.testOnBatch([[1, 2]], [1])).toThrow(LayerInputError);
    const unbuilt = new Sequential([new Dense(1)]);
    expect(() => unbuilt.predictOnBatch([[1]])).toThrow(NotReadyError);
  });
});

describe("training steps of one's own", () => {
  it("are logged by the loss they give", async () => {
    class Halving extends Sequential {
      private loss = 8;
      override trainStep(): number {
        this.loss /= 2;
        return this.loss;
      }
    }
    const model = new Halving([new Dense(1, { inputShape: [1] })]);
    model.compile({ loss: "mse" });
    const { history } = await model.fit(x, y, { batchSize: 5, epochs: 2, verbose: 0 });
    expect(history.loss).toEqual([3, 0.75]);
  });

  it("are not disturbed by an evaluation in the middle of an epoch", async () => {
    const run = async (evaluates: boolean) => {
      const model = new Sequential([new Dense(1, { inputShape: [1] })], { seed: 1 });
      model.compile({ loss: "mse", optimizer: new SGD({ learningRate: 0.001 }), metrics: ["mae"] });
      const look = new LambdaCallback({
        onBatchEnd: async () => {
          if (evaluates) await model.evaluate(x, y);
        },
      });
      return (await model.fit(x, y, { batchSize: 2, epochs: 2, verbose: 0, callbacks: [look] })).history;
    };
    expect(await run(true)).toEqual(await run(false));
  });
});

describe("several outputs", () => {
  const two = () => {
    const inputs = [input({ shape: [1] })];
    const outputs = ["a", "b"].map((name) => new Dense(1, { name, kernelInitializer: "ones" }).apply(inputs[0]!));
    return functional({ inputs, outputs });
  };
  const target = { data: Float32Array.from(y, (v) => v + 1), shape: [10, 1] };

  it("have metrics and weights in their order, or by their names", async () => {
    const logs = [
      { metrics: [["mae"], ["mse", "mae"]], lossWeights: [1, 0.5] },
      { metrics: { a: "mae", b: ["mse", "mae"] }, lossWeights: { b: 0.5 } },
    ].map((options) => {
      const model = two();
      model.compile({ loss: "mse", optimizer: "sgd", ...(options as object) });
      return model.evaluate({ data: Float32Array.from(y), shape: [10, 1] }, [target, target]);
    });
    const expected = { loss: 1.5, a_loss: 1, b_loss: 1, a_mae: 1, b_mse: 1, b_mae: 1 };
    for (const each of logs) expect(await each).toEqual(expected);
    expect(Object.keys(await logs[0]!)).toEqual(Object.keys(expected));
  });

  it("have sample weights each, or the same, as in Keras", async () => {
    const column = (f: (i: number) => number, shape: readonly number[] = [10, 1]) => ({
      data: Float32Array.from({ length: 10 }, (_, i) => f(i)),
      shape,
    });
    const [wa, wb] = [column((i) => 0.5 + (i % 4) / 4, [10]), column((i) => 1 + (i % 3) / 2, [10])];
    for (const [sampleWeight, expected] of [
      [
        [wa, wb],
        {
          a_loss: [0.881682, 0.727015],
          a_mae: [0.928862, 0.840176],
          b_loss: [1.51621, 1.1215],
          b_mae: [0.808376, 0.731874],
          loss: [1.63979, 1.28776],
        },
      ],
      [
        wa,
        {
          a_loss: [0.881682, 0.727015],
          a_mae: [0.928862, 0.840176],
          b_loss: [0.664646, 0.582272],
          b_mae: [0.682421, 0.660525],
          loss: [1.214, 1.01815],
        },
      ],
    ] as const) {
      const model = two();
      const weightedMetrics = { a: "mae", b: "mae" } as const;
      model.compile({ loss: "mse", optimizer: new SGD({ learningRate: 0.1 }), weightedMetrics, lossWeights: [1, 0.5] });
      const targets = [column(Math.cos), column((i) => Math.sin(2 * i))];
      const options = { sampleWeight, batchSize: 4, shuffle: false, epochs: 2, verbose: 0 } as const;
      const { history } = await model.fit(column(Math.sin), targets, options);
      for (const [name, values] of Object.entries(expected)) {
        expect(history[name]).toEqual(values.map((v: number) => expect.closeTo(v, 5)));
      }
    }
    const model = two();
    model.compile({ loss: "mse" });
    const three = model.fit(column(Math.sin), [wa, wb], { sampleWeight: [wa, wa, wa], verbose: 0 });
    await expect(three).rejects.toThrow(/sampleWeight has 3 arrays for 2 outputs/);
  });

  it("name metrics of one name as Keras does", async () => {
    const model = new Sequential([new Dense(1, { inputShape: [1] })]);
    const metrics = ["mae", "mse", "mae"] as const;
    model.compile({ loss: "mse", metrics, weightedMetrics: ["mae", "mape", "mae"] });
    expect(Object.keys(model.testOnBatch([[1]], [2])).join()).toBe(
      "loss,mae,mse,mae_1,weighted_mae,mape,weighted_mae_1",
    );
  });

  it("are not guessed", () => {
    const compile = (options: object) => () => two().compile({ loss: "mse", ...options });
    expect(compile({ metrics: ["mae"] })).toThrow(/metrics has 1 entries for 2 outputs.*a, b/);
    expect(compile({ weightedMetrics: ["mae", "mse", "mae"] })).toThrow(/weightedMetrics has 3 entries/);
    expect(compile({ metrics: { aa: "mae" } })).toThrow(/no output named "aa".*did you mean "a"/);
    expect(compile({ lossWeights: [1] })).toThrow(/1 lossWeights for 2 outputs/);
    expect(compile({ lossWeights: { c: 1 } })).toThrow(/no output named "c"/);
    expect(compile({ metrics: { a: "mea" } })).toThrow(/no metric named "mea".*did you mean/);
  });
});

describe("signals", () => {
  it("stop evaluation and prediction after a batch", async () => {
    const { model } = watched();
    const stop = new AbortController();
    const callbacks = [new LambdaCallback({ onTestBatchEnd: (b) => void (b === 1 && stop.abort()) })];
    const { loss } = await model.evaluate(x, y, { batchSize: 2, callbacks, signal: stop.signal });
    expect(loss).toBeCloseTo((0 + 1 + 4 + 9) / 4, 5);
    expect((await model.predict(x, { batchSize: 4, signal: stop.signal })).shape).toEqual([4, 1]);
    expect((await model.predict(x, { batchSize: 4, steps: 2 })).shape).toEqual([8, 1]);
  });

  it("given already aborted, train nothing", async () => {
    const { model, seen } = watched();
    const { epoch } = await model.fit(x, y, { signal: AbortSignal.abort(), verbose: 0 });
    expect([epoch, seen]).toEqual([[], []]);
  });
});

describe("what cannot be meant is refused before any step", () => {
  const { model, seen } = watched();
  const batches = [{ x: [[1]], y: [1] }];
  it.each<[string, () => Promise<unknown>, RegExp]>([
    [
      "an option's name",
      () => model.fit(x, y, { epoch: 3 } as never),
      /no option named "epoch".*did you mean "epochs"/,
    ],
    ["epochs", () => model.fit(x, y, { epochs: 1.5 }), /epochs is 1.5/],
    ["initialEpoch", () => model.fit(x, y, { initialEpoch: -1 }), /initialEpoch is -1/],
    ["batchSize", () => model.fit(x, y, { batchSize: 0 }), /batchSize is 0/],
    ["stepsPerEpoch", () => model.fit(x, y, { stepsPerEpoch: 0 }), /stepsPerEpoch is 0/],
    ["validationFreq", () => model.fit(x, y, { validationFreq: 0 }), /validationFreq is 0/],
    ["validationSplit", () => model.fit(x, y, { validationSplit: 2 }), /validationSplit is 2/],
    ["a split of batches", () => model.fit(batches, { validationSplit: 0.5 }), /validationSplit needs arrays/],
    ["targets beside batches", () => model.fit(batches as never, y as never, {}), /y was given beside a data set/],
    ["weights beside batches", () => model.fit(batches, { sampleWeight: [1] }), /sampleWeight was given beside/],
    ["missing targets", () => model.fit(x as never, { verbose: 0 }), /1 output, but targets for 0/],
    ["weights of another count", () => model.fit(x, y, { sampleWeight: [1, 2] }), /10 samples .* sampleWeight has 2/],
    [
      "weights of another count beside those of classes",
      () => model.fit(x, y, { classWeight: { 0: 1 }, sampleWeight: [1, 2] }),
      /10 samples, but 2 weights in sampleWeight/,
    ],
    [
      "class weights of steps",
      () => model.fit(ones([2, 3, 1]), ones([2, 3, 1]), { classWeight: { 0: 1 } }),
      /one class for each sample, .* \(2, 3, 1\).*\n?.*sampleWeight/,
    ],
    [
      "a weight of no class",
      () => model.fit(x, y, { classWeight: { "1.5": 2 } as never }),
      /for "1.5", which is no class/,
    ],
    ["a negative class weight", () => model.fit(x, y, { classWeight: { 0: -1 } }), /weight of class 0 is -1/],
    ["NaN in targets", () => model.fit([[1], [2]], [1, Number.NaN]), /y contains NaN, first in sample 1/],
    ["NaN in sample weights", () => model.fit([[1]], [1], { sampleWeight: [Number.NaN] }), /sampleWeight contains NaN/],
    ["NaN in validation data", () => model.fit(x, y, { validationData: [[[Number.NaN]], [1]] }), /x contains NaN/],
    [
      "validation samples of another shape",
      () => model.fit(x, y, { validationData: [[[1, 2]], [1]] }),
      /\(None, 1\), but was given \(1, 2\)/,
    ],
    ["empty validation", () => model.fit(x, y, { validationData: [[], []] }), /no samples/],
    ["an empty data set", () => model.fit([], { verbose: 0 }), /x has no samples/],
    [
      "targets of another shape",
      () =>
        model.fit(
          x,
          x.map((v) => [v[0]!, 0]),
        ),
      /targets of shape \(10, 2\) do not fit/,
    ],
  ])("%s", async (_, run, text) => {
    const failure = await run().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Error);
    expect((failure as Error).message).toMatch(text);
    expect((failure as Error).name).toMatch(/^(DataError|ArgumentError|LayerInputError)$/);
    expect(seen).toEqual([]);
  });

  it("several inputs of different counts, or too few of them", async () => {
    const [a, b] = [input({ shape: [1] }), input({ shape: [2] })];
    const two = functional({ inputs: [a, b], outputs: [new Dense(1).apply(a)] });
    two.compile({ loss: "mse", optimizer: "sgd" });
    const array = (rows: number, columns: number) => ({
      data: new Float32Array(rows * columns),
      shape: [rows, columns],
    });
    await expect(two.fit([array(3, 1), array(2, 2)], [1, 2, 3])).rejects.toThrow(DataError);
    await expect(two.fit([array(3, 1)], [1, 2, 3])).rejects.toThrow(/has 2 inputs, but 1 were given/);
  });
});

describe("recurrent models", () => {
  it("are trained the same whatever was drawn before, from one seed", async () => {
    const run = async (): Promise<number[]> => {
      manualSeed(11);
      const model = new Sequential([
        new GRU(3, { dropout: 0.3, seed: 2, inputShape: [4, 1] }),
        new Dropout(0.2),
        new Dense(1),
      ]);
      model.compile({ loss: "mse", optimizer: "adam" });
      const series = { data: Float32Array.from({ length: 40 }, (_, i) => Math.sin(i)), shape: [10, 4, 1] };
      await model.fit(series, y, { epochs: 2, batchSize: 3, verbose: 0 });
      return model.getWeights().flatMap((w) => [...w.data]);
    };
    expect(await run()).toEqual(await run());
  });
});
