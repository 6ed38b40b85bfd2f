/**
 * Logarithms, powers and inverse hyperbolic functions.
 *
 * x = 2ᵏ (1 + m) with √½ ≤ 1 + m < √2. In float32 log(1 + m) is a polynomial, in float64 a shorter one in
 * s = m / (2 + m), as log(1 + m) = 2 artanh s. Numbers that are not normal take a way of their own.
 */
import { exp, expOfSum, ln2Parts, outside } from "./exponential.ts";
import { bitwise, type Float, type Pair, type Wide } from "./float.ts";

/** Differences between the bit patterns of 1 and √½, as the denormal numbers that have those patterns. */
const distanceSingle = (0x3f800000 - 0x3f3504f3) * 2 ** -149;
const distanceDouble = Number(0x3ff0000000000000n - 0x3fe6a09e667f3bcdn) * 2 ** -1074;

/** x = 2ᵏ (1 + m), for normal positive x. */
export function splitExponent(f: Float, x: Wide): { k: Wide; m: Wide } {
  const { ops, bits } = f;
  const mantissa = f.num(f.isDouble ? (2 ** 52 - 1) * 2 ** -1074 : (2 ** 23 - 1) * 2 ** -149);
  const b = f.let(bits.add(x, f.num(f.isDouble ? distanceDouble : distanceSingle)));
  const biased = bits.shrU(b);
  const k = f.isDouble
    ? ops.sub(bitwise.or(biased, f.num(2 ** 52)), f.num(2 ** 52 + 1023))
    : ops.sub(ops.convert(biased), f.num(127));
  return { k: f.let(k), m: f.let(ops.sub(bits.add(bitwise.and(b, mantissa), f.num(Math.SQRT1_2)), f.num(1))) };
}

/** (log(1 + m) - m + m²/2) / m³ in m. */
const series = [0.33333316, -0.25000808, 0.20002286, -0.16624628, 0.14181225, -0.13128147, 0.12881252, -0.07860657];
/** (log(1 + m) - 2s) / s³ in s², of fdlibm (Sun Microsystems, 1993). */
const artanhSeries = [
  0.6666666666666735, 0.3999999999940942, 0.2857142874366239, 0.22222198432149784, 0.1818357216161805,
  0.15313837699209373, 0.14798198605116586,
];

/** log(1 + m) = m - half + rest. */
function splitLog(f: Float, m: Wide): { half: Wide; rest: Wide } {
  const { ops } = f;
  const half = f.let(ops.mul(f.num(0.5), f.let(ops.mul(m, m))));
  if (!f.isDouble) {
    const cube = f.let(ops.mul(m, ops.mul(m, m)));
    return { half, rest: f.let(ops.mul(cube, f.polynomial(m, series))) };
  }
  const s = f.let(ops.div(m, ops.add(f.num(2), m)));
  const z = f.let(ops.mul(s, s));
  return { half, rest: f.let(ops.mul(s, f.madd(z, f.polynomial(z, artanhSeries), half))) };
}

/**
 * A logarithm from its formula for normal numbers: denormal ones are scaled up first, and the others have infinity or
 * NaN.
 */
function logOf(f: Float, x: Wide, formula: (x: Wide, more: number) => Wide): Wide {
  const { ops } = f;
  const [smallest, shift] = f.isDouble ? [2 ** -1022, 54] : [2 ** -126, 25];
  const infinity = f.num(Number.POSITIVE_INFINITY);
  const largest = f.isDouble ? Number.MAX_VALUE : 3.4028234663852886e38;
  return f.amend([formula(x, 0)], outside(f, x, smallest, largest), () => {
    const small = f.let(formula(f.let(ops.mul(x, f.num(2 ** shift))), -shift));
    const atZero = f.pick(f.num(Number.NEGATIVE_INFINITY), small, ops.eq(x, f.num(0)));
    const positive = f.pick(infinity, f.let(atZero), ops.eq(x, infinity));
    return [f.pick(f.let(positive), f.num(Number.NaN), ops.ge(x, f.num(0)))];
  })[0]!;
}

const exponentOf = (f: Float, k: Wide, more: number): Wide => (more === 0 ? k : f.let(f.ops.add(k, f.num(more))));

export function log(f: Float, x: Wide): Wide {
  const [high, low] = ln2Parts(f);
  return logOf(f, x, (y, more) => {
    const { k: exponent, m } = splitExponent(f, y);
    const k = exponentOf(f, exponent, more);
    const { half, rest } = splitLog(f, m);
    const tail = f.let(f.madd(k, f.num(low), rest));
    return f.madd(k, f.num(high), f.ops.sub(m, f.let(f.ops.sub(half, tail))));
  });
}

