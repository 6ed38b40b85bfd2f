/** Exported models, run by onnxruntime: the same outputs, for one sample and for several. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { Generator, randn, type Tensor } from "@gradiente/autograd";
import * as nn from "@gradiente/nn";
import { env, InferenceSession, Tensor as OrtTensor } from "onnxruntime-web";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

beforeAll(() => {
  env.wasm.numThreads = 1;
  env.logLevel = "error";
});

/** Draws weights that no two elements of which are alike, so that every order of axes and gates shows. */
function shuffled(model: nn.Model): nn.Model {
  const generator = new Generator(11);
  for (const { name, value } of model.weights) {
    const drawn = randn(value.shape, { generator }).mul(0.4);
    value.assign(name.includes("variance") ? drawn.square().add(0.3) : drawn);
  }
  return model;
}

/** Random inputs; whole numbers below `below`, where that is stated. */
function inputsFor(model: nn.Model, samples: number, below: number | undefined, open: number): Tensor[] {
  const generator = new Generator(5);
  return model.inputShapes!.map((shape) => {
    const x = randn([samples, ...shape.slice(1).map((n) => n ?? open)], { generator });
    return below === undefined ? x : x.abs().mul(1000).remainder(below).floor();
  });
}

async function compare(
  model: nn.Model,
  options: { readonly below?: number; readonly open?: number } = {},
): Promise<void> {
  const session = await InferenceSession.create(await nn.exportOnnx(model), { logSeverityLevel: 3 });
  for (const samples of [1, 5]) {
    const xs = inputsFor(model, samples, options.below, options.open ?? 4);
    const feeds = Object.fromEntries(
      session.inputNames.map((name, i) => [name, new OrtTensor("float32", xs[i]!.data as Float32Array, xs[i]!.shape)]),
    );
    const found = await session.run(feeds);
    const expected = await model.predictAll(xs.length === 1 ? xs[0]! : xs);
    expect(session.outputNames.length).toBe(expected.length);
    session.outputNames.forEach((name, i) => {
      const { data, dims } = found[name]!;
      expect(dims).toEqual(expected[i]!.shape);
      const wanted = expected[i]!.data;
      let worst = 0;
      wanted.forEach((w, k) => {
        worst = Math.max(worst, Math.abs(w - (data as Float32Array)[k]!) / Math.max(1, Math.abs(w)));
      });
      expect(worst, `${model.name}, ${samples} samples`).toBeLessThan(1e-5);
    });
  }
  await session.release();
}

const sequence = (inputShape: readonly (number | null)[], ...layers: nn.Layer[]): nn.Model =>
  shuffled(new nn.Sequential(layers, { inputShape, seed: 1 }));

const activations: readonly nn.ActivationLike[] = [
  "linear",
  "relu",
  "relu6",
  "leaky_relu",
  "elu",
  "celu",
  "selu",
  "gelu",
  "sigmoid",
  "hard_sigmoid",
  "log_sigmoid",
  "tanh",
  "hard_tanh",
  "tanh_shrink",
  "hard_shrink",
  "soft_shrink",
  "softmax",
  "log_softmax",
  "softplus",
  "softsign",
  "silu",
  "swish",
  "hard_silu",
  "hard_swish",
  "exponential",
  "mish",
  "glu",
  "squareplus",
  "sparse_plus",
  "sparse_sigmoid",
  "sparsemax",
]; // prettier-ignore

describe("activations", () => {
  test.each(activations.map((a) => [String(a), a] as const))("%s", async (_, activation) => {
    await compare(sequence([3, 6], new nn.Rescaling(2), new nn.Activation(activation)));
  });
});

const recurrent: readonly (readonly [string, (options: nn.RecurrentOptions) => nn.LSTM | nn.GRU | nn.SimpleRNN])[] = [
  ["SimpleRNN", (o) => new nn.SimpleRNN(3, o)],
  ["LSTM", (o) => new nn.LSTM(3, o)],
  ["GRU", (o) => new nn.GRU(3, o)],
  ["GRU that resets before", (o) => new nn.GRU(3, { ...o, resetAfter: false })],
];

