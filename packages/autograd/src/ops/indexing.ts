import type { GatherKernel, ScatterKernel } from "../backend/backend.ts";
import { backend } from "../backend/current.ts";
import { allocateArray, isFloat } from "../dtype.ts";
import {
  BoundsError,
  checkInteger,
  checkOptions,
  DTypeError,
  inOperation,
  type Operand,
  ShapeError,
} from "../errors.ts";
import { launch, viewOf } from "../launch.ts";
import { type Op, savesInput, savesNothing } from "../op.ts";
import { checkShape, normalizeAxis, type Shape, sameShape } from "../shape.ts";
import { apply } from "../tape.ts";
import { Tensor } from "../tensor.ts";
import { asBatch, broadcastTo } from "./broadcast.ts";
import { cast } from "./cast.ts";
import { equal } from "./comparison.ts";
import { arange, zeros } from "./create.ts";
import { reshape } from "./reshape.ts";
import { asTensor, checkDType, fromArray, type TensorLike } from "./tensor-like.ts";

// Reading along an axis by index, and adding back along it: two operations linear in the values, each the other's
// transpose.

interface AlongAxis {
  readonly axis: number;
  /** Shape of the tensor that is indexed into. */
  readonly shape: Shape;
}

const gatherKernels = new Map<number, GatherKernel>();
const scatterKernels = new Map<number, ScatterKernel>();

function cached<K>(kernels: Map<number, K>, axis: number, make: () => K): K {
  let kernel = kernels.get(axis);
  if (kernel === undefined) {
    kernel = make();
    kernels.set(axis, kernel);
  }
  return kernel;
}

export const gatherKernel = (axis: number): GatherKernel =>
  cached(gatherKernels, axis, () => ({ kind: "gather", axis }));

const gatherOp: Op<AlongAxis> = {
  name: "takeAlongAxis",
  forward: ([x, indices], { axis }) => launch(gatherKernel(axis), [x!, indices!], x!.dtype, indices!.shape),
  saves: () => savesInput(1),
  vjp: ([cotangent], call) => apply(scatterAddOp, [cotangent!, call.input(1)], call.params),
  jvp: ([tangent], call) => (tangent ? apply(gatherOp, [tangent, call.input(1)], call.params) : null),
  batch: (inputs, batched, params, size) => alongAxisOfEach(gatherOp, inputs, batched, params, size),
};

const scatterAddOp: Op<AlongAxis> = {
  name: "scatterAdd",
  forward: ([source, indices], { axis, shape }) => {
    const result = zeros(shape, { dtype: source!.dtype });
    const kernel = cached(scatterKernels, axis, () => ({ kind: "scatter", axis, reduction: "sum" }) as const);
    backend().run(kernel, [indices!, source!], [result]);
    return result;
  },
  saves: () => savesInput(1),
  vjp: ([cotangent], call) => apply(gatherOp, [cotangent!, call.input(1)], call.params),
  jvp: ([tangent], call) => (tangent ? apply(scatterAddOp, [tangent, call.input(1)], call.params) : null),
  batch: (inputs, batched, params, size) => alongAxisOfEach(scatterAddOp, inputs, batched, params, size),
};

/** Adds elements up at their places along an axis of zeros of the given shape; apart from the axis shapes are equal. */
export function addAlongAxis(source: Tensor, indices: Tensor, axis: number, shape: Shape): Tensor {
  return apply(scatterAddOp, [source, indices], { axis, shape });
}

function alongAxisOfEach(
  op: Op<AlongAxis>,
  inputs: readonly Tensor[],
  batched: readonly boolean[],
  { axis, shape }: AlongAxis,
  size: number,
): Tensor {
  const all = inputs.map((x, i) => asBatch(x, batched[i]!, size));
  return apply(op, all, { axis: axis + 1, shape: [size, ...shape] });
}

interface CheckParams {
  /** Who asks. */
  readonly op: string;
  readonly length: number;
  readonly operand: Operand;
  /** Whether negative ones count from the end. */
  readonly wraps: boolean;
}

/** Integer indices, checked against the length of an axis. */
const checkOp: Op<CheckParams> = {
  name: "checkIndices",
  forward: ([indices], params) => checked(indices!, params),
  saves: () => savesNothing,
  vjp: null,
  jvp: null,
  batch: ([indices], _, params) => apply(checkOp, [indices!], params),
};

export function checkIndices(op: string, indices: Tensor, length: number, operand: Operand, wraps = true): Tensor {
  return apply(checkOp, [indices], { op, length, operand: { shape: operand.shape, dtype: operand.dtype }, wraps });
}

/**
 * Indices given as a tensor or as numbers, which must be integers then, as those of tensors are by their dtype.
 * @throws {ArgumentError} when one is not.
 */
export function indicesOf(op: string, indices: TensorLike): Tensor {
  if (indices instanceof Tensor) return indices;
  const exact = inOperation(op, () => asTensor(indices, "float64"));
  const places = allocateArray("int32", exact.size);
  exact.data.forEach((index, i) => {
    checkInteger(op, "an index", index);
    // Larger ones are outside every axis.
    places[i] = Math.min(Math.max(index, -(2 ** 31)), 2 ** 31 - 1);
  });
  return fromArray(places, exact.shape);
}

