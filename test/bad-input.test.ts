import { inspect } from "node:util";
import * as g from "@gradiente/autograd";
import { describe, expect, test, vi } from "vitest";
import * as ops from "../packages/autograd/src/ops/index.ts";

// What is wrong is refused with a typed error, which names the operation and what is wrong with it.

const x = (): g.Tensor =>
  g.tensor([
    [1, 2, 3],
    [4, 5, 6],
  ]);

/** Arguments that most operations refuse; none may end in another error than those of the package. */
const nonsense: Readonly<Record<string, () => readonly unknown[]>> = {
  "no argument": () => [],
  null: () => [null],
  undefined: () => [undefined],
  "a string": () => ["abc"],
  "an object": () => [{}],
  "a function": () => [() => 1],
  "a ragged array": () => [[[1], [1, 2]]],
  "an axis too far": () => [x(), { axis: 7 }],
  "an axis too far, given second": () => [x(), 7],
  "a fractional axis": () => [x(), { axis: 0.5 }],
  "an axis that is no number": () => [x(), { axis: "x" }],
  "NaN as axis": () => [x(), { axis: Number.NaN }],
  "axes twice": () => [x(), { axis: [0, 0] }],
  "a word": () => [x(), "abc"],
  "a list": () => [x(), [7]],
  "a negative number": () => [x(), -9],
  "a fraction": () => [x(), 0.5],
  "shapes that do not fit": () => [x(), g.ones([4, 5])],
  "three shapes that do not fit": () => [x(), g.ones([4, 5]), g.ones([7])],
  "integers and fractions": () => [g.tensor([[1, 2]], { dtype: "int32" }), g.tensor([[1.5, 2]]), g.ones([9])],
  booleans: () => [g.tensor([[true]]), g.tensor([[true]])],
  scalars: () => [g.tensor(1), g.tensor(1)],
  "nothing in it": () => [g.zeros([0, 3])],
  "an unknown dtype": () => [[2], { dtype: "float8" }],
  "a negative length": () => [[-1, 2]],
  "too many arguments": () => [x(), x(), { axis: 9 }],
  "no options": () => [x(), {}],
  "a symbol": () => [Symbol("axis")],
  "a symbol, given second": () => [x(), Symbol("axis")],
  "symbols in a list": () => [x(), [Symbol("axis")]],
  "a symbol as axis": () => [x(), { axis: Symbol("axis") }],
  "a bigint": () => [10n],
  "a bigint, given second": () => [x(), 10n],
  "bigints in a list": () => [x(), [10n]],
  "an object without a prototype": () => [Object.create(null)],
  "an object without a prototype, given second": () => [x(), Object.create(null)],
  "data that is none": () => [{ data: null, shape: [2] }],
  "a shape that is none": () => [{ data: new Float32Array(2), shape: [Symbol("length")] }],
  "a view of bytes": () => [new DataView(new ArrayBuffer(4))],
  "more than integers hold, given second": () => [g.tensor([[1, 2]], { dtype: "uint8" }), 1e300],
};

test.each(Object.entries(nonsense))("operations given %s fail with a GradienteError, if they fail", (_, make) => {
  const raw: string[] = [];
  let refused = 0;
  for (const [name, f] of Object.entries(ops)) {
    if (typeof f !== "function") continue;
    try {
      (f as (...args: unknown[]) => unknown)(...make());
    } catch (error) {
      refused++;
      if (!(error instanceof g.GradienteError)) raw.push(`${name}: ${error}`);
    }
  }
  expect(raw).toEqual([]);
  expect(refused).toBeGreaterThan(0);
});