const layers: Readonly<Record<string, () => nn.Model>> = {
  dense: () => sequence([4], new nn.Dense(3, { activation: "tanh" }), new nn.Dense(2, { useBias: false })),
  "dense of sequences": () => sequence([3, 4], new nn.Dense(2, { activation: "softmax" })),
  flatten: () => sequence([2, 3, 2], new nn.Flatten()),
  reshape: () => sequence([6], new nn.Reshape([2, -1]), new nn.Permute([2, 1])),
  "repeat vector": () => sequence([3], new nn.RepeatVector(4)),
  "dropout and noise": () =>
    sequence(
      [4],
      new nn.Dropout(0.5),
      new nn.GaussianNoise(1),
      new nn.GaussianDropout(0.5),
      new nn.AlphaDropout(0.5),
      new nn.ActivityRegularization({ l1: 1 }),
    ),
  "spatial dropout": () => sequence([4, 3], new nn.SpatialDropout1D(0.5)),
  "random layers": () => sequence([4, 4, 3], new nn.RandomFlip(), new nn.RandomContrast(0.5)),
  rescaling: () => sequence([4], new nn.Rescaling(0.5, { offset: 3 })),
  "LeakyReLU, ELU, Softmax": () =>
    sequence([4, 3], new nn.LeakyReLU(), new nn.ELU({ alpha: 0.7 }), new nn.Softmax({ axis: 1 })),
  ReLU: () => sequence([8], new nn.ReLU({ maxValue: 1, negativeSlope: 0.1 })),
  "ReLU with a threshold": () => sequence([8], new nn.ReLU({ threshold: 0.3, negativeSlope: 0.2, maxValue: 1 })),
  PReLU: () => sequence([4, 3], new nn.PReLU({ sharedAxes: [1] }), new nn.PReLU()),
  "batch normalization": () => sequence([5], new nn.BatchNormalization(), new nn.Dense(2)),
  "batch normalization of an inner axis": () => sequence([3, 4], new nn.BatchNormalization({ axis: 1, scale: false })),
  "layer normalization": () =>
    sequence([3, 4], new nn.LayerNormalization(), new nn.LayerNormalization({ axis: [1, 2], center: false })),
  "layer normalization of an inner axis": () => sequence([3, 4], new nn.LayerNormalization({ axis: 1 })),
  "group normalization": () => sequence([3, 2, 4], new nn.GroupNormalization({ groups: 2 })),
  "RMS and unit normalization": () =>
    sequence([3, 4], new nn.RMSNormalization(), new nn.UnitNormalization({ axis: 1 })),
  normalization: () => sequence([2], new nn.Normalization({ mean: [1, 2], variance: [4, 0.5] })),
  "convolution of sequences": () =>
    sequence(
      [8, 2],
      new nn.Conv1D(3, 3, { padding: "causal", dilationRate: 2, activation: "relu" }),
      new nn.Conv1D(4, 2, { strides: 2, padding: "same" }),
    ),
  "convolution of images": () =>
    sequence(
      [7, 6, 2],
      new nn.Conv2D(3, [3, 2], { strides: 2, padding: "same", activation: "gelu" }),
      new nn.Conv2D(4, 2, { useBias: false, activation: "softmax" }),
    ),
  "convolution by groups, dilated": () =>
    sequence([6, 6, 4], new nn.Conv2D(6, 2, { groups: 2, dilationRate: 2, padding: "same" })),
  "convolution of volumes": () => sequence([3, 4, 5, 2], new nn.Conv3D(3, 2, { activation: "relu", padding: "same" })),
  "depthwise and separable convolution": () =>
    sequence(
      [6, 6, 3],
      new nn.DepthwiseConv2D(3, { depthMultiplier: 2, padding: "same", activation: "relu" }),
      new nn.SeparableConv2D(4, 2, { depthMultiplier: 2, strides: 2, padding: "same" }),
    ),
  "transposed convolution of sequences": () =>
    sequence([4, 2], new nn.Conv1DTranspose(3, 3, { strides: 2, padding: "same" }), new nn.Conv1DTranspose(2, 2)),
  "transposed convolution of images": () =>
    sequence(
      [3, 4, 2],
      new nn.Conv2DTranspose(3, 4, { strides: 2, padding: "same", activation: "relu" }),
      new nn.Conv2DTranspose(2, 2, { strides: 3 }),
      new nn.Conv2DTranspose(2, 1, { strides: 2, padding: "same" }),
    ),
  "pooling of sequences": () =>
    sequence([9, 2], new nn.MaxPooling1D(3, { strides: 2, padding: "same" }), new nn.AveragePooling1D(2)),
  "pooling of images": () =>
    sequence([7, 9, 2], new nn.AveragePooling2D(3, { strides: 2, padding: "same" }), new nn.MaxPooling2D(2)),
  "pooling of volumes": () =>
    sequence([5, 4, 5, 2], new nn.MaxPooling3D(2, { padding: "same" }), new nn.AveragePooling3D(2)),
  "global pooling": () => sequence([4, 3, 2], new nn.Conv2D(3, 2), new nn.GlobalAveragePooling2D()),
  "global pooling that keeps axes": () => sequence([4, 3], new nn.GlobalMaxPooling1D({ keepdims: true })),
  "padding, cropping, enlarging of sequences": () =>
    sequence([5, 2], new nn.ZeroPadding1D([1, 2]), new nn.Cropping1D([0, 2]), new nn.UpSampling1D(3)),
  "padding, cropping, enlarging of images": () =>
    sequence(
      [5, 4, 2],
      new nn.ZeroPadding2D([
        [1, 0],
        [2, 1],
      ]),
      new nn.Cropping2D([
        [1, 1],
        [0, 2],
      ]),
      new nn.UpSampling2D([2, 3]),
    ),
  "bilinear enlarging": () => sequence([3, 4, 2], new nn.UpSampling2D(2, { interpolation: "bilinear" })),
  "a layer for every step": () =>
    sequence(
      [4, 5, 3],
      new nn.TimeDistributed(new nn.Dense(2, { activation: "relu" })),
      new nn.TimeDistributed(new nn.Flatten()),
    ),
  "recurrent layers with other activations": () =>
    sequence(
      [4, 2],
      new nn.SimpleRNN(3, { activation: "linear", returnSequences: true }),
      new nn.LSTM(3, { activation: "softsign", recurrentActivation: "hard_sigmoid", returnSequences: true }),
      new nn.GRU(3, { activation: "elu", recurrentActivation: "hard_sigmoid", useBias: false }),
    ),
  "stacked cells": () =>
    sequence(
      [4, 2],
      new nn.RNN([new nn.LSTMCell(3), new nn.GRUCell(2)], { returnSequences: true, goBackwards: true }),
      new nn.RNN(new nn.SimpleRNNCell(3)),
    ),
  "both directions": () =>
    sequence(
      [4, 2],
      new nn.Bidirectional(new nn.LSTM(3, { returnSequences: true })),
      new nn.Bidirectional(new nn.GRU(3, { returnSequences: true, goBackwards: true }), { mergeMode: "mul" }),
      new nn.Bidirectional(new nn.SimpleRNN(3), { mergeMode: "ave" }),
    ),
  "depthwise and separable convolution of sequences": () =>
    sequence(
      [8, 3],
      new nn.DepthwiseConv1D(3, { depthMultiplier: 2, strides: 2, padding: "same" }),
      new nn.SeparableConv1D(4, 2, { padding: "causal", dilationRate: 2, activation: "relu" }),
    ),
  "transposed convolution, dilated, of stated length": () =>
    sequence(
      [3, 4, 2],
      new nn.Conv2DTranspose(3, 3, { dilationRate: 2, padding: "same" }),
      new nn.Conv2DTranspose(2, 3, { strides: 2, padding: "same", outputPadding: 1 }),
      new nn.Conv2DTranspose(2, 2, { strides: 2, outputPadding: 1 }),
    ),
  "transposed convolution of volumes": () =>
    sequence([2, 3, 2, 2], new nn.Conv3DTranspose(2, 3, { strides: 2, padding: "same" })),
  "padding, cropping, enlarging of volumes": () =>
    sequence([3, 4, 3, 2], new nn.ZeroPadding3D(1), new nn.Cropping3D([0, 1, 2]), new nn.UpSampling3D([1, 2, 3])),
  "adaptive pooling": () =>
    sequence([6, 8, 2], new nn.AdaptiveAveragePooling2D([3, 8]), new nn.AdaptiveMaxPooling2D(1)),
  resizing: () =>
    sequence(
      [4, 6, 2],
      new nn.Resizing(9, 5),
      new nn.Resizing(4, 11, { interpolation: "nearest" }),
      new nn.UpSampling2D(2, { interpolation: "bicubic" }),
      new nn.CenterCrop(5, 4),
    ),
  "normalization of other axes": () =>
    sequence(
      [2, 4, 3],
      new nn.GroupNormalization({ groups: 2, axis: 2 }),
      new nn.RMSNormalization({ axis: [1, 3] }),
      new nn.UnitNormalization({ axis: [2, 3] }),
      new nn.Softmax({ axis: [1, 3] }),
    ),
  "normalization by data, and back": () => {
    const [there, back] = [new nn.Normalization({ axis: 1 }), new nn.Normalization({ axis: [1, 2], invert: true })];
    return sequence([3, 2], there, back);
  },
  "products of any axes": () =>
    sequence(
      [3, 4],
      new nn.EinsumDense("abc,cde->abde", [3, 2, 5], { biasAxes: "e", activation: "tanh" }),
      new nn.EinsumDense("...x,xy->...y", [3], { biasAxes: "y" }),
      new nn.SpectralNormalization(new nn.Dense(2)),
    ),
  "nested models": () => {
    const inner = new nn.Sequential([new nn.Conv1D(2, 2), new nn.Flatten()], { name: "inner", inputShape: [5, 2] });
    return sequence([5, 2], inner, new nn.Dense(2));
  },
};

