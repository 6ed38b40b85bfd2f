import * as s from "../scalar/expression.ts";
import type { Tensor } from "../tensor.ts";
import { defineElementwise, pointwise } from "./pointwise.ts";
import type { TensorLike } from "./tensor-like.ts";

const expOp = defineElementwise("exp", 1, (x) => s.exp(x));

/**
 * eˣ, element by element.
 *
 * @example
 * ```ts
 * exp([0, 1]); // [1, 2.71828]
 * ```
 */
export function exp(x: TensorLike): Tensor {
  return pointwise(expOp, "float", [x]);
}

const expm1Op = defineElementwise("expm1", 1, (x) => s.expm1(x));

/**
 * eˣ - 1, precise near 0.
 *
 * @example
 * ```ts
 * expm1([0, 1]); // [0, 1.71828]
 * ```
 */
export function expm1(x: TensorLike): Tensor {
  return pointwise(expm1Op, "float", [x]);
}

const exp2Op = defineElementwise("exp2", 1, (x) => s.exp2(x));

/**
 * 2ˣ.
 *
 * @example
 * ```ts
 * exp2([0, 1, 3]); // [1, 2, 8]
 * ```
 */
export function exp2(x: TensorLike): Tensor {
  return pointwise(exp2Op, "float", [x]);
}

const logOp = defineElementwise("log", 1, (x) => s.log(x));

/**
 * Natural logarithm; NaN below 0, -∞ at 0.
 *
 * @example
 * ```ts
 * log([1, Math.E]); // [0, 1]
 * ```
 */
export function log(x: TensorLike): Tensor {
  return pointwise(logOp, "float", [x]);
}

const log1pOp = defineElementwise("log1p", 1, (x) => s.log1p(x));

/**
 * log(1 + x), precise near 0.
 *
 * @example
 * ```ts
 * log1p([0, Math.E - 1]); // [0, 1]
 * ```
 */
export function log1p(x: TensorLike): Tensor {
  return pointwise(log1pOp, "float", [x]);
}

const log2Op = defineElementwise("log2", 1, (x) => s.log2(x));

/**
 * Logarithm to base 2.
 *
 * @example
 * ```ts
 * log2([1, 8]); // [0, 3]
 * ```
 */
export function log2(x: TensorLike): Tensor {
  return pointwise(log2Op, "float", [x]);
}

const log10Op = defineElementwise("log10", 1, (x) => s.log10(x));

/**
 * Logarithm to base 10.
 *
 * @example
 * ```ts
 * log10([1, 100]); // [0, 2]
 * ```
 */
export function log10(x: TensorLike): Tensor {
  return pointwise(log10Op, "float", [x]);
}

const sqrtOp = defineElementwise("sqrt", 1, (x) => s.sqrt(x));

/**
 * Square root; NaN below 0.
 *
 * @example
 * ```ts
 * sqrt([4, 9]); // [2, 3]
 * ```
 */
export function sqrt(x: TensorLike): Tensor {
  return pointwise(sqrtOp, "float", [x]);
}

const rsqrtOp = defineElementwise("rsqrt", 1, (x) => s.reciprocal(s.sqrt(x)));

/**
 * 1 / √x.
 *
 * @example
 * ```ts
 * rsqrt([4, 16]); // [0.5, 0.25]
 * ```
 */
export function rsqrt(x: TensorLike): Tensor {
  return pointwise(rsqrtOp, "float", [x]);
}

const cbrtOp = defineElementwise("cbrt", 1, (x) => s.cbrt(x));

/**
 * Cube root.
 *
 * @example
 * ```ts
 * cbrt([8, -27]); // [2, -3]
 * ```
 */
export function cbrt(x: TensorLike): Tensor {
  return pointwise(cbrtOp, "float", [x]);
}

const sinOp = defineElementwise("sin", 1, (x) => s.sin(x));

/**
 * Sine of an angle in radians.
 *
 * @example
 * ```ts
 * sin([0, Math.PI / 2]); // [0, 1]
 * ```
 */
export function sin(x: TensorLike): Tensor {
  return pointwise(sinOp, "float", [x]);
}

const cosOp = defineElementwise("cos", 1, (x) => s.cos(x));

/**
 * Cosine of an angle in radians.
 *
 * @example
 * ```ts
 * cos([0]); // [1]
 * ```
 */
export function cos(x: TensorLike): Tensor {
  return pointwise(cosOp, "float", [x]);
}

const tanOp = defineElementwise("tan", 1, (x) => s.tan(x));

/**
 * Tangent of an angle in radians.
 *
 * @example
 * ```ts
 * tan([0]); // [0]
 * ```
 */
export function tan(x: TensorLike): Tensor {
  return pointwise(tanOp, "float", [x]);
}

const asinOp = defineElementwise("asin", 1, (x) => s.asin(x));

/**
 * Inverse sine, in [-π/2, π/2]; NaN outside [-1, 1].
 *
 * @example
 * ```ts
 * asin([0, 1]); // [0, 1.5708]
 * ```
 */
