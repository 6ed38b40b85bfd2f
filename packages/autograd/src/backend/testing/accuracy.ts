/**
 * How exact functions are: their inputs, their bounds, and errors in units of the last place.
 *
 * What is right is told by mpmath in 60 digits: for many inputs by `scripts/ulp.ts`, for the few of the tests by
 * `accuracy.json`, which that script writes.
 */
import type { FloatDType } from "../../dtype.ts";
import * as s from "../../scalar/expression.ts";

/** Where arguments are taken from: even steps over an interval, and powers of ten over some exponents. */
interface Domain {
  readonly steps: readonly (readonly [number, number])[];
  readonly exponents?: readonly [number, number];
  readonly positive?: true;
}
export interface Measured {
  readonly expression: s.Expr;
  readonly domains: readonly Domain[];
  /** Units in the last place. */
  readonly limit: number;
}

const [x, y] = [s.argument(0), s.argument(1)];
const all: Domain = { steps: [[-10, 10]], exponents: [-307, 308] };
const positive: Domain = { steps: [[0, 4]], exponents: [-307, 308], positive: true };
const exponents = (low: number, high: number): Domain => ({
  steps: [
    [low, high],
    [-2, 2],
  ],
  exponents: [-20, 0],
});
const unit: Domain = {
  steps: [
    [-1, 1],
    [0.9, 1],
    [-0.01, 0.01],
  ],
  exponents: [-300, -1],
};
const unary = (expression: s.Expr, domain: Domain, limit = 2): Measured => ({ expression, domains: [domain], limit });
const binary = (expression: s.Expr, domains: readonly Domain[], limit = 2): Measured => ({
  expression,
  domains,
  limit,
});
const moderate: Domain = { steps: [[-50, 50]], exponents: [-40, 40] };

/** Every function with an approximation of its own. */
export const functions: Readonly<Record<string, Measured>> = {
  exp: unary(s.exp(x), exponents(-745, 709.7)),
  exp2: unary(s.exp2(x), exponents(-1074, 1023.9)),
  expm1: unary(s.expm1(x), exponents(-40, 709.7)),
  log: unary(s.log(x), positive),
  log1p: unary(s.log1p(x), {
    ...positive,
    steps: [
      [-1, 2],
      [-0.01, 0.01],
    ],
  }),
  log2: unary(s.log2(x), positive),
  log10: unary(s.log10(x), positive),
  sin: unary(s.sin(x), all),
  cos: unary(s.cos(x), all),
  tan: unary(s.tan(x), all),
  asin: unary(s.asin(x), unit),
  acos: unary(s.acos(x), unit),
  atan: unary(s.atan(x), all),
  atan2: binary(s.atan2(x, y), [moderate, moderate]),
  sinh: unary(s.sinh(x), exponents(-709.7, 709.7)),
  cosh: unary(s.cosh(x), exponents(-709.7, 709.7)),
  tanh: unary(s.tanh(x), exponents(-22, 22)),
  asinh: unary(s.asinh(x), all),
  acosh: unary(s.acosh(x), {
    steps: [
      [1, 4],
      [1, 1.01],
    ],
    exponents: [0, 308],
    positive: true,
  }),
  atanh: unary(s.atanh(x), unit),
  sigmoid: unary(s.sigmoid(x), exponents(-709, 40)),
  erf: unary(s.erf(x), {
    steps: [
      [-6, 6],
      [-1, 1],
    ],
    exponents: [-300, 0],
  }),
  erfc: unary(s.erfc(x), {
    steps: [
      [-6, 27],
      [-1, 2],
    ],
    exponents: [-20, 0],
  }),
  erfinv: unary(s.erfinv(x), unit, 4),
  lgamma: unary(
    s.lgamma(x),
    {
      steps: [
        [0, 10],
        [0.9, 2.1],
        [-2, 0],
      ],
      exponents: [-300, 305],
      positive: true,
    },
    4,
  ),
  digamma: unary(
    s.digamma(x),
    {
      steps: [
        [0, 10],
        [1.4, 1.5],
        [1, 100],
      ],
      exponents: [-300, 305],
      positive: true,
    },
    4,
  ),
  cbrt: unary(s.cbrt(x), all),
  hypot: binary(s.hypot(x, y), [moderate, moderate]),
  pow: binary(
    s.pow(x, y),
    [
      {
        ...moderate,
        steps: [
          [0, 50],
          [0.5, 2],
        ],
        positive: true,
      },
      {
        steps: [
          [-80, 80],
          [-2, 2],
        ],
      },
    ],
    4,
  ),
  remainder: binary(s.remainder(x, y), [moderate, moderate], 0.5),
};

/** Numbers in [0, 1), the same every time. */
function* random(): Generator<number, never> {
  for (let state = 1; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

/** `count` arguments of each operand; for float32, numbers that float32 holds. */
export function argumentsFor({ domains }: Measured, dtype: FloatDType, count: number): Float64Array[] {
  const next = random();
  const take = (): number => next.next().value;
  return domains.map(({ steps, exponents: powers, positive: onlyPositive }) =>
    Float64Array.from({ length: count }, (_, i) => {
      const inPowers = powers !== undefined && i % 3 === 2;
      const [low, high] = steps[i % steps.length]!;
      let value = low + (high - low) * take();
      if (inPowers) {
        const limits = dtype === "float32" ? [Math.max(powers[0], -44), Math.min(powers[1], 38)] : powers;
        // A power of ten as written: engines differ in the last place of those they compute.
        const power = Math.floor(limits[0]! + (limits[1]! - limits[0]!) * take());
        value = (1 + take()) * Number(`1e${power}`);
        if (!onlyPositive && take() < 0.5) value = -value;
      }
      return dtype === "float32" ? Math.fround(value) : value;
    }),
  );
}

/** Results for each function and dtype in `accuracy.json`: float64 numbers, and in bytes what they lack. */
export const storedCount = 120;
/** Bytes per unit in the last place. */
export const restScale = 254;

/** The distance of the smallest numbers, and the bits behind the leading one. */
const formats = { float32: [-149, 23], float64: [-1074, 52] } as const;

/**
 * The error of a result in units of the last place of what is right, which is `exact` plus `rest` of its own (float64)
 * last places. Where that is beyond the largest number, infinity is right.
 */
export function errorOf(value: number, exact: number, rest: number, dtype: FloatDType): number {
  const rounded = dtype === "float32" ? Math.fround(exact) : exact;
  if (Object.is(value, rounded) && !Number.isFinite(rounded)) return 0;
  if (!Number.isFinite(value) || !Number.isFinite(rounded)) return Number.POSITIVE_INFINITY;
  const [smallest, digits] = formats[dtype];
  const unitOf = (low: number, bits: number): number => {
    if (exact === 0) return 2 ** low;
    let exponent = Math.floor(Math.log2(Math.abs(exact)));
    if (2 ** exponent > Math.abs(exact)) exponent--;
    return 2 ** Math.max(low, exponent - bits);
  };
  const own = unitOf(...formats.float64);
  return Math.abs((value - exact) / unitOf(smallest, digits) - rest * (own / unitOf(smallest, digits)));
}