describe("layers", () => {
  test.each(Object.entries(layers))("%s", async (_, make) => {
    await compare(make());
  });
  test.each(
    recurrent.flatMap(([name, make]) =>
      [{}, { returnSequences: true }, { goBackwards: true }, { goBackwards: true, returnSequences: true }].map(
        (o) => [`${name} ${Object.keys(o)}`, () => make(o)] as const,
      ),
    ),
  )("%s", async (_, make) => {
    await compare(sequence([4, 2], make()));
  });

  test("embeddings, and sequences of any length", async () => {
    const model = sequence([null], new nn.Embedding(7, 3), new nn.LSTM(4, { returnSequences: true }), new nn.Dense(2));
    await compare(model, { below: 7, open: 6 });
    const steps = sequence(
      [null, 3],
      new nn.TimeDistributed(new nn.Dense(2)),
      new nn.Conv1D(2, 3, { padding: "same" }),
    );
    await compare(steps, { open: 3 });
  });
});

describe("functional models", () => {
  test("of several inputs and outputs, with every way to merge", async () => {
    const [a, b] = [nn.input({ shape: [3], name: "left" }), nn.input({ shape: [3], name: "right" })];
    const shared = new nn.Dense(3, { name: "shared", activation: "tanh" });
    const [x, y] = [shared.apply(a), shared.apply(b)];
    const pair = [x, y];
    const merged = [
      new nn.Add(),
      new nn.Subtract(),
      new nn.Multiply(),
      new nn.Average(),
      new nn.Maximum(),
      new nn.Minimum(),
    ];
    const model = nn.functional({
      inputs: [a, b],
      outputs: [
        new nn.Concatenate({ name: "all" }).apply(merged.map((m) => m.apply(pair))),
        new nn.Dot(1, { name: "cosine", normalize: true }).apply(pair),
        y,
      ],
      seed: 1,
    });
    await compare(shuffled(model));
    const session = await InferenceSession.create(await nn.exportOnnx(model));
    expect(session.inputNames).toEqual(["left", "right"]);
    expect(session.outputNames).toEqual(["all", "cosine", "shared"]);
  });

  test("whose output is an input", async () => {
    const a = nn.input({ shape: [3], name: "same" });
    const model = nn.functional({ inputs: a, outputs: [a, new nn.Dense(1).apply(a)] });
    await compare(shuffled(model));
  });

  test("products of matrices", async () => {
    const [a, b] = [nn.input({ shape: [3, 4] }), nn.input({ shape: [4, 2] })];
    await compare(nn.functional({ inputs: [a, b], outputs: new nn.Dot([2, 1]).apply([a, b]) }));
    const [c, d] = [nn.input({ shape: [4, 3] }), nn.input({ shape: [2, 4] })];
    await compare(nn.functional({ inputs: [c, d], outputs: new nn.Dot([1, 2]).apply([c, d]) }));
  });

  test("with attention", async () => {
    const [q, v] = [nn.input({ shape: [3, 4] }), nn.input({ shape: [5, 4] })];
    const across = new nn.MultiHeadAttention({ numHeads: 2, keyDim: 3, valueDim: 2 }).apply([q, v]);
    const within = new nn.MultiHeadAttention({ numHeads: 2, keyDim: 3, useBias: false }).apply(across);
    await compare(shuffled(nn.functional({ inputs: [q, v], outputs: within })));
  });

  test("with attention under masks, by groups, and its scores", async () => {
    const [q, v, m] = [nn.input({ shape: [3, 4] }), nn.input({ shape: [3, 4] }), nn.input({ shape: [3, 3] })];
    const heads = new nn.MultiHeadAttention({ numHeads: 2, keyDim: 3, outputShape: [2, 3], useGate: true });
    const [a, scores] = heads.applyAll([q, v], { useCausalMask: true, returnAttentionScores: true });
    const groups = new nn.GroupQueryAttention({
      headDim: 2,
      numQueryHeads: 4,
      numKeyValueHeads: 2,
      slidingWindow: 2,
    });
    const b = groups.apply([q, v], { attentionMask: m });
    const model = nn.functional({ inputs: [q, v, m], outputs: [a!, scores!, b] });
    await compare(shuffled(model), { below: 2 });
  });

  test("with attention without projections", async () => {
    const [q, v] = [nn.input({ shape: [3, 4] }), nn.input({ shape: [5, 4] })];
    const outputs = [
      new nn.Attention({ useScale: true }).apply([q, v]),
      new nn.Attention({ useScale: true, scoreMode: "concat" }).apply([q, v], { useCausalMask: true }),
      new nn.AdditiveAttention().apply([q, v]),
    ];
    await compare(shuffled(nn.functional({ inputs: [q, v], outputs })));
  });

  test("that hand on states", async () => {
    const [a, b] = [nn.input({ shape: [4, 2] }), nn.input({ shape: [3, 2] })];
    const cells = new nn.RNN([new nn.LSTMCell(3), new nn.GRUCell(2)], { returnState: true });
    const [, h0, c0, g0] = cells.applyAll(b);
    const w = new nn.RNN([new nn.LSTMCell(3), new nn.GRUCell(2)]).apply(a, { initialState: [h0!, c0!, g0!] });
    const [, h, c] = new nn.LSTM(3, { returnState: true }).applyAll(a);
    const y = new nn.LSTM(3, { returnSequences: true }).apply(b, { initialState: [h!, c!] });
    const z = new nn.GRU(3).apply(y, { initialState: [h!] });
    await compare(shuffled(nn.functional({ inputs: [a, b], outputs: [w, y, z] })));
  });

  test("nested, a shared model twice", async () => {
    const inner = nn.input({ shape: [4] });
    const encoder = nn.functional({ inputs: inner, outputs: new nn.Dense(2).apply(inner), name: "encoder" });
    const [a, b] = [nn.input({ shape: [4] }), nn.input({ shape: [4] })];
    const model = shuffled(
      nn.functional({ inputs: [a, b], outputs: new nn.Subtract().apply([encoder.apply(a), encoder.apply(b)]) }),
    );
    await compare(model);
    const text = new TextDecoder("latin1").decode(await nn.exportOnnx(model));
    expect(text.split("encoder/dense/kernel").length - 1).toBe(3); // one constant, two uses
  });
});

