import type { ReduceKernel } from "../backend/backend.ts";
import { ShapeError } from "../errors.ts";
import { launch, viewOf } from "../launch.ts";
import type { Op } from "../op.ts";
import { broadcastShapes, broadcastStrides, checkShape, contiguousStrides, type Shape, sameShape } from "../shape.ts";
import { apply } from "../tape.ts";
import type { Tensor } from "../tensor.ts";
import { defineLinear } from "./linear.ts";
import { reshape } from "./reshape.ts";
import { asTensor, type TensorLike } from "./tensor-like.ts";

// Two linear operations that are each other's transpose: repeating elements along new axes, and adding them up again.

const broadcastOp: Op<Shape> = defineLinear(
  "broadcastTo",
  (x, shape) => viewOf(x, shape, broadcastStrides(x, shape)),
  (cotangent, _, shape) => sumTo(cotangent, shape),
  (x, shape) => broadcastTo(withRank(x, shape.length), [x.shape[0]!, ...shape]),
);

const sumKernel: ReduceKernel = { kind: "reduce", reduction: "sum" };

/** The sum over the axes where `shape` has length 1 or none, not recorded. */
export function sumOver(x: Tensor, shape: Shape): Tensor {
  const lead = x.rank - shape.length;
  const [lengths, strides]: [number[], number[]] = [[], []];
  const [reducedLengths, reducedStrides]: [number[], number[]] = [[], []];
  for (let axis = 0; axis < x.rank; axis++) {
    const isReduced = axis < lead || (shape[axis - lead] === 1 && x.shape[axis] !== 1);
    (isReduced ? reducedLengths : lengths).push(x.shape[axis]!);
    (isReduced ? reducedStrides : strides).push(x.strides[axis]!);
  }
  const arranged = viewOf(x, [...lengths, ...reducedLengths], [...strides, ...reducedStrides]);
  return viewOf(launch(sumKernel, [arranged], x.dtype, lengths), shape, contiguousStrides(shape));
}

const sumToOp: Op<Shape> = defineLinear(
  "sumTo",
  sumOver,
  (cotangent, _, shape) => broadcastTo(cotangent, shape),
  (x, shape) => {
    const ones = Array<number>(x.rank - 1 - shape.length).fill(1);
    return reshape(sumTo(x, [x.shape[0]!, ...ones, ...shape]), [x.shape[0]!, ...shape]);
  },
);

/** A batch whose members have been given axes of length 1 in front, up to a rank. */
export function withRank(x: Tensor, rank: number): Tensor {
  const missing = rank - (x.rank - 1);
  return missing <= 0 ? x : reshape(x, [x.shape[0]!, ...Array<number>(missing).fill(1), ...x.shape.slice(1)]);
}

/** `x` as a batch: repeated along a new first axis, unless it has one already. */
export function asBatch(x: Tensor, isBatched: boolean, size: number): Tensor {
  return isBatched ? x : broadcastTo(x, [size, ...x.shape]);
}

/**
 * `x` read as if it had `shape`: axes of length 1 are repeated, and new axes may come first. No element is copied.
 *
 * @param shape a shape that `x`'s broadcasts to by NumPy's rule.
 * @throws {ShapeError} when it does not.
 *
 * @example
 * ```ts
 * broadcastTo([1, 2], [3, 2]); // [[1, 2], [1, 2], [1, 2]]
 * ```
 */
export function broadcastTo(x: TensorLike, shape: Shape): Tensor {
  const input = asTensor(x);
  if (sameShape(checkShape("broadcastTo", shape), input.shape)) return input;
  if (!sameShape(broadcastShapes("broadcastTo", [input, { shape, dtype: input.dtype }]), shape)) {
    throw new ShapeError({
      op: "broadcastTo",
      message: `the tensor does not broadcast to [${shape.join(", ")}]`,
      operands: [input],
    });
  }
  return apply(broadcastOp, [input], shape);
}

/**
 * The sum over the axes along which `shape` would be repeated to give `x`'s shape: the transpose of {@link broadcastTo}.
 *
 * @param shape a shape that broadcasts to `x`'s.
 * @throws {ShapeError} when it does not.
 *
 * @example
 * ```ts
 * sumTo([[1, 2], [3, 4]], [2]); // [4, 6]
 * ```
 */
export function sumTo(x: TensorLike, shape: Shape): Tensor {
  const input = asTensor(x);
  if (sameShape(checkShape("sumTo", shape), input.shape)) return input;
  if (!sameShape(broadcastShapes("sumTo", [input, { shape, dtype: input.dtype }]), input.shape)) {
    throw new ShapeError({
      op: "sumTo",
      message: `[${shape.join(", ")}] does not broadcast to the tensor's shape`,
      operands: [input],
    });
  }
  return apply(sumToOp, [input], shape);
}
