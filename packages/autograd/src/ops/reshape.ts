import { copyKernel } from "../backend/copy.ts";
import { AxisError, ShapeError, shown } from "../errors.ts";
import { launch, viewOf } from "../launch.ts";
import type { Op } from "../op.ts";
import { contiguousStrides, listOf, normalizeAxis, reshapedStrides, type Shape, sameShape, sizeOf } from "../shape.ts";
import type { Completed, TensorOf } from "../shape-types.ts";
import { apply } from "../tape.ts";
import type { Tensor } from "../tensor.ts";
import { defineLinear } from "./linear.ts";
import { asTensor, type TensorLike } from "./tensor-like.ts";

/** The elements in row-major order without gaps, not recorded. */
function copy(x: Tensor): Tensor {
  return launch(copyKernel(x.dtype), [x], x.dtype, x.shape);
}

const reshapeOp: Op<Shape> = defineLinear(
  "reshape",
  (x, shape) => {
    const strides = reshapedStrides(x, shape);
    return strides === null ? viewOf(copy(x), shape, contiguousStrides(shape), 0) : viewOf(x, shape, strides);
  },
  (cotangent, _, shape) => reshape(cotangent, shape),
  (x, shape) => reshape(x, [x.shape[0]!, ...shape]),
);

/**
 * The same elements in row-major order under another shape. Copies only where strides demand it.
 *
 * @param shape one length may be -1: it follows from the size.
 * @throws {ShapeError} when the sizes differ, or -1 cannot be filled in.
 *
 * @example
 * ```ts
 * reshape([1, 2, 3, 4, 5, 6], [2, -1]); // [[1, 2, 3], [4, 5, 6]]
 * ```
 */
export function reshape<const S extends Shape>(x: TensorLike, shape: S): TensorOf<Completed<S>>;
export function reshape(x: TensorLike, shape: Shape): Tensor {
  const input = asTensor(x);
  const target = completeShape(listOf("reshape", "lengths", shape), input);
  return sameShape(target, input.shape) ? input : apply(reshapeOp, [input], target);
}

function completeShape(shape: Shape, input: Tensor): Shape {
  let [open, known, valid] = [0, 1, true];
  for (let i = 0; i < shape.length; i++) {
    const length = shape[i]!;
    if (length === -1) open++;
    else if (Number.isInteger(length) && length >= 0) known *= length;
    else valid = false;
  }
  const rest = input.size / known;
  const target = open === 0 ? shape.slice() : shape.map((length) => (length === -1 ? rest : length));
  if (!valid || open > 1 || (open === 1 && !Number.isInteger(rest)) || sizeOf(target) !== input.size) {
    throw new ShapeError({
      op: "reshape",
      message: `${input.size} elements cannot take the shape ${shown(shape)}`,
      operands: [input],
      hint: "lengths must multiply out to the size; one of them may be -1",
    });
  }
  return target;
}

const permuteOp: Op<readonly number[]> = defineLinear(
  "permute",
  (x, axes) =>
    viewOf(
      x,
      axes.map((a) => x.shape[a]!),
      axes.map((a) => x.strides[a]!),
    ),
  (cotangent, axes) =>
    permute(
      cotangent,
      axes.map((_, i) => axes.indexOf(i)),
    ),
  (x, axes) => permute(x, [0, ...axes.map((a) => a + 1)]),
);

/**
 * The axes in another order; no element is copied.
 *
 * @param axes every axis once.
 * @throws {AxisError} when one is missing, out of range or named twice.
 *
 * @example
 * ```ts
 * permute(zeros([2, 3, 4]), [2, 0, 1]).shape; // [4, 2, 3]
 * ```
 */
export function permute(x: TensorLike, axes: readonly number[]): Tensor {
  const input = asTensor(x);
  const order = listOf("permute", "axes", axes).map((a) => normalizeAxis("permute", a, input));
  let isOnce = order.length === input.rank;
  for (let i = 1; i < order.length; i++) isOnce &&= order.indexOf(order[i]!) === i;
  if (!isOnce) {
    throw new AxisError({
      op: "permute",
      message: `${shown(axes)} does not name every axis once`,
      operands: [input],
    });
  }
  return order.every((a, i) => a === i) ? input : apply(permuteOp, [input], order);
}
