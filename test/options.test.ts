import * as g from "@gradiente/autograd";
import { describe, expect, test } from "vitest";

// Every option of every operation: a misspelt name and what are no options at all are refused by the operation that was
// called, and values that are no integers where integers are wanted do not get as far as an endless loop.

const f64 = { dtype: "float64" } as const;
const x = g.tensor(
  [
    [1, 2, 3],
    [4, 5, 6],
  ],
  f64,
);
const v = g.tensor([0.2, 0.3, 0.5], f64);
const square = g.tensor(
  [
    [4, 1],
    [1, 3],
  ],
  f64,
);
const index = g.tensor([[0, 1, 0]], { dtype: "int32" });
const classes = g.tensor([0, 1], { dtype: "int32" });
const row = g.ones([1, 3], f64);
const image = g.ones([1, 4, 4, 2]);
const generator = new g.Generator(1);
const affine = { scale: [1, 2], shift: [1, 2], epsilon: 0.1 };
const reduce = { axis: 0, keepDims: true };
const window = { strides: 1, padding: "same", dilation: 1 };
const random = { generator, dtype: "float64" };
const made = { dtype: "float64", requiresGrad: true };

/** The arguments of a call that is in order, and all options there are. */
const calls: Readonly<Record<string, readonly [args: readonly unknown[], options: Readonly<Record<string, unknown>>]>> =
  {
    ...Object.fromEntries(
      "sum mean prod max min amax amin any all logSumExp countNonzero nanSum nanMean median nanMedian argmax argmin"
        .split(" ")
        .map((name) => [name, [[x], reduce]]),
    ),
    ...Object.fromEntries(
      "cumsum cumprod cummax cummin logCumSumExp softmax logSoftmax"
        .split(" ")
        .map((name) => [name, [[x], { axis: 0 }]]),
    ),
    ...Object.fromEntries("diag tril triu".split(" ").map((name) => [name, [[x], { offset: 1 }]])),
    ...Object.fromEntries("diagonal trace".split(" ").map((name) => [name, [[x], { offset: 1, axes: [0, 1] }]])),
    ...Object.fromEntries("rand randn".split(" ").map((name) => [name, [[[2]], random]])),
    ...Object.fromEntries("uniform normal truncatedNormal".split(" ").map((name) => [name, [[0, 3, [2]], random]])),
    ...Object.fromEntries("gamma exponential".split(" ").map((name) => [name, [[1, [2]], random]])),
    ...Object.fromEntries("zeros ones".split(" ").map((name) => [name, [[[2]], made]])),
    standardize: [[x], { axis: 0, epsilon: 0.1 }],
    variance: [[x], { ...reduce, correction: 1 }],
    std: [[x], { ...reduce, correction: 1 }],
    norm: [[x], { ...reduce, ord: 3 }],
    quantile: [[x, 0.5], { ...reduce, method: "lower" }],
    nanQuantile: [[x, 0.5], { ...reduce, method: "lower" }],
    average: [[x], { axis: 1, keepDims: true, weights: [1, 2, 3] }],
    diff: [[x], { n: 1, axis: 0 }],
    trapezoid: [[x], { dx: 2, axis: 0, x: [1, 2] }],
    histogram: [[x], { bins: 3, range: [0, 4], density: true, weights: g.ones([2, 3]) }],
    bincount: [[classes], { minLength: 3, weights: [1, 2] }],
    logit: [[v], { eps: 0.1 }],
    gelu: [[x], { approximate: "tanh" }],
    nanToNum: [[x], { nan: 1, posInf: 2, negInf: 3 }],
    clamp: [[x], { min: 1, max: 2 }],
    addcmul: [[v, v, v], { value: 2 }],
    cross: [[v, v], { axis: 0 }],
    repeat: [[v, 2], { axis: 0 }],
    concatenate: [[[v, v]], { axis: 0 }],
    stack: [[[v, v]], { axis: 0 }],
    split: [[x, 3], { axis: 1 }],
    chunk: [[x, 2], { axis: 1 }],
    unstack: [[x], { axis: 1 }],
    roll: [[x, 1], { axis: 0 }],
    pad: [[x, [[1, 1]]], { mode: "constant", value: 2 }],
    gather: [[x, index], { axis: 0 }],
    scatter: [[x, index, row], { axis: 0 }],
    scatterAdd: [[x, index, row], { axis: 0 }],
    scatterReduce: [[x, index, row], { axis: 0, reduce: "prod", includeSelf: true }],
    take: [[x, classes], { axis: 0 }],
    indexSelect: [[x, classes], { axis: 0 }],
    indexAdd: [[x, classes, x], { axis: 0 }],
    oneHot: [[classes, 3], { dtype: "float64" }],
    sort: [[x], { axis: 0, descending: true }],
    argsort: [[x], { axis: 0, descending: true }],
    topK: [[x, 1], { axis: 0, largest: true }],
    searchSorted: [[v, v], { side: "left" }],
    unfold: [[x, 2], { axis: 1, step: 1 }],
    fold: [[g.unfold(x, 2, { axis: 1 })], { axis: 1, step: 1, length: 3 }],
    triangularSolve: [[square, square], { lower: true, transpose: false }],
    qr: [[square], { mode: "reduced" }],
    svd: [[square], { fullMatrices: true }],
    lstsq: [[square, square], { cutoff: 1e-9 }],
    pinv: [[square], { cutoff: 1e-9 }],
    matrixNorm: [[square], { ord: 1, axis: [0, 1], keepDims: true }],
    cond: [[square], { ord: 1 }],
    conv2d: [[image, g.ones([2, 2, 2, 2])], { ...window, groups: 1 }],
    depthwiseConv2d: [[image, g.ones([2, 2, 2, 1])], window],
    convTranspose2d: [[image, g.ones([2, 2, 2, 2])], { ...window, groups: 1, outputPadding: 0 }],
    maxPool: [[image], { ...window, size: 2 }],
    avgPool: [[image], { ...window, size: 2, countPadding: true }],
    interpolate: [[image, [3, 3]], { mode: "linear", alignCorners: true }],
    batchNorm: [[image], { ...affine, axis: -1, mean: [1, 2], variance: [1, 2] }],
    layerNorm: [[image], { ...affine, axis: -1 }],
    rmsNorm: [[image], { ...affine, axis: -1 }],
    groupNorm: [[image, 1], affine],
    instanceNorm: [[image], affine],
    nllLoss: [[x, classes], { axis: 1, weights: [1, 2, 3], ignoreIndex: 1, reduction: "sum" }],
    crossEntropy: [
      [x, classes],
      { axis: 1, weights: [1, 2, 3], ignoreIndex: 1, labelSmoothing: 0.1, reduction: "sum" },
    ],
    binaryCrossEntropy: [[v, v], { weights: [1, 2, 3], reduction: "sum" }],
    binaryCrossEntropyWithLogits: [[v, v], { weights: [1, 2, 3], positiveWeight: 2, reduction: "sum" }],
    huber: [[v, v], { delta: 2, reduction: "sum" }],
    mseLoss: [[v, v], { reduction: "sum" }],
    l1Loss: [[v, v], { reduction: "sum" }],
    klDiv: [[v, v], { logTarget: true, reduction: "sum" }],
    dropout: [[x, 0.5], { noiseShape: [2, 1], generator }],
    scaledDotProductAttention: [[x, x, x], { mask: g.ones([2, 2]), causal: true, scale: 2 }],
    full: [[[2], 3], made],
    eye: [[2, 2], made],
    arange: [[0, 3, 1], made],
    linspace: [[0, 3, 4], made],
    logspace: [[0, 3, 4], { ...made, base: 2 }],
    tensor: [[[1, 2]], made],
    parameter: [[[1, 2]], made],
    randint: [[0, 3, [2]], { generator }],
    bernoulli: [[0.5, [2]], { generator }],
    categorical: [[x], { count: 2, generator }],
    permutation: [[3], { generator }],
  };

