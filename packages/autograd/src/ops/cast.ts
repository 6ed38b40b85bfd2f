import { computeDType, type DType, defaultDType, isFloat, promoteTypes } from "../dtype.ts";
import { argument } from "../scalar/expression.ts";
import { isContiguous } from "../shape.ts";
import { apply } from "../tape.ts";
import type { Tensor } from "../tensor.ts";
import { ElementwiseOp } from "./elementwise.ts";
import { asTensor, checkDType, type TensorLike } from "./tensor-like.ts";

const castOp = new ElementwiseOp("cast", 1, argument(0));

/**
 * The elements converted to another dtype; `x` itself when it has that dtype already. Floats become integers by
 * dropping the fraction, booleans by being 1 or 0, and booleans are made of anything by being true unless 0.
 * Gradients are converted back.
 *
 * @example
 * ```ts
 * cast([1.7, -1.7], "int32"); // [1, -1]
 * ```
 */
export function cast(x: TensorLike, dtype: DType): Tensor {
  const input = asTensor(x);
  checkDType("cast", dtype);
  if (input.dtype === dtype) return input;
  const compute = computeDType(promoteTypes(input.dtype, dtype));
  return apply(castOp, [input], { compute, dtype, scalars: [] });
}

/** As floats: the default ones for integers and booleans. */
export function floating(x: TensorLike): Tensor {
  const input = asTensor(x);
  return isFloat(input.dtype) ? input : cast(input, defaultDType());
}

/**
 * A copy whose elements lie row-major without gaps; `x` itself when they already do.
 *
 * @example
 * ```ts
 * contiguous(tensor([[1, 2], [3, 4]]).transpose()).strides; // [2, 1]
 * ```
 */
export function contiguous(x: TensorLike): Tensor {
  const input = asTensor(x);
  return isContiguous(input) ? input : clone(input);
}

/**
 * A copy with storage of its own, through which gradients flow.
 *
 * @example
 * ```ts
 * clone([1, 2]); // [1, 2]
 * ```
 */
export function clone(x: TensorLike): Tensor {
  const input = asTensor(x);
  return apply(castOp, [input], { compute: computeDType(input.dtype), dtype: input.dtype, scalars: [] });
}