describe("each kind of mistake has its error", () => {
  const i32 = (data: g.TensorLike): g.Tensor => g.tensor(data, { dtype: "int32" });
  const image = g.zeros([1, 5, 5, 3]);
  const cases: readonly [string, () => unknown, new (...args: never[]) => Error, RegExp][] = [
    [
      "add",
      () => g.add(g.zeros([2, 3]), g.zeros([4] as number[])),
      g.ShapeError,
      /add: shapes do not broadcast: lengths 3 and 4/,
    ],
    ["sum", () => g.sum(x(), { axis: 2 }), g.AxisError, /sum: axis 2 is out of range.*valid axes are -2 to 1/],
    ["mean", () => g.mean(x(), { axis: [0, 0] }), g.AxisError, /names an axis twice/],
    ["max", () => g.max(g.zeros([0])), g.ShapeError, /max: there is no element to choose/],
    ["argmin", () => g.argmin(g.zeros([2, 0]), { axis: 1 }), g.ShapeError, /no element/],
    ["softmax", () => g.softmax(x(), { axis: -3 }), g.AxisError, /softmax: axis -3/],
    ["quantile", () => g.quantile([1], 1.5), g.ArgumentError, /q is 1.5.*0 ≤ q ≤ 1/],
    ["quantile's method", () => g.quantile([1], 0.5, { method: "middle" as "lower" }), g.ArgumentError, /"midpoint"/],
    ["topK", () => g.topK([1, 2], 3), g.ArgumentError, /there are no 3 elements along axis 0/],
    ["bitwiseOr", () => g.bitwiseOr([1.5], [1]), g.DTypeError, /integers or booleans/],
    ["take", () => g.take([1, 2], g.tensor([0.5])), g.DTypeError, /indices must be integers.*cast\(indices, "int32"\)/],
    ["gather", () => g.gather(x(), i32([[0], [1], [0]])), g.ShapeError, /gather: indices do not fit the tensor/],
    ["scatterAdd", () => g.scatterAdd([0], i32([1]), [1]), g.BoundsError, /index 1 is outside an axis of length 1/],
    ["scatterReduce", () => g.scatterReduce([0], i32([0]), [1], { reduce: "max" as "amax" }), g.ArgumentError, /amax/],
    ["oneHot", () => g.oneHot([3], 3), g.BoundsError, /index 3 is outside an axis of length 3/],
    ["concatenate", () => g.concatenate([g.zeros([2, 2]), g.zeros([2, 3])]), g.ShapeError, /another axis than 0/],
    ["stack", () => g.stack([]), g.ArgumentError, /stack: the list of tensors is empty/],
    ["split", () => g.split([1, 2, 3], 2), g.ArgumentError, /3 elements cannot be divided into 2 equal parts.*chunk/],
    ["permute", () => g.permute(x(), [0, 0]), g.AxisError, /does not name every axis once/],
    ["broadcastTo", () => g.broadcastTo(x(), [3, 3]), g.ShapeError, /lengths 2 and 3/],
    ["zeros", () => g.zeros([2, -1]), g.ArgumentError, /shape \[2, -1\] has the length -1/],
    ["a size", () => g.zeros([2 ** 20, 2 ** 20]), g.ArgumentError, /a tensor holds at most 2147483647/],
    ["einsum", () => g.einsum("ij,jk->il", [[1]], [[1]]), g.ArgumentError, /einsum: .* in "ij,jk->il"/],
    ["tensorDot", () => g.tensorDot(x(), x(), [[0], [1]]), g.ShapeError, /do not have equal lengths/],
    [
      "solve",
      () =>
        g.solve(
          [
            [1, 0],
            [0, 1],
          ],
          [1, 2, 3],
        ),
      g.ShapeError,
      /another number of rows/,
    ],
    ["matrixPower", () => g.matrixPower([[1]], 0.5), g.ArgumentError, /power is 0.5/],
    ["conv2d", () => g.conv2d(image, g.zeros([3, 3, 3, 8]), { strides: 0 }), g.ArgumentError, /strides is 0/],
    [
      "conv2d's padding",
      () => g.conv2d(image, g.zeros([3, 3, 3, 8]), { padding: "sam" as "same" }),
      g.ArgumentError,
      /"same"/,
    ],
    ["conv2d's groups", () => g.conv2d(image, g.zeros([3, 3, 3, 8]), { groups: 2 }), g.GradienteError, /groups/],
    ["maxPool", () => g.maxPool([[1, 2]], { size: 2 }), g.ShapeError, /not \[batch, ...space, channels\]/],
    ["interpolate", () => g.interpolate(image, [10]), g.ArgumentError, /size is \[10\].*give 2 positive integers/],
    ["pad", () => g.pad([1, 2], [[2, 0]], { mode: "reflect" }), g.ArgumentError, /longer than 1/],
    ["groupNorm", () => g.groupNorm(image, 2), g.ArgumentError, /2 groups do not divide 3 channels/],
    ["dropout", () => g.dropout([1], 1.5), g.ArgumentError, /dropout/],
    [
      "attention",
      () => g.scaledDotProductAttention([[1, 2]], [[1]], [[1]]),
      g.ShapeError,
      /\[..., queries, features\]/,
    ],
    [
      "crossEntropy",
      () => g.crossEntropy([[0, 0]], [[0, 0, 1]]),
      g.ShapeError,
      /crossEntropy: the truth is neither classes nor/,
    ],
    [
      "a reduction",
      () => g.mseLoss([1], [1], { reduction: "avg" as "mean" }),
      g.ArgumentError,
      /"mean", "sum", "none"/,
    ],
    ["randint", () => g.randint(3, 3, [1]), g.ArgumentError, /no integer in \[3, 3\)/],
    ["rand", () => g.rand([1], { dtype: "int32" as "float32" }), g.ArgumentError, /dtype is "int32"/],
    ["uniform", () => g.uniform(1, 0, [1]), g.ArgumentError, /no number in \[1, 0\)/],
    ["normal", () => g.normal(0, -1, [1]), g.ArgumentError, /std is -1/],
    ["exponential", () => g.exponential(0, [1]), g.ArgumentError, /rate is 0/],
    ["bernoulli", () => g.bernoulli([0.5, 2]), g.ArgumentError, /probability outside \[0, 1\]/],
    ["rot90", () => g.rot90(x(), 0.5), g.ArgumentError, /times is 0.5/],
    ["tril", () => g.tril(x(), { offset: 0.5 }), g.ArgumentError, /offset is 0.5/],
    ["oneHot's depth", () => g.oneHot([0], 1.5), g.ArgumentError, /depth is 1.5/],
    ["trapezoid", () => g.trapezoid([1, 2, 3], { x: [1, 2] }), g.ShapeError, /one place for each sample/],
    ["at", () => g.at(x(), ".." as "..."), g.ArgumentError, /an index is "..", expected one of "..."/],
    ["full", () => g.full([2], "a" as unknown as number), g.ArgumentError, /the value is "a", not a number/],
    ["std", () => g.std(x(), { correction: "a" as unknown as number }), g.ArgumentError, /correction is "a"/],
    ["searchSorted", () => g.searchSorted([[1, 2]], [1]), g.ShapeError, /no vector/],
    ["vmap", () => g.vmap((a) => a)(g.tensor(1)), g.AxisError, /vmap: axis 0 is out of range/],
    ["contract", () => g.contract(x(), x(), { batch: 0, m: 1, k: 1, n: 1 }), g.ShapeError, /groups of 0, 1, 1 and 1/],
  ];
  test.each(cases)("%s", (_, f, type, message) => {
    expect(f).toThrow(type);
    expect(f).toThrow(message);
  });
});