/** k · unit + log(1 + m) · factor, units and factors in two parts. */
function scaledLog(f: Float, x: Wide, factor: readonly [number, number], unit: readonly [number, number]): Wide {
  const { ops } = f;
  return logOf(f, x, (y, more) => {
    const { k: exponent, m } = splitExponent(f, y);
    const k = exponentOf(f, exponent, more);
    const { half, rest } = splitLog(f, m);
    if (!f.precise) {
      const value = f.let(ops.sub(m, f.let(ops.sub(half, rest))));
      const whole = f.let(f.madd(k, f.num(unit[1]), f.let(ops.mul(value, f.num(factor[0] + factor[1])))));
      return f.madd(k, f.num(unit[0]), whole);
    }
    const high = f.head(ops.sub(m, half));
    const low = f.let(ops.add(ops.sub(ops.sub(m, high), half), rest));
    const small = f.let(f.madd(f.let(ops.add(low, high)), f.num(factor[1]), ops.mul(low, f.num(factor[0]))));
    const { high: sum, low: lost } = f.sum(f.let(ops.mul(k, f.num(unit[0]))), f.let(ops.mul(high, f.num(factor[0]))));
    return ops.add(ops.add(f.madd(k, f.num(unit[1]), small), lost), sum);
  });
}
export const log2 = (f: Float, x: Wide): Wide => scaledLog(f, x, [1.4426950407214463, 1.6751713164886512e-10], [1, 0]);
export const log10 = (f: Float, x: Wide): Wide =>
  scaledLog(
    f,
    x,
    [0.4342944818781689, 2.5082946711645275e-11],
    f.isDouble ? [0.30102999566361177, 3.694239077158931e-13] : [0.30078125, 0.0002487456639812],
  );

/** log(1 + x) = log u + (x - (u - 1)) / u where u is 1 + x rounded. */
export function log1p(f: Float, x: Wide): Wide {
  const { ops } = f;
  const { high: u, low: lost } = f.sum(f.num(1), x);
  const usable = bitwise.and(ops.eq(lost, lost), ops.gt(u, f.num(0)));
  const main = f.let(log(f, u));
  const sum = ops.add(main, bitwise.and(ops.div(lost, u), usable));
  return f.pick(x, sum, ops.eq(u, f.num(1)));
}

// The following are written for float64.

/** log(1 + w) with w = a + a² / (1 + √(1 + a²)). */
export function asinh(f: Float, x: Wide): Wide {
  const { ops } = f;
  const a = f.let(ops.abs(x));
  const bounded = f.let(ops.pmin(a, f.num(2 ** 60)));
  const square = f.let(ops.mul(bounded, bounded));
  const root = f.let(ops.sqrt(ops.add(square, f.num(1))));
  const w = f.let(ops.add(bounded, ops.div(square, ops.add(root, f.num(1)))));
  const large = f.let(ops.gt(a, f.num(2 ** 30)));
  const near = f.let(log1p(f, w));
  const far = f.amend([near], large, () => [ops.add(log(f, a), f.num(Math.LN2))])[0]!;
  return f.copySign(f.pick(a, far, ops.lt(a, f.num(2 ** -28))), x);
}

/** log(x + √(x² - 1)). */
export function acosh(f: Float, x: Wide): Wide {
  const { ops } = f;
  // x - 1 + √((x - 1) (x + 1)), with what its roundings lose.
  const bounded = f.let(ops.pmin(x, f.num(2 ** 60)));
  const t = f.let(ops.sub(bounded, f.num(1)));
  const square = f.product(t, f.let(ops.add(bounded, f.num(1))));
  const root = f.let(ops.sqrt(square.high));
  const { high, low } = f.product(root, root);
  const left = ops.add(ops.sub(ops.sub(square.high, high), low), square.low);
  const missing = ops.div(left, ops.pmax(ops.add(root, root), f.num(2 ** -1000)));
  const w = f.sum(t, root);
  const lost = f.let(ops.add(w.low, missing));
  const near = f.let(ops.add(log1p(f, w.high), ops.div(lost, ops.add(w.high, f.num(1)))));
  const [value] = f.amend([near], ops.gt(x, f.num(2 ** 30)), () => [ops.add(log(f, x), f.num(Math.LN2))]) as [Wide];
  return f.pick(value, f.num(Number.NaN), ops.ge(x, f.num(1)));
}

