import { isFloat } from "../dtype.ts";
import { ArgumentError, checkNumber, checkOptions } from "../errors.ts";
import * as s from "../scalar/expression.ts";
import { Tensor } from "../tensor.ts";
import { logicalNot } from "./comparison.ts";
import { defineElementwise, pointwise } from "./pointwise.ts";
import { asTensor, type TensorLike } from "./tensor-like.ts";

/** The series of sin(u)/u: near 0 it has derivatives of every order, where the quotient cancels. */
const sincSeries = (u: s.Expr): s.Expr => {
  const u2 = s.square(u);
  let series: s.Expr = s.one;
  for (let k = 14; k >= 2; k -= 2) series = s.sub(1, s.mul(s.mul(u2, 1 / (k * (k + 1))), series));
  return series;
};

const sincOp = defineElementwise("sinc", 1, (x) => {
  const u = s.mul(Math.PI, x);
  return s.select(s.lt(s.abs(x), 0.2), sincSeries(u), s.div(s.sin(u), u));
});

/**
 * sin(πx) / (πx), and 1 at 0.
 *
 * @example
 * ```ts
 * sinc([0, 0.5]); // [1, 0.63662]
 * ```
 */
export function sinc(x: TensorLike): Tensor {
  return pointwise(sincOp, "float", [x]);
}

const logitOp = defineElementwise("logit", 1, (p) => s.sub(s.log(p), s.log1p(s.neg(p))));

/**
 * log(p / (1 - p)), the inverse of sigmoid.
 *
 * @param options.eps when given, p is first cut off to [eps, 1 - eps].
 *
 * @example
 * ```ts
 * logit([0.5, 0.880797]); // [0, 2]
 * ```
 */
export function logit(p: TensorLike, options: { readonly eps?: number } = {}): Tensor {
  const { eps } = checkOptions("logit", options, ["eps"]);
  if (eps !== undefined) checkNumber("logit", "eps", eps, (e) => e >= 0 && e <= 0.5, "0 ≤ eps ≤ ½");
  return pointwise(logitOp, "float", [eps === undefined ? p : clamp(p, { min: eps, max: 1 - eps })]);
}

const fracOp = defineElementwise("frac", 1, (x) => s.sub(x, s.trunc(x)));

/**
 * The fraction that {@link trunc} drops, with the sign of x.
 *
 * @example
 * ```ts
 * frac([1.5, -1.25]); // [0.5, -0.25]
 * ```
 */
export function frac(x: TensorLike): Tensor {
  return pointwise(fracOp, "same", [x]);
}

const floorDivideOp = defineElementwise("floorDivide", 2, (x, y) => s.floorQuotient(x, y));
// Integers are divided towards zero; where that left a rest of the other sign than y, it is one too many.
const floorDivideIntegersOp = defineElementwise("floorDivide", 2, (x, y) => {
  const quotient = s.div(x, y);
  const rest = s.sub(x, s.mul(quotient, y));
  const isInexact = s.and(s.ne(y, 0), s.ne(rest, 0));
  return s.select(s.and(isInexact, s.lt(s.bitXor(rest, y), 0)), s.sub(quotient, 1), quotient);
});

/**
 * ⌊x / y⌋. Integers stay integers; dividing them by 0 gives 0.
 *
 * @example
 * ```ts
 * floorDivide([7, -7], 2); // [3, -4]
 * ```
 */
export function floorDivide(x: TensorLike, y: TensorLike): Tensor {
  const isInteger = (v: TensorLike): boolean =>
    typeof v === "number" ? Number.isInteger(v) : v instanceof Tensor && !isFloat(v.dtype);
  const integers = isInteger(x) && isInteger(y);
  return pointwise(integers ? floorDivideIntegersOp : floorDivideOp, "number", [x, y]);
}

const logAddExpOp = defineElementwise("logAddExp", 2, (x, y) => {
  const apart = s.select(s.ge(x, y), s.add(x, s.log1p(s.exp(s.sub(y, x)))), s.add(y, s.log1p(s.exp(s.sub(x, y)))));
  // Equal infinities have no difference.
  return s.select(s.and(s.eq(x, y), s.eq(s.abs(x), Number.POSITIVE_INFINITY)), x, apart);
});

