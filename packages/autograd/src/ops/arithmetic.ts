import * as s from "../scalar/expression.ts";
import type { Broadcast, Computed, Fits, ShapeOf } from "../shape-types.ts";
import type { Tensor } from "../tensor.ts";
import type { ElementwiseOp } from "./elementwise.ts";
import { defineElementwise, pointwise } from "./pointwise.ts";
import type { TensorLike } from "./tensor-like.ts";

const addOp = defineElementwise("add", 2, (x, y) => s.add(x, y));

/**
 * x + y, broadcasting.
 *
 * @example
 * ```ts
 * add([1, 2], 3); // [4, 5]
 * ```
 */
export function add<X extends TensorLike, Y extends TensorLike>(
  x: X,
  y: Fits<Y, Broadcast<ShapeOf<X>, ShapeOf<Y>>>,
): Computed<Broadcast<ShapeOf<X>, ShapeOf<Y>>>;
export function add(x: TensorLike, y: TensorLike): Tensor {
  return pointwise(addOp, "number", [x, y]);
}

const subOp = defineElementwise("sub", 2, (x, y) => s.sub(x, y));

/**
 * x - y, broadcasting.
 *
 * @example
 * ```ts
 * sub([1, 2], 3); // [-2, -1]
 * ```
 */
export function sub<X extends TensorLike, Y extends TensorLike>(
  x: X,
  y: Fits<Y, Broadcast<ShapeOf<X>, ShapeOf<Y>>>,
): Computed<Broadcast<ShapeOf<X>, ShapeOf<Y>>>;
export function sub(x: TensorLike, y: TensorLike): Tensor {
  return pointwise(subOp, "number", [x, y]);
}

const mulOp = defineElementwise("mul", 2, (x, y) => s.mul(x, y));

/**
 * x · y element by element, broadcasting.
 *
 * @example
 * ```ts
 * mul([1, 2], [3, 4]); // [3, 8]
 * ```
 */
export function mul<X extends TensorLike, Y extends TensorLike>(
  x: X,
  y: Fits<Y, Broadcast<ShapeOf<X>, ShapeOf<Y>>>,
): Computed<Broadcast<ShapeOf<X>, ShapeOf<Y>>>;
export function mul(x: TensorLike, y: TensorLike): Tensor {
  return pointwise(mulOp, "number", [x, y]);
}

const divOp = defineElementwise("div", 2, (x, y) => s.div(x, y));

/**
 * x / y. Integers are divided as floats.
 *
 * @example
 * ```ts
 * div([1, 2], 4); // [0.25, 0.5]
 * ```
 */
export function div<X extends TensorLike, Y extends TensorLike>(
  x: X,
  y: Fits<Y, Broadcast<ShapeOf<X>, ShapeOf<Y>>>,
): Computed<Broadcast<ShapeOf<X>, ShapeOf<Y>>>;
export function div(x: TensorLike, y: TensorLike): Tensor {
  return pointwise(divOp, "float", [x, y]);
}

const powOp = defineElementwise("pow", 2, (x, y) => s.pow(x, y));

/**
 * xʸ. The derivative with respect to y is taken as 0 where x is 0 and y ≥ 0.
 *
 * @example
 * ```ts
 * pow([1, 2, 3], 2); // [1, 4, 9]
 * ```
 */
export function pow(x: TensorLike, y: TensorLike): Tensor {
  return pointwise(powOp, "number", [x, y]);
}

const remainderOp = defineElementwise("remainder", 2, (x, y) => s.remainder(x, y));

/**
 * x - ⌊x / y⌋ · y, with the sign of y.
 *
 * @example
 * ```ts
 * remainder([5, -5], 3); // [2, 1]
 * ```
 */
export function remainder(x: TensorLike, y: TensorLike): Tensor {
  return pointwise(remainderOp, "number", [x, y]);
}

const maximumOp = defineElementwise("maximum", 2, (x, y) => s.max(x, y));

/**
 * The larger of x and y; NaN where either is. At a tie each gets half of the gradient.
 *
 * @example
 * ```ts
 * maximum([1, 5], 3); // [3, 5]
 * ```
 */
export function maximum(x: TensorLike, y: TensorLike): Tensor {
  return pointwise(maximumOp, "same", [x, y]);
}

const minimumOp = defineElementwise("minimum", 2, (x, y) => s.min(x, y));

/**
 * The smaller of x and y; NaN where either is. At a tie each gets half of the gradient.
 *
 * @example
 * ```ts
 * minimum([1, 5], 3); // [1, 3]
 * ```
 */
