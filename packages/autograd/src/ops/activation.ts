import * as s from "../scalar/expression.ts";
import type { Tensor } from "../tensor.ts";
import type { TensorLike } from "./create.ts";
import { defineElementwise, pointwise } from "./pointwise.ts";

const sigmoidOp = defineElementwise("sigmoid", 1, (x) => s.sigmoid(x));

/**
 * 1 / (1 + e⁻ˣ): an S-shaped activation between 0 and 1.
 *
 * @example
 * ```ts
 * sigmoid([0, 2]); // [0.5, 0.880797]
 * ```
 */
export function sigmoid(x: TensorLike): Tensor {
  return pointwise(sigmoidOp, "float", [x]);
}

const reluOp = defineElementwise("relu", 1, (x) => s.select(s.le(x, 0), 0, x));

/**
 * max(x, 0). Its derivative at 0 is 0.
 *
 * @example
 * ```ts
 * relu([-1, 2]); // [0, 2]
 * ```
 */
export function relu(x: TensorLike): Tensor {
  return pointwise(reluOp, "same", [x]);
}

const softplusOp = defineElementwise("softplus", 1, (x) =>
  s.select(s.gt(x, 0), s.add(x, s.log1p(s.exp(s.neg(x)))), s.log1p(s.exp(x))),
);

/**
 * log(1 + eˣ), a smooth ReLU, without overflow.
 *
 * @example
 * ```ts
 * softplus([0, 100]); // [0.693147, 100]
 * ```
 */
export function softplus(x: TensorLike): Tensor {
  return pointwise(softplusOp, "float", [x]);
}

const siluOp = defineElementwise("silu", 1, (x) => s.mul(x, s.sigmoid(x)));

/**
 * x · sigmoid(x), also called swish.
 *
 * @example
 * ```ts
 * silu([0, 1]); // [0, 0.731059]
 * ```
 */
export function silu(x: TensorLike): Tensor {
  return pointwise(siluOp, "float", [x]);
}