/**
 * log(eˣ + eʸ), without overflow.
 *
 * @example
 * ```ts
 * logAddExp([0, 1000], [0, 1000]); // [0.693147, 1000.693]
 * ```
 */
export function logAddExp(x: TensorLike, y: TensorLike): Tensor {
  return pointwise(logAddExpOp, "float", [x, y]);
}

// Only where log y is no number is there anything to choose: elsewhere 0 · log y has its derivatives.
const xlogyOp = defineElementwise("xlogy", 2, (x, y) => {
  const isNone = s.and(s.eq(x, 0), s.or(s.le(y, 0), s.eq(y, Number.POSITIVE_INFINITY)));
  return s.select(isNone, 0, s.mul(x, s.log(y)));
});

/**
 * x · log(y), and 0 where x is 0.
 *
 * @example
 * ```ts
 * xlogy([0, 2], [0, Math.E]); // [0, 2]
 * ```
 */
export function xlogy(x: TensorLike, y: TensorLike): Tensor {
  return pointwise(xlogyOp, "float", [x, y]);
}

const clampOp = defineElementwise("clamp", 3, (x, low, high) => {
  const raised = s.select(s.lt(x, low), low, x);
  return s.select(s.gt(raised, high), high, raised);
});
const clampLowOp = defineElementwise("clamp", 2, (x, low) => s.select(s.lt(x, low), low, x));
const clampHighOp = defineElementwise("clamp", 2, (x, high) => s.select(s.gt(x, high), high, x));

/**
 * x, cut off at `min` and `max`, numbers or tensors, of which one may be left out. NaN stays. The gradient goes to what
 * was chosen, at the limits to x. Where `min` > `max` the result is `max`.
 * @throws {ArgumentError} when neither is given.
 *
 * @example
 * ```ts
 * clamp([-1, 0.5, 2], { min: 0, max: 1 }); // [0, 0.5, 1]
 * ```
 */
export function clamp(x: TensorLike, options: { readonly min?: TensorLike; readonly max?: TensorLike } = {}): Tensor {
  const { min, max } = checkOptions("clamp", options, ["min", "max"]);
  if (min !== undefined && max !== undefined) return pointwise(clampOp, "same", [x, min, max]);
  if (min !== undefined) return pointwise(clampLowOp, "same", [x, min]);
  if (max !== undefined) return pointwise(clampHighOp, "same", [x, max]);
  throw new ArgumentError({ op: "clamp", message: "neither min nor max is given" });
}

const lerpOp = defineElementwise("lerp", 3, (x, y, w) => s.add(x, s.mul(w, s.sub(y, x))));

/**
 * x + weight · (y - x): x at weight 0, y at weight 1.
 *
 * @example
 * ```ts
 * lerp([0, 10], [10, 20], 0.5); // [5, 15]
 * ```
 */
export function lerp(x: TensorLike, y: TensorLike, weight: TensorLike): Tensor {
  return pointwise(lerpOp, "float", [x, y, weight]);
}

const addcmulOp = defineElementwise("addcmul", 4, (x, a, b, value) => s.add(x, s.mul(value, s.mul(a, b))));

/**
 * x + value · a · b.
 *
 * @param options.value default: 1.
 *
 * @example
 * ```ts
 * addcmul([1, 1], [2, 3], [4, 5], { value: 10 }); // [81, 151]
 * ```
 */
export function addcmul(
  x: TensorLike,
  a: TensorLike,
  b: TensorLike,
  options: { readonly value?: number } = {},
): Tensor {
  const { value = 1 } = checkOptions("addcmul", options, ["value"]);
  return pointwise(addcmulOp, "number", [x, a, b, value]);
}

const nanToNumOp = defineElementwise("nanToNum", 4, (x, nan, high, low) =>
  s.select(
    s.ne(x, x),
    nan,
    s.select(s.eq(x, Number.POSITIVE_INFINITY), high, s.select(s.eq(x, Number.NEGATIVE_INFINITY), low, x)),
  ),
);

/**
 * NaN and infinities replaced by numbers.
 *
 * @param options.nan default: 0.
 * @param options.posInf default: the largest number of the dtype.
 * @param options.negInf default: the smallest.
 *
 * @example
 * ```ts
 * nanToNum([1, Number.NaN], { nan: 7 }); // [1, 7]
 * ```
 */