const oracle = process.env.GRADIENTE_ORACLE;
describe.skipIf(oracle === undefined)("models that Keras saved", () => {
  interface Values {
    readonly shape: readonly number[];
    readonly data: readonly number[];
  }
  const folder = join(oracle ?? "", "keras");
  const read = (): {
    readonly models: readonly { name: string; input: Values | readonly Values[]; output: Values }[];
  } => JSON.parse(gunzipSync(readFileSync(join(folder, "models.json.gz"))).toString());
  const cases = oracle === undefined ? [] : read().models;
  test.each(cases.map((c) => [c.name, c] as const))("%s gives what Keras gave", async (name, { input, output }) => {
    const model = await nn.loadModel(join(folder, "models", `${name}.h5`));
    const session = await InferenceSession.create(await nn.exportOnnx(model));
    const given: readonly Values[] = "data" in input ? [input] : input;
    const feeds = session.inputNames.map((port, i) => {
      const { data, shape } = given[i]!;
      return [port, new OrtTensor("float32", Float32Array.from(data), shape)] as const;
    });
    const found = (await session.run(Object.fromEntries(feeds)))[session.outputNames[0]!]!;
    expect(found.dims).toEqual(output.shape);
    output.data.forEach((wanted, i) => {
      expect(Math.abs((found.data as Float32Array)[i]! - wanted)).toBeLessThan(1e-5 * Math.max(1, Math.abs(wanted)));
    });
    await session.release();
  });
});