export function minimum(x: TensorLike, y: TensorLike): Tensor {
  return pointwise(minimumOp, "same", [x, y]);
}

const hypotOp = defineElementwise("hypot", 2, (x, y) => s.hypot(x, y));

/**
 * √(x² + y²) without overflow.
 *
 * @example
 * ```ts
 * hypot([3], [4]); // [5]
 * ```
 */
export function hypot(x: TensorLike, y: TensorLike): Tensor {
  return pointwise(hypotOp, "float", [x, y]);
}

const copysignOp = defineElementwise("copysign", 2, (x, y) => s.copysign(x, y));

/**
 * |x| with the sign of y.
 *
 * @example
 * ```ts
 * copysign([1, 2], [-1, 1]); // [-1, 2]
 * ```
 */
export function copysign(x: TensorLike, y: TensorLike): Tensor {
  return pointwise(copysignOp, "float", [x, y]);
}

const atan2Op = defineElementwise("atan2", 2, (y, x) => s.atan2(y, x));

/**
 * Angle of the point (x, y) in radians, in [-π, π].
 *
 * @example
 * ```ts
 * atan2([1], [1]); // [0.785398]
 * ```
 */
export function atan2(y: TensorLike, x: TensorLike): Tensor {
  return pointwise(atan2Op, "float", [y, x]);
}

export const negOp: ElementwiseOp = defineElementwise("neg", 1, (x) => s.neg(x));

/**
 * -x.
 *
 * @example
 * ```ts
 * neg([1, -2]); // [-1, 2]
 * ```
 */
export function neg(x: TensorLike): Tensor {
  return pointwise(negOp, "number", [x]);
}

const absOp = defineElementwise("abs", 1, (x) => s.abs(x));

/**
 * |x|. Its derivative at 0 is 0.
 *
 * @example
 * ```ts
 * abs([-1, 2]); // [1, 2]
 * ```
 */
export function abs(x: TensorLike): Tensor {
  return pointwise(absOp, "same", [x]);
}

const signOp = defineElementwise("sign", 1, (x) => s.sign(x));

/**
 * -1, 0 or 1; NaN for NaN.
 *
 * @example
 * ```ts
 * sign([-2, 0, 3]); // [-1, 0, 1]
 * ```
 */
export function sign(x: TensorLike): Tensor {
  return pointwise(signOp, "same", [x]);
}

const squareOp = defineElementwise("square", 1, (x) => s.square(x));

/**
 * x².
 *
 * @example
 * ```ts
 * square([2, 3]); // [4, 9]
 * ```
 */
export function square(x: TensorLike): Tensor {
  return pointwise(squareOp, "number", [x]);
}

const reciprocalOp = defineElementwise("reciprocal", 1, (x) => s.reciprocal(x));

/**
 * 1 / x.
 *
 * @example
 * ```ts
 * reciprocal([2, 4]); // [0.5, 0.25]
 * ```
 */
export function reciprocal(x: TensorLike): Tensor {
  return pointwise(reciprocalOp, "float", [x]);
}

const floorOp = defineElementwise("floor", 1, (x) => s.floor(x));

/**
 * The largest integer not above x.
 *
 * @example
 * ```ts
 * floor([1.5, -1.5]); // [1, -2]
 * ```
 */
export function floor(x: TensorLike): Tensor {
  return pointwise(floorOp, "same", [x]);
}

const ceilOp = defineElementwise("ceil", 1, (x) => s.ceil(x));

/**
 * The smallest integer not below x.
 *
 * @example
 * ```ts
 * ceil([1.5, -1.5]); // [2, -1]
 * ```
 */
export function ceil(x: TensorLike): Tensor {
  return pointwise(ceilOp, "same", [x]);
}

const truncOp = defineElementwise("trunc", 1, (x) => s.trunc(x));

/**
 * x without its fraction.
 *
 * @example
 * ```ts
 * trunc([1.5, -1.5]); // [1, -1]
 * ```
 */
export function trunc(x: TensorLike): Tensor {
  return pointwise(truncOp, "same", [x]);
}

const roundOp = defineElementwise("round", 1, (x) => s.round(x));

/**
 * The nearest integer; halves go to the even one.
 *
 * @example
 * ```ts
 * round([0.5, 1.5, 2.6]); // [0, 2, 3]
 * ```
 */
export function round(x: TensorLike): Tensor {
  return pointwise(roundOp, "same", [x]);
}