export function asin(x: TensorLike): Tensor {
  return pointwise(asinOp, "float", [x]);
}

const acosOp = defineElementwise("acos", 1, (x) => s.acos(x));

/**
 * Inverse cosine, in [0, π]; NaN outside [-1, 1].
 *
 * @example
 * ```ts
 * acos([1, 0]); // [0, 1.5708]
 * ```
 */
export function acos(x: TensorLike): Tensor {
  return pointwise(acosOp, "float", [x]);
}

const atanOp = defineElementwise("atan", 1, (x) => s.atan(x));

/**
 * Inverse tangent, in (-π/2, π/2).
 *
 * @example
 * ```ts
 * atan([0, 1]); // [0, 0.785398]
 * ```
 */
export function atan(x: TensorLike): Tensor {
  return pointwise(atanOp, "float", [x]);
}

const sinhOp = defineElementwise("sinh", 1, (x) => s.sinh(x));

/**
 * Hyperbolic sine.
 *
 * @example
 * ```ts
 * sinh([0, 1]); // [0, 1.1752]
 * ```
 */
export function sinh(x: TensorLike): Tensor {
  return pointwise(sinhOp, "float", [x]);
}

const coshOp = defineElementwise("cosh", 1, (x) => s.cosh(x));

/**
 * Hyperbolic cosine.
 *
 * @example
 * ```ts
 * cosh([0, 1]); // [1, 1.54308]
 * ```
 */
export function cosh(x: TensorLike): Tensor {
  return pointwise(coshOp, "float", [x]);
}

const tanhOp = defineElementwise("tanh", 1, (x) => s.tanh(x));

/**
 * Hyperbolic tangent: an S-shaped activation between -1 and 1.
 *
 * @example
 * ```ts
 * tanh([0, 1]); // [0, 0.761594]
 * ```
 */
export function tanh(x: TensorLike): Tensor {
  return pointwise(tanhOp, "float", [x]);
}

const asinhOp = defineElementwise("asinh", 1, (x) => s.asinh(x));

/**
 * Inverse hyperbolic sine.
 *
 * @example
 * ```ts
 * asinh([0, 1]); // [0, 0.881374]
 * ```
 */
export function asinh(x: TensorLike): Tensor {
  return pointwise(asinhOp, "float", [x]);
}

const acoshOp = defineElementwise("acosh", 1, (x) => s.acosh(x));

/**
 * Inverse hyperbolic cosine; NaN below 1.
 *
 * @example
 * ```ts
 * acosh([1, 2]); // [0, 1.31696]
 * ```
 */
export function acosh(x: TensorLike): Tensor {
  return pointwise(acoshOp, "float", [x]);
}

const atanhOp = defineElementwise("atanh", 1, (x) => s.atanh(x));

/**
 * Inverse hyperbolic tangent; NaN outside [-1, 1].
 *
 * @example
 * ```ts
 * atanh([0, 0.5]); // [0, 0.549306]
 * ```
 */
export function atanh(x: TensorLike): Tensor {
  return pointwise(atanhOp, "float", [x]);
}

const erfOp = defineElementwise("erf", 1, (x) => s.erf(x));

/**
 * Error function, 2/√π ∫₀ˣ exp(-t²) dt (DLMF 7.2.1).
 *
 * @example
 * ```ts
 * erf([0, 1]); // [0, 0.842701]
 * ```
 */
export function erf(x: TensorLike): Tensor {
  return pointwise(erfOp, "float", [x]);
}

const erfcOp = defineElementwise("erfc", 1, (x) => s.erfc(x));

/**
 * 1 - erf(x), precise for large x (DLMF 7.2.2).
 *
 * @example
 * ```ts
 * erfc([0, 3]); // [1, 0.0000220905]
 * ```
 */
export function erfc(x: TensorLike): Tensor {
  return pointwise(erfcOp, "float", [x]);
}

const erfinvOp = defineElementwise("erfinv", 1, (x) => s.erfinv(x));

/**
 * Inverse of erf on [-1, 1]; NaN outside.
 *
 * @example
 * ```ts
 * erfinv([0, 0.5]); // [0, 0.476936]
 * ```
 */
export function erfinv(x: TensorLike): Tensor {
  return pointwise(erfinvOp, "float", [x]);
}

const lgammaOp = defineElementwise("lgamma", 1, (x) => s.lgamma(x));

/**
 * log |Γ(x)| (DLMF 5.2.1); ∞ at 0 and the negative integers.
 *
 * @example
 * ```ts
 * lgamma([1, 5]); // [0, 3.17805]
 * ```
 */
export function lgamma(x: TensorLike): Tensor {
  return pointwise(lgammaOp, "float", [x]);
}

const digammaOp = defineElementwise("digamma", 1, (x) => s.digamma(x));

/**
 * Derivative of log Γ (DLMF 5.2.2).
 *
 * @example
 * ```ts
 * digamma([1]); // [-0.577216]
 * ```
 */
export function digamma(x: TensorLike): Tensor {
  return pointwise(digammaOp, "float", [x]);
}
