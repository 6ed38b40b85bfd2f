import { checkNumber, checkOptions, unknownOption } from "../errors.ts";
import * as s from "../scalar/expression.ts";
import type { Tensor } from "../tensor.ts";
import { defineElementwise, pointwise } from "./pointwise.ts";
import type { TensorLike } from "./tensor-like.ts";

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

const relu6Op = defineElementwise("relu6", 1, (x) => s.select(s.le(x, 0), 0, s.select(s.ge(x, 6), 6, x)));

/**
 * min(max(x, 0), 6).
 *
 * @example
 * ```ts
 * relu6([-1, 2, 9]); // [0, 2, 6]
 * ```
 */
export function relu6(x: TensorLike): Tensor {
  return pointwise(relu6Op, "same", [x]);
}

const leakyReluOp = defineElementwise("leakyRelu", 2, (x, a) => s.select(s.gt(x, 0), x, s.mul(a, x)));

/**
 * x where it is positive, `negativeSlope` · x elsewhere.
 *
 * @example
 * ```ts
 * leakyRelu([-1, 2], 0.1); // [-0.1, 2]
 * ```
 */
export function leakyRelu(x: TensorLike, negativeSlope = 0.01): Tensor {
  return pointwise(leakyReluOp, "float", [x, negativeSlope]);
}

const preluOp = defineElementwise("prelu", 2, (x, a) => s.select(s.gt(x, 0), x, s.mul(a, x)));

/**
 * {@link leakyRelu} with a slope that is learned: a tensor that broadcasts with x.
 *
 * @example
 * ```ts
 * prelu([-1, 2], [0.5, 0.5]); // [-0.5, 2]
 * ```
 */
export function prelu(x: TensorLike, slope: TensorLike): Tensor {
  return pointwise(preluOp, "float", [x, slope]);
}

const eluOp = defineElementwise("elu", 2, (x, a) => s.select(s.gt(x, 0), x, s.mul(a, s.expm1(x))));

/**
 * x where it is positive, `alpha` · (eˣ - 1) elsewhere.
 *
 * @example
 * ```ts
 * elu([-1, 2]); // [-0.632121, 2]
 * ```
 */
export function elu(x: TensorLike, alpha = 1): Tensor {
  return pointwise(eluOp, "float", [x, alpha]);
}

const celuOp = defineElementwise("celu", 2, (x, a) => s.select(s.gt(x, 0), x, s.mul(a, s.expm1(s.div(x, a)))));

/**
 * x where it is positive, `alpha` · (exp(x / `alpha`) - 1) elsewhere: continuously differentiable.
 *
 * @example
 * ```ts
 * celu([-1, 2], 2); // [-0.786939, 2]
 * ```
 */
export function celu(x: TensorLike, alpha = 1): Tensor {
  return pointwise(celuOp, "float", [x, alpha]);
}

// G. Klambauer et al., "Self-normalizing neural networks" (2017).
const seluScale = 1.0507009873554805;
const seluAlpha = 1.6732632423543772;

const seluOp = defineElementwise("selu", 1, (x) =>
  s.mul(seluScale, s.select(s.gt(x, 0), x, s.mul(seluAlpha, s.expm1(x)))),
);

/**
 * A scaled {@link elu} that keeps activations near mean 0 and variance 1.
 *
 * @example
 * ```ts
 * selu([-1, 2]); // [-1.11133, 2.1014]
 * ```
 */
export function selu(x: TensorLike): Tensor {
  return pointwise(seluOp, "float", [x]);
}

const geluOp = defineElementwise("gelu", 1, (x) => s.mul(s.mul(0.5, x), s.erfc(s.mul(-Math.SQRT1_2, x))));
const geluTanhOp = defineElementwise("gelu", 1, (x) => {
  const inner = s.mul(Math.sqrt(2 / Math.PI), s.add(x, s.mul(0.044715, s.mul(x, s.square(x)))));
  return s.mul(s.mul(0.5, x), s.add(1, s.tanh(inner)));
});

/**
 * x · Φ(x), with Φ the normal distribution function (D. Hendrycks, K. Gimpel, 2016).
 *
 * @param options.approximate `"tanh"` for the approximation of that paper. Default: `"none"`.
 * @throws {ArgumentError} for another value.
 *
 * @example
 * ```ts
 * gelu([-1, 2]); // [-0.158655, 1.9545]
 * gelu([-1, 2], { approximate: "tanh" }); // [-0.158808, 1.9546]
 * ```
 */
export function gelu(x: TensorLike, options: { readonly approximate?: "none" | "tanh" } = {}): Tensor {
  const { approximate = "none" } = checkOptions("gelu", options, ["approximate"]);
  if (approximate !== "none" && approximate !== "tanh") {
    throw unknownOption("gelu", "approximate", approximate, ["none", "tanh"]);
  }
  return pointwise(approximate === "tanh" ? geluTanhOp : geluOp, "float", [x]);
}

const softplusOf = (x: s.Expr): s.Expr => s.select(s.gt(x, 0), s.add(x, s.log1p(s.exp(s.neg(x)))), s.log1p(s.exp(x)));