// What TypeScript refuses, and plain JavaScript lets through.
describe("options and functions that only a compiler would have refused", () => {
  const js: Record<string, (...args: unknown[]) => unknown> = { ...g } as never;
  const call = (name: string, ...args: unknown[]): unknown => js[name]!(...args);
  const w = (): g.Tensor => g.tensor([1, 2], { requiresGrad: true });
  const transformed = (name: string, f: unknown, ...args: unknown[]): unknown =>
    (call(name, f) as (...args: unknown[]) => unknown)(...args);
  const cases: readonly [string, () => unknown, RegExp][] = [
    ["axes for axis", () => call("sum", x(), { axes: 0 }), /^sum: .* is "axes", .* Hint: did you mean "axis"\?$/],
    ["keepdims for keepDims", () => call("mean", x(), { keepdims: true }), /^mean: .*did you mean "keepDims"/],
    ["NumPy's ddof", () => call("variance", x(), { ddof: 1 }), /^variance: .*"axis", "keepDims", "correction"/],
    ["another reduction's option", () => call("max", x(), { correction: 1 }), /^max: /],
    ["an axis in place of options", () => call("softmax", x(), 1), /^softmax: the options are 1, not an object/],
    ["an axis to concatenate along", () => call("concatenate", [x(), x()], 1), /^concatenate: .*\{ axis \}/],
    ["requires_grad", () => call("tensor", [1], { requires_grad: true }), /^tensor: .*did you mean "requiresGrad"/],
    ["create_graph", () => call("gradients", w().sum(), [w()], { create_graph: true }), /did you mean "createGraph"/],
    ["in_axes", () => call("vmap", () => 1, { in_axes: 0 }), /^vmap: .*did you mean "inAxes"/],
    ["too few axes", () => g.vmap((a, b) => a.add(b), { inAxes: [0] })(w(), w()), /there are 1 inAxes for 2 arguments/],
    ["a format", () => call("printGraph", w(), "dot"), /^printGraph: the options are "dot"/],
    ["gradcheck's options", () => call("gradcheck", (a: g.Tensor) => a, [w()], { tol: 1 }), /"tol"/],
    ["inputs that are no list", () => call("gradients", w().sum(), w()), /^gradients: inputs are a tensor float32/],
    ["jvp without lists", () => call("jvp", (a: g.Tensor) => a, w(), w()), /^jvp: primals are a tensor float32/],
    ["the gradient of a number", () => transformed("grad", (a: g.Tensor) => a, 2), /^grad: argument 0 holds no tensor/],
    ["no return", () => transformed("grad", () => undefined, w()), /result is undefined.*is there a return\?$/],
    ["item", () => transformed("grad", (a: g.Tensor) => a.sum().item(), w()), /item\(\), .* leave the tape/],
    ["a promise", () => transformed("valueAndGrad", async (a: g.Tensor) => a, w()), /a Promise.*not be asynchronous/],
    ["a number from vmap", () => transformed("vmap", () => 3, w()), /^vmap: the function's result is 3/],
    ["a number to jacobian", () => transformed("jacobian", (a: g.Tensor) => a, 3), /^jacobian: the argument is 3/],
    [
      "no rule",
      () => call("customGradient", { forward: () => w() }),
      /^customGradient: backward is undefined.*Hint: write customGradient/,
    ],
    [
      "a rule that returns nothing",
      () =>
        (call("customGradient", { forward: (a: g.Tensor) => a.exp(), backward: () => undefined }) as typeof g.exp)(w())
          .sum()
          .backward(),
      /^customGradient: gradient 0 that backward gave is undefined/,
    ],
    ["a word for a seed", () => call("manualSeed", "x"), /the seed is "x".*integer/],
    ["an index for a range", () => call("slice", x(), [1]), /^slice: the range of axis 0 is 1.*at\(x, index\)/],
    [
      "end for stop",
      () => call("slice", x(), [{ end: 1 }]),
      /^slice: .*"end", expected one of "start", "stop", "step"/,
    ],
    [
      "stride for strides",
      () => call("conv2d", g.ones([1, 3, 3, 1]), g.ones([2, 2, 1, 1]), { stride: 2 }),
      /"strides"\?/,
    ],
    [
      "a loss's option",
      () => call("mseLoss", x(), x(), { reduce: "sum" }),
      /^mseLoss: .*"reduce", expected .*"reduction"/,
    ],
    [
      "label_smoothing",
      () => call("crossEntropy", x(), x(), { label_smoothing: 0.1 }),
      /did you mean "labelSmoothing"/,
    ],
    ["64-bit integers", () => call("tensor", new BigInt64Array(2)), /64-bit integers/],
    ["a tensor among numbers", () => call("tensor", [w(), w()]), /a tensor float32\[2\].*stack\(\)/],
  ];
  test.each(cases)("%s", (_, f, message) => {
    expect(f).toThrow(g.GradienteError);
    expect(f).toThrow(message);
  });
  test("classes that there are not are named, negative ones too, and ignored ones are ignored", () => {
    const classes = (data: number[]): g.Tensor => g.tensor(data, { dtype: "int32" });
    expect(() => g.crossEntropy([[0, 0]], classes([-1]))).toThrow(g.BoundsError);
    expect(() => g.nllLoss([[0, 0]], classes([2]))).toThrow(
      /^nllLoss: class 2 \(element 0\) is not one of the 2 classes/,
    );
    expect(() => g.nllLoss([[0, 0]], g.tensor([1]))).toThrow(/^nllLoss: classes must be integers/);
    expect(
      g
        .crossEntropy(
          [
            [0, 0],
            [0, 1],
          ],
          classes([-100, 1]),
        )
        .item(),
    ).toBeCloseTo(Math.log1p(Math.exp(-1)));
  });
});

describe("what would run for ever, out of memory, or on to a wrong result", () => {
  const js: Record<string, (...args: unknown[]) => unknown> = { ...g } as never;
  const image = g.ones([1, 4, 4, 2]);
  const cases: readonly [string, () => unknown, RegExp][] = [
    ["diag off by NaN", () => g.diag([1, 2], { offset: Number.NaN }), /^diag: offset is NaN\..*an integer/],
    ["trace off by half", () => g.trace(x(), { offset: 0.5 }), /^trace: offset is 0.5/],
    ["one axis for two", () => g.diagonal(x(), { axes: [0] as never }), /^diagonal: axes are \[0\].*give two/],
    ["half a part", () => g.split(x(), 0.5), /^split: 2 elements cannot be divided into 0.5/],
    ["a fractional cut", () => g.split(x(), [0.5]), /^split: a cut is 0.5/],
    ["a fractional shift", () => g.roll(x(), 0.5), /^roll: a shift is 0.5/],
    ["minus one axis", () => g.tensorDot(x(), x(), -1), /^tensorDot: the number of axes is -1/],
    ["a milliard axes", () => g.tensorDot(x(), x(), 1e9), /^tensorDot: there are no 1000000000 axes/],
    [
      "an axis twice",
      () =>
        g.tensorDot(x(), x(), [
          [0, 0],
          [0, 1],
        ]),
      /^tensorDot: axes of a \[0, 0\] name one twice/,
    ],
    ["a fractional index", () => g.take(x(), [0.5]), /^take: an index is 0.5/],
    ["NaN as index", () => g.at(x(), [Number.NaN]), /^at: an index is NaN/],
    ["a row before the first", () => g.embedding(x(), [-1]), /^embedding: index -1 is .* indices are from 0 to 1/],
    ["an index that would wrap", () => g.embedding(x(), [2 ** 32]), /^embedding: index 2147483647 is outside/],
    ["a class before the first", () => g.oneHot([-1], 3), /^oneHot: index -1 is outside an axis of length 3/],
    ["a milliard bins", () => g.histogram([1, 2], { bins: 1e9 }), /8000000008 bytes do not fit/],
    ["a range that is none", () => js.histogram!([1], { range: 5 }), /^histogram: the ends of the range are 5/],
    ["a milliard strides", () => g.convTranspose1d(g.ones([1, 5, 1]), g.ones([1, 1, 1]), { strides: 1e9 }), /^convTr/],
    [
      "half a pair",
      () => js.maxPool!(image, { size: 2, padding: [[1, 2], [3]] }),
      /^maxPool: padding is \[\[1, 2\], \[3\]\]/,
    ],
    [
      "negative room",
      () => js.convTranspose1d!(g.ones([1, 5, 1]), g.ones([1, 1, 1]), { outputPadding: -1 }),
      /^convTr/,
    ],
    ["room for a convolution", () => js.conv1d!(g.ones([1, 5, 1]), g.ones([1, 1, 1]), { outputPadding: 1 }), /"outp/],
    ["too many places", () => g.adaptiveMaxPool(image, 1e9), /^adaptiveMaxPool: shape .* has 2000000000000000000 /],
    ["no place to resize", () => g.interpolate(g.ones([1, 0, 1]), [3]), /^interpolate: axis 1 is empty/],
    ["a loss's other option", () => js.mseLoss!(x(), x(), { labelSmoothing: 0.1 }), /expected one of "reduction"\./],
    ["an infinite interval", () => g.uniform(-1e308, 1e308, [1]), /^uniform: the width of the interval is Infinity/],
    ["negative shrinking", () => g.softShrink(x(), -1), /^softShrink: lambda is -1/],
    ["scale of another length", () => g.layerNorm(x(), { scale: [1, 2] }), /^layerNorm: shapes do not broadcast/],
    ["statistics of others", () => g.batchNorm(x(), { mean: [1] }), /^batchNorm: 1 elements cannot take the shape/],
    ["an index too far", () => g.setAt(x(), [9], 1), /^setAt: index 9 is outside axis 0/],
  ];
  test.each(cases)("%s", (_, f, message) => {
    expect(f).toThrow(g.GradienteError);
    expect(f).toThrow(message);
  });
  test("taking differences ends when nothing is left", () => {
    expect(g.diff([1, 2, 4], { n: 1e15 }).shape).toEqual([0]);
  });
});

describe("what is no function", () => {
  const js: Record<string, (...args: unknown[]) => unknown> = { ...g } as never;
  const w = g.tensor([1, 2], { requiresGrad: true });
  const names =
    "grad valueAndGrad vjp jvp linearize hvp jacobian hessian vmap checkpoint gradcheck profile detectAnomaly noGrad";
  test.each(names.split(" "))("%s", (name) => {
    for (const f of [undefined, null, "abc", w, {}, 1n, Symbol("f")]) {
      const args = name === "jvp" ? [f, [w], [w]] : name === "gradcheck" ? [f, [w]] : [f, w, w];
      expect(() => js[name]!(...args)).toThrow(g.GradienteError);
      expect(() => js[name]!(...args)).toThrow(new RegExp(`^${name}: it was given .+ for a function`));
    }
  });
  test("a hook that gives no gradient", () => {
    const through = (given: unknown): void => {
      const a = g.tensor([1, 2], { requiresGrad: true });
      a.registerHook(() => given as g.Tensor);
      a.mul(2).sum().backward();
    };
    expect(() => through("abc")).toThrow(/^registerHook: what the hook gave is "abc", not a tensor/);
    expect(() => through(g.ones([3]))).toThrow(/another shape or dtype \(got float32\[2\], float32\[3\]\)/);
    expect(() => through(g.ones([2], { dtype: "int32" }))).toThrow(g.GradientError);
    expect(() => through(undefined)).not.toThrow();
  });
  test("a hook", () => expect(() => w.registerHook("abc" as never)).toThrow(/^registerHook: it was given "abc"/));
});

describe("what the engine is given for tensors", () => {
  const w = g.tensor([1, 2], { requiresGrad: true });
  const double = w.mul(2);
  const no = [1, 2] as never;
  const cases: readonly [string, () => unknown, RegExp][] = [
    ["a root", () => g.backward("abc" as never), /^backward: a root is "abc", not a tensor/],
    ["roots", () => g.gradients([double, null as never], [w]), /^gradients: root 1 is null/],
    [
      "a cotangent",
      () => g.gradients(double, [w], { cotangents: "a" as never }),
      /^gradients: a cotangent is "a", not/,
    ],
    ["a pull-back's", () => g.vjp((a) => a.mul(2), w)[1](no), /^vjp: the cotangent is \[1, 2\], not a tensor/],
    ["a new value", () => g.parameter([1, 2]).assign(no), /^assign: the new value is no tensor/],
    [
      "an own gradient's",
      () => g.customGradient({ forward: (a) => a, backward: (c) => c })(no),
      /an argument is \[1, 2\]/,
    ],
    ["a graph", () => g.printGraph(no), /^printGraph: the result is \[1, 2\]/],
    ["integers to jacobian", () => g.jacobian((a) => a)(g.ones([2], { dtype: "int32" })), /^jacobian: only floating/],
    ["nothing to hessian", () => g.hessian((a) => a.sum())(undefined as never), /^hessian: the argument is undefined/],
    ["no axes", () => g.vmap((a) => a, { inAxes: null as never })(w), /^vmap: inAxes are null/],
    ["a place too far", () => g.vmap((a) => a, { outAxes: 3 })(w), /^vmap: axis 3 is out of range/],
    ["a checkpoint's result", () => g.checkpoint((() => 3) as never, w), /^checkpoint: the function's result is 3/],
    ["an unknown mode", () => g.gradcheck((a) => a, [w], { modes: ["forwards" as never] }), /did you mean "forward"/],
    ["no mode", () => g.gradcheck((a) => a, [w], { modes: [] }), /^gradcheck: modes are none/],
    ["no tolerance", () => g.gradcheck((a) => a, [w], { atol: Number.NaN }), /^gradcheck: atol is NaN/],
    ["every tolerance", () => g.gradgradcheck((a) => a, [w], { rtol: Infinity }), /^gradgradcheck: rtol is Infinity/],
  ];
  test.each(cases)("%s", (_, f, message) => {
    expect(f).toThrow(g.GradienteError);
    expect(f).toThrow(message);
  });
  test("a checkpoint of what depends on nothing has gradients of zero", () => {
    const f = (y: g.Tensor): g.Tensor => g.checkpoint((_) => g.tensor(3), y);
    expect(
      g
        .grad(f)(g.tensor([1, 2]))
        .toArray(),
    ).toEqual([0, 0]);
    expect(f(w).requiresGrad).toBe(false);
  });
});

test("tensors are written to JSON as nested arrays, and shown as they print themselves", () => {
  expect(JSON.stringify({ x: g.tensor([[1, 2]]), scalar: g.tensor(3) })).toBe('{"x":[[1,2]],"scalar":3}');
  expect(inspect({ x: g.tensor([1, 2]) })).toBe("{ x: Tensor float32[2] [1, 2] }");
  expect(inspect(g.parameter([1]))).toBe("Parameter float32[1] [1]");
});

describe("numbers that are none are named as they are", () => {
  const js: Record<string, (...args: unknown[]) => unknown> = { ...g } as never;
  const cases: readonly [string, () => unknown, RegExp][] = [
    ["a bigint", () => js.tensor!(10n), /^tensor: the value is 10n, not a number\. Hint: Number\(…\)/],
    ["bigints", () => js.tensor!([1, [2n]]), /^tensor: an element at depth 1 is \[2n\]/],
    ["a symbol to add", () => js.add!(x(), Symbol("s")), /^add: the value is Symbol\(s\), not a number/],
    ["a method's", () => x().mul(10n as never), /^mul: the value is 10n, not a number/],
    ["nothing to add", () => js.add!(x()), /^add: the value is undefined, not a number. Hint: give a tensor/],
    ["a factor of a matrix", () => js.matmul!(x(), {}), /^matmul: the value is an object, not a number/],
    ["an axis", () => js.sum!(x(), { axis: [1n] }), /^sum: axis 1n is out of range/],
    ["a length", () => js.zeros!([Symbol("n")]), /^zeros: shape \[Symbol\(n\)\] has the length Symbol\(n\)/],
    ["a date", () => js.full!([2], new Date(0)), /^full: the value is a Date, not a number/],
    ["a rate", () => js.dropout!(x(), Symbol("rate")), /^dropout: rate is Symbol\(rate\)/],
    ["an end", () => js.linspace!(1n, 2), /^linspace: start is 1n. Hint: it is finite/],
    ["a quantile", () => js.quantile!(x(), [undefined]), /^quantile: q is undefined/],
    ["a long list", () => js.zeros!(Array(20).fill(-1)), /^zeros: shape \[-1, -1, -1, -1, -1, -1, -1, -1, …\]/],
    ["a number of the argument", () => js.grad!(() => x(), 0.5), /^grad: an argument's number is 0.5/],
    ["groups", () => js.contract!(x(), x(), { batch: 0, m: 1, k: 1n, n: 1 }), /^contract: k is 1n/],
    ["an operand", () => js.contract!(5, x(), {}), /^contract: the left operand is 5, not a tensor/],
    ["a report", () => js.formatReport!({}), /^formatReport: the report is an object.*gradcheck/],
    ["a state", () => new g.Generator(1).restore({} as never), /^Generator: the state to restore is an object/],
    ["a number of blocks", () => new g.Generator(1).take(1.5), /^Generator: blocks is 1.5/],
    ["a number of things", () => new g.Generator(1).permutation("x" as never), /^Generator: n is "x"/],
    ["a data view", () => js.tensor!(new DataView(new ArrayBuffer(8))), /^tensor: the value is a DataView/],
    ["data", () => js.tensor!({ data: [1, 2], shape: [2] }), /^tensor: data is \[1, 2\], not a typed array/],
    ["unsigned integers", () => js.tensor!(new Uint32Array(2)), /^tensor: there is no dtype for .* a Uint32Array/],
  ];
  test.each(cases)("%s", (_, f, message) => {
    expect(f).toThrow(g.GradienteError);
    expect(f).toThrow(message);
  });
  test("typed arrays of other kinds are taken where it is said what to make of them", () => {
    expect(js.tensor!(Uint32Array.of(2 ** 32 - 1), { dtype: "float64" })).toMatchObject({ dtype: "float64" });
  });
});

describe("numbers that an integer dtype has no room for are refused where tensors are made of them", () => {
  const uint8 = { dtype: "uint8" } as const;
  const cases: readonly [string, () => unknown, RegExp][] = [
    ["tensor", () => g.tensor([[1, 300]], uint8), /^tensor: the number 300 is outside uint8.*from 0 to 255/],
    ["of int32", () => g.tensor(2 ** 31, { dtype: "int32" }), /^tensor: the number 2147483648 is outside int32/],
    ["NaN", () => g.tensor([Number.NaN], { dtype: "int32" }), /^tensor: the number NaN is outside int32/],
    ["parameter", () => g.parameter([-1], uint8), /^parameter: the number -1 is outside uint8/],
    ["full", () => g.full([2], 256, uint8), /^full: the number 256 is outside uint8/],
    ["fullLike", () => g.fullLike(g.tensor([1], uint8), -1), /^fullLike: the number -1 is outside uint8/],
    ["maskedFill", () => g.maskedFill(g.tensor([1], uint8), [true], 300), /^maskedFill: the number 300 is outside/],
    ["pad", () => g.pad(g.tensor([1], uint8), [[1, 0]], { value: 300 }), /^pad: the number 300 is outside uint8/],
    ["arange", () => g.arange(250, 260, 1, uint8), /^arange: the number 259 is outside uint8/],
    ["linspace", () => g.linspace(-1, 5, 3, uint8), /^linspace: the number -1 is outside uint8/],
  ];
  test.each(cases)("%s", (_, f, message) => {
    expect(f).toThrow(g.ArgumentError);
    expect(f).toThrow(message);
  });
  test("the bounds fit, and fractions are cut off; arithmetic and casts go round", () => {
    expect(g.tensor([0, 255, 255.9, -0.9], uint8).toArray()).toEqual([0, 255, 255, 0]);
    const edges = [-(2 ** 31), 2 ** 31 - 1];
    expect(g.tensor(edges, { dtype: "int32" }).toArray()).toEqual(edges);
    expect(g.tensor([255], uint8).add(1).toArray()).toEqual([0]);
    expect(g.tensor([300]).cast("int32").cast("uint8").toArray()).toEqual([44]);
    expect(g.tensor([300], { dtype: "bool" }).toArray()).toEqual([true]);
  });
});

describe("gradients that cannot be had", () => {
  test("a second backward without retained graph names the remedy", () => {
    const w = g.tensor([1, 2], { requiresGrad: true });
    const y = w.exp().sum();
    y.backward();
    expect(() => y.backward()).toThrow(g.GradientError);
    expect(() => y.backward()).toThrow(/released by an earlier backward pass.*retainGraph: true/);
  });
  test("backward of what is not a scalar asks for a cotangent, and checks it", () => {
    const y = g.tensor([1, 2], { requiresGrad: true }).mul(2);
    expect(() => y.backward()).toThrow(/\[2\]/);
    expect(() => y.backward(g.ones([3]))).toThrow(g.GradientError);
    expect(() => y.backward(g.ones([2], { dtype: "float64" }))).toThrow(g.GradientError);
  });
  test("of integers, and of tensors that nothing leads to", () => {
    expect(() => g.tensor([1], { dtype: "int32", requiresGrad: true })).toThrow(g.GradienteError);
    expect(() => g.grad((a: g.Tensor) => a.sum())(g.tensor([1], { dtype: "int32" }))).toThrow(/only floating-point/);
    expect(() => g.ones([1]).sum().backward()).toThrow(g.GradientError);
    expect(() => g.gradients(g.ones([]), [g.ones([])])).toThrow(g.GradientError);
  });
  test("of the elements of tensors inside transforms", () => {
    expect(() => g.vmap((a) => (a.item() > 0 ? a : a.neg()))(g.ones([2]))).toThrow(/no elements to read/);
  });
});

test("tensors of another copy of the package are refused", async () => {
  vi.resetModules();
  const other: typeof g = await import("@gradiente/autograd");
  const foreign = other.tensor([1, 2], { requiresGrad: true });
  expect(foreign instanceof g.Tensor).toBe(false);
  expect(() => g.add([1, 2], foreign)).toThrow(/belongs to another copy of this package/);
  expect(g.add([1, 2], { data: foreign.data, shape: foreign.shape }).toArray()).toEqual([2, 4]);
});

describe("transforms say what is no tensor", () => {
  const w = g.tensor([1, 2], { requiresGrad: true });
  const no = 3 as unknown as g.Tensor;
  const cases: readonly [string, () => unknown, RegExp][] = [
    ["grad's argument", () => g.grad((a: g.Tensor) => a.sum())(no), /grad: argument 0 holds no tensor.*tensor\(…\)/],
    ["grad's result", () => g.grad((_: g.Tensor) => no)(w), /grad: the function's result is 3, not a tensor/],
    ["grad's missing argument", () => g.grad((a: g.Tensor) => a.sum(), 3)(w), /grad: there is no argument 3/],
    ["vjp's argument", () => g.vjp((a) => a, no), /vjp: an argument is 3, not a tensor/],
    ["jvp's tangent", () => g.jvp((a) => a, [w], [no]), /jvp: a tangent is 3, not a tensor/],
    ["jvp's tangents", () => g.jvp((a) => a, [w], no as unknown as g.Tensor[]), /jvp: tangents are 3/],
    [
      "jvp's shapes",
      () => g.jvp((a) => a, [w], [g.ones([3])]),
      /^jvp: tangent 0 is float32\[3\], but primal 0 is float32\[2\]/,
    ],
    [
      "linearize's direction",
      () => g.linearize((a) => a, w)[1](g.ones([3])),
      /^linearize: tangent 0 is float32\[3\], but primal 0 is float32\[2\]/,
    ],
    ["jacobian's mode", () => g.jacobian((a) => a, { mode: "rev" as "reverse" })(w), /"auto", "forward", "reverse"/],
    ["hessian's result", () => g.hessian((a) => a)(w), /^hessian: the function's result is not a scalar/],
    ["hvp's result", () => g.hvp((a) => a, w, w), /^hvp: the function's result is not a scalar/],
    ["jacobian's result", () => g.jacobian((_) => no)(w), /^jacobian: the function's result is 3/],
    ["valueAndGrad's argument", () => g.valueAndGrad((a: g.Tensor) => a.sum())(no), /^valueAndGrad: argument 0 holds/],
    ["jvp's number", () => g.jvp((a) => a, [w, w], [w]), /^jvp: there are 1 tangents for 2 primals/],
    [
      "jvp's dtype",
      () => g.jvp((a) => a, [w], [g.ones([2], { dtype: "float64" })]),
      /^jvp: tangent 0 is float64\[2\], but/,
    ],
    ["vmap's argument", () => g.vmap((a) => a)(no), /vmap: an argument is 3/],
    ["vmap's result", () => g.vmap((_: g.Tensor) => no)(w), /vmap: the function's result is 3/],
    ["vmap's axes", () => g.vmap((a) => a, { inAxes: [0, 1] })(w), /2 inAxes for 1 arguments/],
    ["vmap without a batch", () => g.vmap((a) => a, { inAxes: [null] })(w), /no argument has a batch axis/],
    ["checkpoint's argument", () => g.checkpoint((a) => a, no), /checkpoint: an argument is 3/],
    [
      "customGradient's value",
      () => g.customGradient({ forward: () => no, backward: (c) => c })(w),
      /value of forward is 3/,
    ],
    [
      "customGradient's rule",
      () =>
        g
          .customGradient({ forward: (a) => a, backward: () => [] })(w)
          .sum()
          .backward(),
      /0 gradients for 1/,
    ],
    ["gradcheck's input", () => g.gradcheck((a) => a, [no]), /gradcheck: an input is 3/],
    ["gradcheck's result", () => g.gradcheck(() => no, [g.ones([1], { dtype: "float64" })]), /result is 3/],
    ["a seed", () => g.manualSeed(0.5), /Generator: the seed is 0.5/],
  ];
  test.each(cases)("%s", (_, f, message) => {
    expect(f).toThrow(g.GradienteError);
    expect(f).toThrow(message);
  });
  test("cotangents may be arrays", () => {
    w.mul(3).backward([1, 10]);
    expect(w.grad!.toArray()).toEqual([3, 30]);
  });
});
