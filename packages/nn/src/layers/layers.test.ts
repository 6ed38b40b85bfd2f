import { BoundsError, Generator, gradients, ones, tensor } from "@gradiente/autograd";
import { describe, expect, it } from "vitest";
import {
  BatchNormalization,
  Bidirectional,
  CategoryEncoding,
  Dense,
  Dot,
  Dropout,
  deserializeLayer,
  Embedding,
  functional,
  GRU,
  input,
  LSTM,
  MultiHeadAttention,
  Normalization,
  TimeDistributed,
} from "../index.ts";

const steps = tensor([
  [
    [1, 2],
    [3, 4],
    [5, 6],
  ],
  [
    [0, 1],
    [1, 0],
    [2, 2],
  ],
]);

describe("layers", () => {
  it("normalise by what they were shown", () => {
    const layer = new Normalization();
    expect(() => layer.apply(tensor([[1, 2]]))).toThrow(/adapt/);
    layer.adapt([
      [0, 10],
      [2, 30],
    ]);
    expect(layer.apply(tensor([[2, 10]])).toArray()).toEqual([[1, -1]]);
    const again = deserializeLayer({ class_name: "Normalization", config: layer.getConfig() });
    again.ensureBuilt([null, 2]);
    again.setWeights(layer.getWeights());
    expect(again.apply(tensor([[2, 10]])).toArray()).toEqual([[1, -1]]);
  });

  it("attend evenly where all keys are equal", () => {
    const layer = new MultiHeadAttention({ numHeads: 2, keyDim: 3 });
    const same = tensor([
      [
        [1, 2],
        [1, 2],
        [1, 2],
      ],
    ]);
    const y = layer.apply(same).toArray() as number[][][];
    expect(y[0]![0]).toEqual(y[0]![2]);
    expect(layer.countParams()).toBe(3 * (2 * 6 + 6) + 6 * 2 + 2);
    const out = layer.apply([steps, steps]).sum();
    expect(
      gradients(
        out,
        layer.weights.map((w) => w.value),
      ).map((g) => g.shape),
    ).toEqual(layer.weights.map((w) => w.value.shape));
  });

  it("read sequences from both ends", () => {
    const both = new Bidirectional(new LSTM(3, { returnSequences: true }));
    expect(both.apply(steps).shape).toEqual([2, 3, 6]);
    expect(both.weights.length).toBe(6);
    expect(new Bidirectional(new GRU(3), { mergeMode: "sum" }).apply(steps).shape).toEqual([2, 3]);
    expect(new TimeDistributed(new Dense(4)).apply(steps).shape).toEqual([2, 3, 4]);
    const again = deserializeLayer({ class_name: "Bidirectional", config: both.getConfig() });
    again.ensureBuilt([null, 3, 2]);
    again.setWeights(both.getWeights());
    expect(again.apply(steps).toArray()).toEqual(both.apply(steps).toArray());
  });

  it("drop the stated fraction, scaled so that the mean stays", () => {
    const x = tensor({ data: new Float32Array(10_000).fill(1), shape: [100, 100] });
    const y = new Dropout(0.3).apply(x, { training: true, generator: new Generator(1) }).data;
    const kept = y.filter((v) => v !== 0);
    expect(kept.length / y.length).toBeCloseTo(0.7, 1);
    expect(kept[0]).toBeCloseTo(1 / 0.7, 6);
  });

  it("look rows up, and refuse others", () => {
    const layer = new Embedding(3, 2, { embeddingsInitializer: "ones" });
    expect(layer.apply(tensor([[0, 2]])).toArray()).toEqual([
      [
        [1, 1],
        [1, 1],
      ],
    ]);
    for (const outside of [3, -1]) {
      expect(() => layer.apply(tensor([[0, outside]]))).toThrow(BoundsError);
      expect(() => layer.apply(tensor([[0, outside]]))).toThrow(
        new RegExp(`^embedding: index ${outside} is outside an axis of length 3.* indices are from 0 to 2`),
      );
    }
  });

  it("sum products along two axes only where their lengths agree", () => {
    const [a, b] = [ones([2, 3, 4]), ones([2, 4, 5])];
    expect(new Dot([2, 1]).apply([a, b]).shape).toEqual([2, 3, 5]);
    expect(() => new Dot([1, 1]).apply([a, b])).toThrow(/expects input of shape \(None, 3, 5\)|expects .*3, 5/);
    expect(() => new Dot(0).apply([a, a])).toThrow(/no axis 0 .*\n?.*samples/);
    expect(() => new Dot(3).apply([a, a])).toThrow(/no axis 3/);
    expect(() => new Dot(1).apply([a, a, a])).toThrow(/two tensors/);
  });

  it("attend along axes that there are, and that leave others alike", () => {
    const grid = ones([2, 3, 4, 5]);
    const options = { numHeads: 2, keyDim: 2 };
    const layer = new MultiHeadAttention({ ...options, attentionAxes: [2] });
    expect(layer.apply([grid, ones([2, 3, 7, 6])]).shape).toEqual([2, 3, 4, 5]);
    expect(layer.getConfig().attention_axes).toEqual([2]);
    expect(() => layer.apply([grid, ones([2, 9, 7, 6])])).toThrow(/differ in axes that are not attended along/);
    expect(() => new MultiHeadAttention({ ...options, attentionAxes: 3 }).apply(grid)).toThrow(/\[1,2\]/);
    expect(() => new MultiHeadAttention(options).apply(grid, { useCausalMask: true })).toThrow(/no order of places/);
  });

  it("weigh categories only where they are counted", () => {
    const numbers = tensor([[0, 2, 2]], { dtype: "int32" });
    const countWeights = tensor([[1, 0.5, 2]]);
    const counted = new CategoryEncoding({ numTokens: 3, outputMode: "count" });
    expect(counted.apply(numbers, { countWeights }).toArray()).toEqual([[1, 0, 2.5]]);
    const inputs = [input({ shape: [3] }), input({ shape: [3] })] as const;
    const model = functional({ inputs, outputs: counted.apply(inputs[0], { countWeights: inputs[1] }) });
    expect(model.apply([numbers, countWeights]).toArray()).toEqual([[1, 0, 2.5]]);
    expect(() => counted.apply(numbers, { countWeights: tensor([[1]]) })).toThrow(/shape/);
    expect(() => new CategoryEncoding({ numTokens: 3 }).apply(numbers, { countWeights })).toThrow(/multi_hot/);
  });

  it("refuse to renormalise within nothing", () => {
    expect(() => new BatchNormalization({ renorm: true, renormClipping: { rmax: 1, rmin: 2 } })).toThrow(/nothing/);
  });
});