const integers = ["axis", "offset", "n", "count", "minLength", "step", "length", "bins"];
const functions: Readonly<Record<string, (...args: unknown[]) => unknown>> = { ...g } as never;

/** The error of a call, which must be one of the package's own that names the operation. */
function refusal(name: string, args: readonly unknown[]): string {
  try {
    functions[name]!(...args);
  } catch (error) {
    expect(error).toBeInstanceOf(g.GradienteError);
    expect((error as g.GradienteError).op).toBe(name);
    return (error as g.GradienteError).message;
  }
  throw new Error(`${name} took it`);
}

describe.each(Object.entries(calls))("%s", (name, [args, options]) => {
  test("takes its options, and refuses misspelt ones", () => {
    functions[name]!(...args, options);
    for (const [option, value] of Object.entries(options)) {
      const misspelt = { ...options, [`${option}s`]: value };
      expect(refusal(name, [...args, misspelt])).toMatch(
        new RegExp(`^${name}: the name of an option is "${option}s", expected one of .*"${option}"`),
      );
    }
  });
  test("refuses what are no options", () => {
    for (const none of [null, 5, "abc", true, []]) {
      expect(refusal(name, [...args, none])).toMatch(new RegExp(`^${name}: the options are .*, not an object`));
    }
  });
  test("refuses integers that are none", () => {
    for (const option of Object.keys(options).filter((o) => integers.includes(o))) {
      for (const none of [0.5, Number.NaN, Number.POSITIVE_INFINITY, "abc", {}]) {
        if (option === "bins" && typeof none === "object") continue;
        refusal(name, [...args, { ...options, [option]: none }]);
      }
    }
  });
});

test("every operation that takes options is among those tested", () => {
  const named = Object.entries(functions).filter(([, f]) => typeof f === "function" && /^[a-z]/.test(f.name));
  const others = "conv1d conv3d convTranspose1d convTranspose3d var"; // as conv2d, convTranspose2d and variance
  const transforms =
    "gradients backward gradcheck gradgradcheck printGraph jacobian vmap setBackend saveTensors loadTensors slice";
  const known = new Set([...Object.keys(calls), ...others.split(" "), ...transforms.split(" ")]);
  const taking = named.filter(([, f]) => /checkOptions|options/.test(f.toString())).map(([name]) => name);
  expect(taking.filter((name) => !known.has(name))).toEqual([]);
});