describe("files", () => {
  const folder = mkdtempSync(join(tmpdir(), "onnx-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  test("are the same bytes every time", async () => {
    const model = sequence([4], new nn.Dense(2));
    const bytes = await nn.exportOnnx(model);
    await model.export(join(folder, "model.onnx"));
    expect(new Uint8Array(readFileSync(join(folder, "model.onnx")))).toEqual(bytes);
    await expect(model.export(join(folder, "model.bin"))).rejects.toThrow(/must end in \.onnx/);
  });

  test("have no transposes between convolutions", async () => {
    const transposes = async (count: number): Promise<number> => {
      const convolutions = Array.from({ length: count }, () => new nn.Conv2D(2, 3, { activation: "relu" }));
      const model = sequence([9, 9, 2], ...convolutions, new nn.MaxPooling2D());
      return new TextDecoder("latin1").decode(await nn.exportOnnx(model)).split("Transpose").length - 1;
    };
    expect(await transposes(1)).toBeGreaterThan(0);
    expect(await transposes(3)).toBe(await transposes(1));
  });
});

describe("what has no counterpart is refused by name", () => {
  class Own extends nn.Layer {
    call(x: Tensor): Tensor {
      return x;
    }
  }
  class Twice extends nn.Dense {
    override call(x: Tensor): Tensor {
      return super.call(x).mul(2);
    }
  }
  test.each([
    ["Own", () => new Own({ name: "mine" })],
    ["Twice", () => new Twice(3, { name: "mine" })],
    ["Lambda", () => new nn.Lambda((x) => x, { name: "mine" })],
    ["Dense", () => new nn.Dense(3, { name: "mine", activation: (x) => x.neg() })],
    ["Dense", () => new nn.Dense(4, { name: "mine", activation: "glu" })],
  ])("%s", async (className, make) => {
    await expect(nn.exportOnnx(sequence([3], make()))).rejects.toMatchObject({ layer: "mine", className });
  });

  test("masks", async () => {
    const model = sequence([3], new nn.Embedding(4, 2, { maskZero: true }));
    await expect(nn.exportOnnx(model)).rejects.toThrow(nn.OnnxExportError);
  });

  test("a model without shapes", async () => {
    await expect(nn.exportOnnx(new nn.Sequential([new nn.Dense(1)]))).rejects.toThrow(nn.NotReadyError);
  });
});