export function nanToNum(
  x: TensorLike,
  options: { readonly nan?: number; readonly posInf?: number; readonly negInf?: number } = {},
): Tensor {
  checkOptions("nanToNum", options, ["nan", "posInf", "negInf"]);
  const input = asTensor(x);
  if (!isFloat(input.dtype)) return input;
  const largest = input.dtype === "float32" ? (2 - 2 ** -23) * 2 ** 127 : Number.MAX_VALUE;
  return pointwise(nanToNumOp, "same", [
    input,
    options.nan ?? 0,
    options.posInf ?? largest,
    options.negInf ?? -largest,
  ]);
}

const bitwiseAndOp = defineElementwise("bitwiseAnd", 2, (x, y) => s.bitAnd(x, y));

/**
 * Bits set in both integers.
 * @throws {DTypeError} for floats.
 *
 * @example
 * ```ts
 * bitwiseAnd(tensor([6], { dtype: "int32" }), 3); // [2]
 * ```
 */
export function bitwiseAnd(x: TensorLike, y: TensorLike): Tensor {
  return pointwise(bitwiseAndOp, "integer", [x, y]);
}

const bitwiseOrOp = defineElementwise("bitwiseOr", 2, (x, y) => s.bitOr(x, y));

/**
 * Bits set in either integer.
 * @throws {DTypeError} for floats.
 *
 * @example
 * ```ts
 * bitwiseOr(tensor([6], { dtype: "int32" }), 3); // [7]
 * ```
 */
export function bitwiseOr(x: TensorLike, y: TensorLike): Tensor {
  return pointwise(bitwiseOrOp, "integer", [x, y]);
}

const bitwiseXorOp = defineElementwise("bitwiseXor", 2, (x, y) => s.bitXor(x, y));

/**
 * Bits set in one of the integers only.
 * @throws {DTypeError} for floats.
 *
 * @example
 * ```ts
 * bitwiseXor(tensor([6], { dtype: "int32" }), 3); // [5]
 * ```
 */
export function bitwiseXor(x: TensorLike, y: TensorLike): Tensor {
  return pointwise(bitwiseXorOp, "integer", [x, y]);
}

/** Whether there are that many bits; processors would take the number modulo 32. */
const isWithin = (bits: s.Expr): s.Expr => s.and(s.ge(bits, 0), s.lt(bits, 32));

const leftShiftOp = defineElementwise("leftShift", 2, (x, y) => s.select(isWithin(y), s.shiftLeft(x, y), 0));

/**
 * x · 2ʸ for integers, dropping what leaves 32 bits: everything where y is 32 or more, or negative, as in NumPy.
 * @throws {DTypeError} for floats.
 *
 * @example
 * ```ts
 * leftShift(tensor([3], { dtype: "int32" }), 2); // [12]
 * ```
 */
export function leftShift(x: TensorLike, y: TensorLike): Tensor {
  return pointwise(leftShiftOp, "integer", [x, y]);
}

const rightShiftOp = defineElementwise("rightShift", 2, (x, y) => s.shiftRight(x, s.select(isWithin(y), y, 31)));

/**
 * ⌊x / 2ʸ⌋ for integers; 0 or -1, the sign alone, where y is 32 or more, or negative, as in NumPy.
 * @throws {DTypeError} for floats.
 *
 * @example
 * ```ts
 * rightShift(tensor([12], { dtype: "int32" }), 2); // [3]
 * ```
 */
export function rightShift(x: TensorLike, y: TensorLike): Tensor {
  return pointwise(rightShiftOp, "integer", [x, y]);
}

const bitwiseNotOp = defineElementwise("bitwiseNot", 1, (x) => s.bitNot(x));

/**
 * Every bit of an integer inverted: -x - 1. Booleans are negated.
 * @throws {DTypeError} for floats.
 *
 * @example
 * ```ts
 * bitwiseNot(tensor([5], { dtype: "int32" })); // [-6]
 * ```
 */
export function bitwiseNot(x: TensorLike): Tensor {
  const input = asTensor(x);
  return input.dtype === "bool" ? logicalNot(input) : pointwise(bitwiseNotOp, "integer", [input]);
}
