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
};

test.each(Object.entries(nonsense))("operations given %s fail with a GradienteError, if they fail", (_, make) => {
  const raw: string[] = [];
  let refused = 0;
  for (const [name, f] of Object.entries(ops)) {
    // It takes tensors and groups as they come, being what others are made of.
    if (typeof f !== "function" || name === "contract") continue;
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
    ["searchSorted", () => g.searchSorted([[1, 2]], [1]), g.ShapeError, /no vector/],
    ["vmap", () => g.vmap((a) => a)(g.tensor(1)), g.AxisError, /vmap: axis 0 is out of range/],
    ["contract", () => g.contract(x(), x(), { batch: 0, m: 1, k: 1, n: 1 }), g.ShapeError, /groups of 0, 1, 1 and 1/],
  ];
  test.each(cases)("%s", (_, f, type, message) => {
    expect(f).toThrow(type);
    expect(f).toThrow(message);
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