function checked(indices: Tensor, { op, length, operand, wraps }: CheckParams): Tensor {
  if (isFloat(indices.dtype) || indices.dtype === "bool") {
    throw new DTypeError({
      op,
      message: "indices must be integers",
      operands: [operand, indices],
      hint: 'cast(indices, "int32")',
    });
  }
  const { data } = indices;
  let negative = false;
  for (const index of data) {
    if (index < (wraps ? -length : 0) || index >= length) {
      throw new BoundsError({
        op,
        message: `index ${index} is outside an axis of length ${length}`,
        operands: [operand, indices],
        hint: `indices are from ${wraps ? -length : 0} to ${length - 1}`,
      });
    }
    negative ||= index < 0;
  }
  if (!negative && indices.dtype === "int32") return viewOf(indices, indices.shape, indices.strides);
  return fromArray(
    Int32Array.from(data, (index) => (index < 0 ? index + length : index)),
    indices.shape,
  );
}

/**
 * For each index, the element of `x` at that place along `axis` and at the index's own place along the other axes.
 *
 * @param indices integers of the rank of `x`; apart from `axis` its shape broadcasts with `x`'s.
 * @throws {DTypeError} when indices are not integers.
 * @throws {BoundsError} when one is outside the axis.
 *
 * @example
 * ```ts
 * takeAlongAxis([[1, 2], [3, 4]], tensor([[1], [0]], { dtype: "int32" }), 1); // [[2], [3]]
 * ```
 */
export function takeAlongAxis(x: TensorLike, indices: TensorLike, axis: number): Tensor {
  return inOperation("takeAlongAxis", () => {
    const input = asTensor(x);
    const given = indicesOf("takeAlongAxis", indices);
    const at = normalizeAxis("takeAlongAxis", axis, input);
    if (given.rank !== input.rank) {
      throw new ShapeError({
        op: "takeAlongAxis",
        message: "indices must have the rank of the tensor",
        operands: [input, given],
      });
    }
    const shape = input.shape.map((length, a) => (a === at ? given.shape[a]! : Math.max(length, given.shape[a]!)));
    const values = broadcastTo(input, shape.with(at, input.shape[at]!));
    const positions = broadcastTo(checkIndices("takeAlongAxis", given, input.shape[at]!, input), shape);
    return apply(gatherOp, [values, positions], { axis: at, shape: values.shape });
  });
}

/**
 * Slices of `x` along `axis` at the given places, which may repeat: rows of a matrix, entries of an embedding table.
 *
 * @param indices integers of any shape, which takes the place of the axis in the result.
 * @param options.axis default: 0.
 * @throws {DTypeError} when indices are not integers.
 * @throws {BoundsError} when one is outside the axis.
 *
 * @example
 * ```ts
 * take([[1, 2], [3, 4]], [1, 1, 0]); // [[3, 4], [3, 4], [1, 2]]
 * ```
 */
export function take(x: TensorLike, indices: TensorLike, options: { readonly axis?: number } = {}): Tensor {
  return taken("take", x, indices, options);
}

/**
 * {@link take} for `op`, which errors name.
 * @param wraps whether negative indices count from the end.
 */
export function taken(
  op: string,
  x: TensorLike,
  indices: TensorLike,
  options: { readonly axis?: number },
  wraps = true,
): Tensor {
  const { axis = 0 } = checkOptions(op, options, ["axis"]);
  const input = asTensor(x);
  const given = indicesOf(op, indices);
  const at = normalizeAxis(op, axis, input);
  const flat = reshape(checkIndices(op, given, input.shape[at]!, input, wraps), [given.size]);
  const shape = input.shape.with(at, given.size);
  const positions = broadcastTo(
    reshape(
      flat,
      shape.map((length, a) => (a === at ? length : 1)),
    ),
    shape,
  );
  const found = apply(gatherOp, [input, positions], { axis: at, shape: input.shape });
  return sameShape(given.shape, [given.size]) ? found : reshape(found, input.shape.toSpliced(at, 1, ...given.shape));
}

/**
 * A tensor of zeros with ones at the given places along a new last axis.
 *
 * @param indices integers in [0, depth).
 * @param options.dtype default: float32.
 * @throws {BoundsError} when an index is outside [0, depth).
 *
 * @example
 * ```ts
 * oneHot([2, 0], 3); // [[0, 0, 1], [1, 0, 0]]
 * ```
 */
export function oneHot(
  indices: TensorLike,
  depth: number,
  options: { readonly dtype?: "float32" | "float64" | "int32" } = {},
): Tensor {
  const { dtype = "float32" } = checkOptions("oneHot", options, ["dtype"]);
  const given = indicesOf("oneHot", indices);
  checkInteger("oneHot", "depth", depth, 0);
  checkDType("oneHot", dtype);
  checkShape("oneHot", [...given.shape, depth]);
  const positions = checkIndices("oneHot", given, depth, { shape: [...given.shape, depth], dtype }, false);
  return cast(equal(reshape(positions, [...given.shape, 1]), arange(depth)), dtype);
}
