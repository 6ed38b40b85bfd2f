import type { ComputeDType } from "../../dtype.ts";
import type { ExprOp, LeafOp } from "../../scalar/expression.ts";
import { digamma, erf, erfc, erfinv, lgamma, polygamma } from "./special.ts";

/** What a node of a scalar expression computes; masks are 1 and 0. */
export type ScalarFunction = (x: number, y: number, z: number) => number;

type InnerOp = Exclude<ExprOp, LeafOp>;

/** The meaning of every node in float kernels. float32 kernels compute in float64 and round when they store. */
const floatFunctions: Readonly<Record<InnerOp, ScalarFunction>> = {
  neg: (x) => -x,
  abs: Math.abs,
  sqrt: Math.sqrt,
  cbrt: Math.cbrt,
  floor: Math.floor,
  ceil: Math.ceil,
  trunc: Math.trunc,
  round: roundHalfToEven,
  exp: Math.exp,
  expm1: Math.expm1,
  exp2: (x) => 2 ** x,
  log: Math.log,
  log1p: Math.log1p,
  log2: Math.log2,
  log10: Math.log10,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  sigmoid: (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))),
  erf,
  erfc,
  erfinv,
  lgamma,
  digamma,
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  min: Math.min,
  max: Math.max,
  // ECMAScript says NaN for (±1) ** ±∞; IEEE 754 says 1.
  pow: (x, y) => ((Math.abs(x) === 1 && Math.abs(y) === Number.POSITIVE_INFINITY) || x === 1 ? 1 : x ** y),
  atan2: Math.atan2,
  hypot: (x, y) => Math.hypot(x, y),
  copysign: (x, y) => (y < 0 || Object.is(y, -0) ? -Math.abs(x) : Math.abs(x)),
  remainder: floorRemainder,
  polygamma,
  bitAnd: (x, y) => x & y,
  bitOr: (x, y) => x | y,
  bitXor: (x, y) => x ^ y,
  bitNot: (x) => ~x,
  shiftLeft: (x, y) => x << y,
  shiftRight: (x, y) => x >> y,
  eq: (x, y) => (x === y ? 1 : 0),
  ne: (x, y) => (x !== y ? 1 : 0),
  lt: (x, y) => (x < y ? 1 : 0),
  le: (x, y) => (x <= y ? 1 : 0),
  gt: (x, y) => (x > y ? 1 : 0),
  ge: (x, y) => (x >= y ? 1 : 0),
  and: (x, y) => x & y,
  or: (x, y) => x | y,
  not: (x) => 1 - x,
  select: (mask, x, y) => (mask !== 0 ? x : y),
};

/** Where int32 kernels differ: arithmetic wraps, and division by zero gives 0. */
const integerFunctions: Readonly<Record<InnerOp, ScalarFunction>> = {
  ...floatFunctions,
  neg: (x) => -x | 0,
  abs: (x) => Math.abs(x) | 0,
  add: (x, y) => (x + y) | 0,
  sub: (x, y) => (x - y) | 0,
  mul: Math.imul,
  div: (x, y) => (y === 0 ? 0 : (x / y) | 0),
  pow: integerPower,
  remainder: (x, y) => (y === 0 ? 0 : floorRemainder(x, y) | 0),
};

export function scalarFunction(op: InnerOp, compute: ComputeDType): ScalarFunction {
  return (compute === "int32" ? integerFunctions : floatFunctions)[op];
}

function roundHalfToEven(x: number): number {
  const rounded = Math.round(x);
  // Math.round takes halves up, and loses the sign of small negative numbers.
  const even = rounded - x === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
  return even === 0 ? (x < 0 || Object.is(x, -0) ? -0 : 0) : even;
}

function floorRemainder(x: number, y: number): number {
  const r = x % y;
  if (Number.isNaN(r)) return r;
  if (r !== 0 && r < 0 !== y < 0) return Number.isFinite(y) ? r + y : y;
  return r === 0 ? (y < 0 ? -0 : 0) : r;
}

/** By squaring, wrapping; negative powers truncate towards zero. */
function integerPower(x: number, y: number): number {
  if (y < 0) return x === 1 ? 1 : x === -1 ? (y % 2 === 0 ? 1 : -1) : 0;
  let result = 1;
  for (let base = x, n = y; n > 0; n = Math.floor(n / 2)) {
    if (n % 2 === 1) result = Math.imul(result, base);
    base = Math.imul(base, base);
  }
  return result;
}
