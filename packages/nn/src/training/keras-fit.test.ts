import { describe, expect, it, vi } from "vitest";
import { Adam, type CompileOptions, Dense, type FitOptions, l2, Sequential } from "../index.ts";

// What Keras 3.15.1 gives for the same model, data and options: the history and the weights at the end.

const x = Array.from({ length: 22 }, (_, i) => [Math.sin(i), Math.cos(2 * i)]);
const y = x.map((_, i) => i % 3);
const sampleWeight = x.map((_, i) => 0.5 + (i % 4) / 4);

describe("fit gives Keras' numbers", () => {
  it.each<[FitOptions, Omit<CompileOptions, "loss">, Record<string, number[]>, number[]]>([
    [
      { epochs: 3 },
      { metrics: ["accuracy"] },
      { accuracy: [0.5909091, 0.6363636, 0.6363636], loss: [0.8907129, 0.8218943, 0.7886353] },
      [0.08874321, -0.04531233, -0.01111112, 0.7961274, 0.5682805, -1.38198, 0.1637276, -0.0356942, -0.2555818],
    ],
    [
      { epochs: 3, classWeight: { 0: 1, 1: 3, 2: 0.5 } },
      { metrics: ["accuracy"] },
      { accuracy: [0.5454546, 0.5454546, 0.5454546], loss: [1.436203, 1.21853, 1.126626] },
      [0.04143529, 0.005383485, -0.09961011, 0.5145797, 0.5763589, -1.111573, -0.2558343, 0.5970583, -0.7310293],
    ],
    [
      { epochs: 3, sampleWeight },
      { metrics: ["accuracy"], weightedMetrics: ["accuracy"] },
      {
        accuracy: [0.5909091, 0.6363636, 0.6363636],
        loss: [0.7703599, 0.7052919, 0.6756937],
        weighted_accuracy: [0.5733333, 0.64, 0.64],
      },
      [0.1036023, 0.07510944, -0.09012341, 0.7643757, 0.5862598, -1.339921, 0.1805371, -0.03132101, -0.302579],
    ],
    [
      { epochs: 4, validationSplit: 0.25, validationFreq: 2, validationBatchSize: 3 },
      { metrics: ["accuracy"] },
      {
        accuracy: [0.625, 0.6875, 0.6875, 0.6875],
        loss: [0.875583, 0.8056724, 0.7603402, 0.7267907],
        val_accuracy: [0.5, 0.5],
        val_loss: [0.9532478, 1.01032],
      },
      [-0.02795227, 0.07528991, 0.01609628, 1.040992, 0.2845957, -1.318266, 0.1145149, 0.02131351, -0.2371498],
    ],
    [
      { epochs: 5, stepsPerEpoch: 4 },
      { metrics: ["accuracy"] },
      { accuracy: [0.625, 0.5, 0.6875, 0.5, 0.6875], loss: [0.875583, 0.9310592, 0.7896599, 0.9078525, 0.7512234] },
      [0.08067732, -0.04018029, -0.002933144, 0.7873227, 0.5287154, -1.304465, 0.1594843, -0.03874135, -0.2385256],
    ],
    [
      { epochs: 2, validationData: [x.slice(0, 9), y.slice(0, 9), sampleWeight.slice(0, 9)], validationSteps: 2 },
      { weightedMetrics: ["accuracy"] },
      {
        accuracy: [0.5909091, 0.6363636],
        loss: [0.8907129, 0.8218943],
        val_accuracy: [0.6428571, 0.6428571],
        val_loss: [0.745863, 0.7147606],
      },
      [0.06257661, -0.03611477, 0.03106733, 0.7197394, 0.4922384, -1.14439, 0.1377525, -0.03080466, -0.2072342],
    ],
    [
      { epochs: 2, validationSplit: 0.25, classWeight: { 0: 1, 1: 3, 2: 0.5 } }, // which validation leaves alone
      { weightedMetrics: ["accuracy"] },
      {
        accuracy: [0.4042553, 0.6170213],
        loss: [1.470267, 1.285915],
        val_accuracy: [0.6666667, 0.6666667],
        val_loss: [0.9442723, 0.9795541],
      },
      [-0.02570787, -0.01169755, 0.05049282, 0.6660129, 0.3546614, -0.763819, -0.1278578, 0.3488783, -0.4037255],
    ],
    [
      { epochs: 5, initialEpoch: 3 },
      {},
      { loss: [0.8907129, 0.8218943] },
      [0.06257661, -0.03611477, 0.03106733, 0.7197394, 0.4922384, -1.14439, 0.1377525, -0.03080466, -0.2072342],
    ],
  ])("with %j and %j", async (options, compiled, history, weights) => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {}); // of data that run out, with stepsPerEpoch
    const layer = new Dense(3, { activation: "softmax", inputShape: [2], kernelRegularizer: l2(0.01) });
    const model = new Sequential([layer]);
    model.setWeights([Float32Array.of(0.1, -0.2, 0.3, 0.4, 0.5, -0.6), Float32Array.of(0.05, 0, -0.05)]);
    const optimizer = new Adam({ learningRate: 0.05 });
    model.compile({ loss: "sparse_categorical_crossentropy", optimizer, ...compiled });
    const found = await model.fit(x, y, { batchSize: 4, shuffle: false, verbose: 0, ...options });
    expect(Object.keys(found.history).sort()).toEqual(Object.keys(history).sort());
    const close = (values: readonly number[]) => values.map((v) => expect.closeTo(v, 4));
    for (const [name, values] of Object.entries(history)) expect(found.history[name]).toEqual(close(values));
    expect(model.getWeights().flatMap((w) => [...w.data])).toEqual(close(weights));
    warn.mockRestore();
  });
});