const mishOp = defineElementwise("mish", 1, (x) => s.mul(x, s.tanh(softplusOf(x))));

/**
 * x · tanh(softplus(x)) (D. Misra, 2019).
 *
 * @example
 * ```ts
 * mish([0, 1]); // [0, 0.865098]
 * ```
 */
export function mish(x: TensorLike): Tensor {
  return pointwise(mishOp, "float", [x]);
}

const logSigmoidOp = defineElementwise("logSigmoid", 1, (x) => s.neg(softplusOf(s.neg(x))));

/**
 * log(sigmoid(x)), without underflow.
 *
 * @example
 * ```ts
 * logSigmoid([0, -100]); // [-0.693147, -100]
 * ```
 */
export function logSigmoid(x: TensorLike): Tensor {
  return pointwise(logSigmoidOp, "float", [x]);
}

const softsignOp = defineElementwise("softsign", 1, (x) => s.div(x, s.add(1, s.abs(x))));

/**
 * x / (1 + |x|).
 *
 * @example
 * ```ts
 * softsign([-1, 3]); // [-0.5, 0.75]
 * ```
 */
export function softsign(x: TensorLike): Tensor {
  return pointwise(softsignOp, "float", [x]);
}

const hardSigmoidOp = defineElementwise("hardSigmoid", 1, (x) =>
  s.select(s.le(x, -3), 0, s.select(s.ge(x, 3), 1, s.add(s.div(x, 6), 0.5))),
);

/**
 * {@link sigmoid} made of three straight lines: relu6(x + 3) / 6.
 *
 * @example
 * ```ts
 * hardSigmoid([-4, 0, 1.5]); // [0, 0.5, 0.75]
 * ```
 */
export function hardSigmoid(x: TensorLike): Tensor {
  return pointwise(hardSigmoidOp, "float", [x]);
}

const hardSiluOp = defineElementwise("hardSilu", 1, (x) =>
  s.select(s.le(x, -3), 0, s.select(s.ge(x, 3), x, s.mul(x, s.add(s.div(x, 6), 0.5)))),
);

/**
 * x · hardSigmoid(x), also called hard swish.
 *
 * @example
 * ```ts
 * hardSilu([-4, 1.5, 4]); // [0, 1.125, 4]
 * ```
 */
export function hardSilu(x: TensorLike): Tensor {
  return pointwise(hardSiluOp, "float", [x]);
}

const hardTanhOp = defineElementwise("hardTanh", 3, (x, low, high) =>
  s.select(s.le(x, low), low, s.select(s.ge(x, high), high, x)),
);

/**
 * x, cut off at `low` and `high`.
 *
 * @example
 * ```ts
 * hardTanh([-2, 0.5]); // [-1, 0.5]
 * ```
 */
export function hardTanh(x: TensorLike, low = -1, high = 1): Tensor {
  return pointwise(hardTanhOp, "float", [x, low, high]);
}

const tanhShrinkOp = defineElementwise("tanhShrink", 1, (x) => s.sub(x, s.tanh(x)));

/**
 * x - tanh(x).
 *
 * @example
 * ```ts
 * tanhShrink([0, 1]); // [0, 0.238406]
 * ```
 */
export function tanhShrink(x: TensorLike): Tensor {
  return pointwise(tanhShrinkOp, "float", [x]);
}

const softShrinkOp = defineElementwise("softShrink", 2, (x, l) =>
  s.select(s.le(s.abs(x), l), 0, s.select(s.gt(x, 0), s.sub(x, l), s.add(x, l))),
);

/**
 * x, drawn `lambda` nearer to 0, and 0 within that distance.
 *
 * @example
 * ```ts
 * softShrink([-2, 0.3, 1]); // [-1.5, 0, 0.5]
 * ```
 */
export function softShrink(x: TensorLike, lambda = 0.5): Tensor {
  checkNumber("softShrink", "lambda", lambda, (l) => l >= 0, "it is 0 or more");
  return pointwise(softShrinkOp, "float", [x, lambda]);
}

const hardShrinkOp = defineElementwise("hardShrink", 2, (x, l) => s.select(s.le(s.abs(x), l), 0, x));

/**
 * x, and 0 within the distance `lambda` of 0.
 *
 * @example
 * ```ts
 * hardShrink([-2, 0.3, 1]); // [-2, 0, 1]
 * ```
 */
export function hardShrink(x: TensorLike, lambda = 0.5): Tensor {
  return pointwise(hardShrinkOp, "float", [x, lambda]);
}

const thresholdOp = defineElementwise("threshold", 3, (x, t, v) => s.select(s.le(x, t), v, x));

/**
 * x where it is above `limit` (or NaN), `value` elsewhere.
 *
 * @example
 * ```ts
 * threshold([1, 3], 2, -1); // [-1, 3]
 * ```
 */
export function threshold(x: TensorLike, limit: number, value: number): Tensor {
  return pointwise(thresholdOp, "float", [x, limit, value]);
}
