import * as s from "../scalar/expression.ts";
import type { Tensor } from "../tensor.ts";
import { floating } from "./cast.ts";
import { defineElementwise, pointwise } from "./pointwise.ts";
import { asTensor, type TensorLike } from "./tensor-like.ts";

const equalOp = defineElementwise("equal", 2, (x, y) => s.eq(x, y));

/**
 * Whether x = y.
 *
 * @example
 * ```ts
 * equal([1, 2], 2); // [false, true]
 * ```
 */
export function equal(x: TensorLike, y: TensorLike): Tensor {
  return pointwise(equalOp, "bool", [x, y]);
}

const notEqualOp = defineElementwise("notEqual", 2, (x, y) => s.ne(x, y));

/**
 * Whether x ≠ y; true where either is NaN.
 *
 * @example
 * ```ts
 * notEqual([1, 2], 2); // [true, false]
 * ```
 */
export function notEqual(x: TensorLike, y: TensorLike): Tensor {
  return pointwise(notEqualOp, "bool", [x, y]);
}

const lessOp = defineElementwise("less", 2, (x, y) => s.lt(x, y));

/**
 * Whether x < y.
 *
 * @example
 * ```ts
 * less([1, 2], 2); // [true, false]
 * ```
 */
export function less(x: TensorLike, y: TensorLike): Tensor {
  return pointwise(lessOp, "bool", [x, y]);
}

const lessEqualOp = defineElementwise("lessEqual", 2, (x, y) => s.le(x, y));

/**
 * Whether x ≤ y.
 *
 * @example
 * ```ts
 * lessEqual([1, 3], 2); // [true, false]
 * ```
 */
export function lessEqual(x: TensorLike, y: TensorLike): Tensor {
  return pointwise(lessEqualOp, "bool", [x, y]);
}

const greaterOp = defineElementwise("greater", 2, (x, y) => s.gt(x, y));

/**
 * Whether x > y.
 *
 * @example
 * ```ts
 * greater([1, 3], 2); // [false, true]
 * ```
 */
export function greater(x: TensorLike, y: TensorLike): Tensor {
  return pointwise(greaterOp, "bool", [x, y]);
}

const greaterEqualOp = defineElementwise("greaterEqual", 2, (x, y) => s.ge(x, y));

/**
 * Whether x ≥ y.
 *
 * @example
 * ```ts
 * greaterEqual([1, 2], 2); // [false, true]
 * ```
 */
export function greaterEqual(x: TensorLike, y: TensorLike): Tensor {
  return pointwise(greaterEqualOp, "bool", [x, y]);
}

const logicalAndOp = defineElementwise("logicalAnd", 2, (x, y) => s.and(s.ne(x, 0), s.ne(y, 0)));

/**
 * Whether both are true; numbers are true when they are not 0.
 *
 * @example
 * ```ts
 * logicalAnd([true, true], [true, false]); // [true, false]
 * ```
 */
export function logicalAnd(x: TensorLike, y: TensorLike): Tensor {
  return pointwise(logicalAndOp, "bool", [x, y]);
}

const logicalOrOp = defineElementwise("logicalOr", 2, (x, y) => s.or(s.ne(x, 0), s.ne(y, 0)));

/**
 * Whether at least one is true.
 *
 * @example
 * ```ts
 * logicalOr([true, false], [false, false]); // [true, false]
 * ```
 */
export function logicalOr(x: TensorLike, y: TensorLike): Tensor {
  return pointwise(logicalOrOp, "bool", [x, y]);
}

const logicalXorOp = defineElementwise("logicalXor", 2, (x, y) =>
  s.or(s.and(s.ne(x, 0), s.eq(y, 0)), s.and(s.eq(x, 0), s.ne(y, 0))),
);

/**
 * Whether exactly one is true.
 *
 * @example
 * ```ts
 * logicalXor([true, true], [true, false]); // [false, true]
 * ```
 */
export function logicalXor(x: TensorLike, y: TensorLike): Tensor {
  return pointwise(logicalXorOp, "bool", [x, y]);
}

const logicalNotOp = defineElementwise("logicalNot", 1, (x) => s.eq(x, 0));

/**
 * Whether x is false (0).
 *
 * @example
 * ```ts
 * logicalNot([true, false]); // [false, true]
 * ```
 */
export function logicalNot(x: TensorLike): Tensor {
  return pointwise(logicalNotOp, "bool", [x]);
}

const isNanOp = defineElementwise("isNan", 1, (x) => s.ne(x, x));

/**
 * Whether x is NaN.
 *
 * @example
 * ```ts
 * isNan([1, Number.NaN]); // [false, true]
 * ```
 */
export function isNan(x: TensorLike): Tensor {
  return pointwise(isNanOp, "bool", [x]);
}

const isFiniteOp = defineElementwise("isFinite", 1, (x) => s.lt(s.abs(x), Number.POSITIVE_INFINITY));

/**
 * Whether x is neither infinite nor NaN.
 *
 * @example
 * ```ts
 * isFinite([1, 1 / 0]); // [true, false]
 * ```
 */
export function isFinite(x: TensorLike): Tensor {
  return pointwise(isFiniteOp, "bool", [floating(x)]);
}

const isInfOp = defineElementwise("isInf", 1, (x) => s.eq(s.abs(x), Number.POSITIVE_INFINITY));

/**
 * Whether x is ∞ or -∞.
 *
 * @example
 * ```ts
 * isInf([1, 1 / 0]); // [false, true]
 * ```
 */
export function isInf(x: TensorLike): Tensor {
  return pointwise(isInfOp, "bool", [floating(x)]);
}

const whereOp = defineElementwise("where", 3, (condition, x, y) => s.select(s.ne(condition, 0), x, y));

/**
 * `x` where `condition` holds, `y` elsewhere, broadcasting. Gradients flow to the one that was chosen.
 *
 * @param condition booleans, or numbers that are true when they are not 0.
 *
 * @example
 * ```ts
 * where([true, false], [1, 2], 0); // [1, 0]
 * ```
 */
export function where(condition: TensorLike, x: TensorLike, y: TensorLike): Tensor {
  return pointwise(whereOp, "same", [asTensor(condition), x, y]);
}