/** ½ log((1 + a) / (1 - a)) */
export function atanh(f: Float, x: Wide): Wide {
  const { ops } = f;
  const a = f.let(ops.abs(x));
  const t = f.let(ops.div(ops.add(a, a), ops.sub(f.num(1), a)));
  const near = f.let(ops.mul(f.num(0.5), log1p(f, t)));
  return f.copySign(f.pick(a, near, ops.lt(a, f.num(2 ** -28))), x);
}

/** log x to about 66 bits, x being positive and finite. */
export function preciseLog(f: Float, given: Wide): Pair {
  const { ops } = f;
  const isSmall = f.let(ops.lt(given, f.num(2 ** -1022)));
  const { k: exponent, m } = splitExponent(f, f.let(f.pick(ops.mul(given, f.num(2 ** 54)), given, isSmall)));
  const k = f.let(ops.sub(exponent, bitwise.and(isSmall, f.num(54))));
  const s = f.quotient({ high: m, low: f.num(0) }, f.quickSum(f.num(2), m));
  const square = f.product(s.high, s.high);
  const z = square.high;
  const zLow = f.let(ops.add(square.low, ops.mul(ops.add(s.high, s.high), s.low)));
  // log(1 + m) = 2s (1 + z/3 + z²/5 + …), z = s².
  const terms = Array.from({ length: 11 }, (_, i) => 1 / (2 * i + 5));
  const q = f.let(ops.mul(z, f.polynomial(z, terms)));
  const sum = f.quickSum(f.num(1 / 3), f.let(ops.add(q, f.num(1.850371707708594e-17))));
  const term = f.product(z, sum.high);
  const termLow = ops.add(term.low, f.madd(zLow, sum.high, ops.mul(z, sum.low)));
  const factor = f.quickSum(f.num(1), term.high);
  const low = f.let(ops.add(factor.low, termLow));
  const main = f.product(s.high, factor.high);
  const mainLow = ops.add(main.low, f.madd(s.high, low, ops.mul(s.low, factor.high)));
  const part = f.quickSum(ops.add(main.high, main.high), f.let(ops.mul(f.num(2), mainLow)));
  const [ln2High, ln2Low] = ln2Parts(f);
  const total = f.sum(f.let(ops.mul(k, f.num(ln2High))), part.high);
  return f.quickSum(total.high, f.let(ops.add(f.madd(k, f.num(ln2Low), total.low), part.low)));
}

/** Written for float64. */
export function pow(f: Float, x: Wide, y: Wide): Wide {
  const { ops } = f;
  const a = f.let(ops.abs(x));
  const bound = 2 ** 70;
  const exponent = f.let(ops.pmax(f.num(-bound), ops.pmin(f.num(bound), y)));
  let value: Wide;
  if (f.precise) {
    const l = preciseLog(f, a);
    const p = f.product(l.high, exponent);
    const sum = f.quickSum(p.high, f.let(f.madd(l.low, exponent, p.low)));
    // Where the result overflows or vanishes, the low part may be anything.
    const matters = ops.lt(ops.abs(sum.high), f.num(800));
    value = expOfSum(f, sum.high, f.let(bitwise.and(sum.low, matters)));
  } else value = exp(f, f.let(ops.mul(exponent, log(f, a))));
  const [zero, one, infinity, nan] = [f.num(0), f.num(1), f.num(Number.POSITIVE_INFINITY), f.num(Number.NaN)];
  const up = f.let(ops.gt(y, zero));
  const atInfinity = f.pick(f.pick(infinity, zero, up), f.let(value), ops.eq(a, infinity));
  const size = f.pick(f.pick(zero, infinity, up), f.let(atInfinity), ops.eq(a, zero));
  const whole = f.let(ops.eq(ops.floor(y), y));
  const half = f.let(ops.mul(y, f.num(0.5)));
  const odd = bitwise.and(whole, ops.ne(ops.floor(half), half));
  const signed = bitwise.or(size, bitwise.and(bitwise.and(x, odd), f.num(-0)));
  const negative = bitwise.and(bitwise.and(ops.lt(x, zero), ops.lt(a, infinity)), bitwise.not(whole));
  const isNumber = bitwise.andNot(bitwise.and(ops.eq(x, x), ops.eq(y, y)), negative);
  const isOne = bitwise.or(ops.eq(y, zero), ops.eq(x, one));
  return f.pick(one, f.let(f.pick(f.let(signed), nan, f.let(isNumber))), f.let(isOne));
}
