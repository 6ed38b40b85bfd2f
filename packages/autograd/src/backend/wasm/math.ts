/**
 * Elementary functions on vectors, each written once for float32 and float64: what differs is in {@link Float}.
 *
 * The methods are fdlibm's (Sun Microsystems, 1993): reduce the argument, evaluate a short polynomial, put the
 * result together so that the large part is exact. Bits of exponents are moved in and out by adding a number so
 * large that the integer lands in the low bits of the mantissa, which needs no conversions. Every function treats
 * zeros, infinities, NaN and denormals as IEEE 754 says, by selection instead of branches.
 */
import {
  type FloatLanes,
  f32x4,
  f64x2,
  i32x4,
  i64x2,
  int,
  type Scope,
  type Statement,
  type V128,
  v128,
  when,
} from "./assembler.ts";
import type { Runtime } from "./runtime.ts";

export class Float {
  readonly ops: FloatLanes<"f32"> | FloatLanes<"f64">;
  readonly isDouble: boolean;
  readonly #scope: Scope;
  readonly #statements: Statement[];
  readonly #runtime: Runtime;

  /** @param statements receives the code of intermediate values. */
  constructor(scope: Scope, statements: Statement[], isDouble: boolean, runtime: Runtime) {
    this.ops = isDouble ? f64x2 : f32x4;
    this.isDouble = isDouble;
    this.#scope = scope;
    this.#statements = statements;
    this.#runtime = runtime;
  }

  /** Computes `x` here and now; the result can be used many times. */
  let(x: V128): V128 {
    const local = this.#scope.local("v128");
    this.#statements.push(local.set(x));
    return local;
  }

  madd(a: V128, b: V128, c: V128): V128 {
    return this.#runtime.relaxed ? this.ops.relaxedMadd(a, b, c) : this.ops.add(this.ops.mul(a, b), c);
  }

  num(x: number): V128 {
    const address = Object.is(x, 0) ? 0 : this.#runtime.constant(x, this.isDouble);
    return address === 0 ? this.ops.const(x) : v128.splat[this.isDouble ? 8 : 4](int(address));
  }

  /** Bit pattern of a number, for integer arithmetic on patterns. */
  get bits(): { add: (a: V128, b: V128) => V128; shl: (a: V128) => V128; shrU: (a: V128) => V128 } {
    return this.isDouble
      ? { add: i64x2.add, shl: (a) => i64x2.shl(a, 52), shrU: (a) => i64x2.shrU(a, 52) }
      : { add: i32x4.add, shl: (a) => i32x4.shl(a, 23), shrU: (a) => i32x4.shrU(a, 23) };
  }

  /** c₀ + x (c₁ + x (c₂ + …)) */
  polynomial(x: V128, coefficients: readonly number[]): V128 {
    return coefficients
      .slice(0, -1)
      .reduceRight((sum, c) => this.madd(sum, x, this.num(c)), this.num(coefficients.at(-1)!));
  }

  /** `x`, but where the mask holds anywhere, there what `otherwise` gives. */
  amend(x: V128, mask: V128, otherwise: V128): V128 {
    const local = this.#scope.local("v128");
    this.#statements.push(local.set(x));
    this.#statements.push(when(v128.anyTrue(mask), local.set(v128.select(otherwise, local, mask))));
    return local;
  }

  /** The same for float64. */
  double(): Float {
    return this.isDouble ? this : new Float(this.#scope, this.#statements, true, this.#runtime);
  }

  copySign(x: V128, sign: V128): V128 {
    return v128.select(sign, x, this.num(-0));
  }
}

const taylor = (terms: number, from: number): number[] => {
  let factorial = 1;
  const all = Array.from({ length: terms + from }, (_, i) => {
    factorial *= Math.max(i, 1);
    return 1 / factorial;
  });
  return all.slice(from);
};

/** ln 2 in two parts, of which the first times any exponent is exact. */
const ln2 = {
  single: [0.693359375, -0.00021219444005469057],
  double: [0.6931471803691238, 1.9082149292705877e-10],
} as const;

/** x = n ln 2 + r + lost with |r| ≤ ln 2 / 2 and what rounding r lost, x being within the range of results. */
function reduce(f: Float, x: V128): { n: V128; r: V128; lost: V128 } {
  const [high, low] = f.isDouble ? ln2.double : ln2.single;
  const { ops } = f;
  const n = f.let(ops.nearest(ops.mul(x, f.num(Math.LOG2E))));
  const head = f.let(ops.sub(x, ops.mul(n, f.num(high))));
  const tail = f.let(ops.mul(n, f.num(low)));
  const r = f.let(ops.sub(head, tail));
  return { n, r, lost: ops.sub(ops.sub(head, r), tail) };
}

/** 2ⁿ for whole n between the exponents of normal numbers. */
function powerOfTwo(f: Float, n: V128): V128 {
  return f.bits.shl(f.ops.add(n, f.num(f.isDouble ? 2 ** 52 + 1023 : 2 ** 23 + 127)));
}

/** The exponential, times 2ˢᶜᵃˡᵉ, of x plus a small correction. */
export function exp(f: Float, x: V128, scale = 0, correction: V128 | null = null): V128 {
  const { ops } = f;
  const [low, high] = f.isDouble ? [-746, 711] : [-104, 90];
  const { n: whole, r, lost } = reduce(f, f.let(ops.pmax(ops.pmin(x, f.num(high)), f.num(low))));
  const n = scale === 0 ? whole : f.let(ops.add(whole, f.num(scale)));
  // 1 + (r + r²(…)): the rounding errors are those of the small terms.
  const small = f.let(ops.add(r, f.madd(ops.mul(r, r), f.polynomial(r, taylor(f.isDouble ? 12 : 6, 2)), lost)));
  let p = f.let(ops.add(f.num(1), small));
  if (correction !== null) p = f.let(ops.add(f.num(1), ops.add(small, ops.mul(p, correction))));
  // In two steps, so that denormal results and the largest are right.
  const half = f.let(ops.floor(ops.mul(n, f.num(0.5))));
  return ops.mul(ops.mul(p, powerOfTwo(f, half)), powerOfTwo(f, ops.sub(n, half)));
}

export function expm1(f: Float, given: V128): V128 {
  const { ops } = f;
  const x = f.let(given);
  const tiny = ops.lt(ops.abs(x), f.num(f.isDouble ? 2 ** -54 : 2 ** -25));
  const { n, r } = reduce(f, f.let(ops.pmax(ops.pmin(x, f.num(f.isDouble ? 710 : 89)), f.num(f.isDouble ? -60 : -40))));
  const q = f.madd(ops.mul(r, r), f.polynomial(r, taylor(f.isDouble ? 13 : 7, 2)), r);
  // 2ⁿ⁻¹, as 2ⁿ itself can overflow.
  const s = f.let(powerOfTwo(f, ops.sub(n, f.num(1))));
  const half = f.let(ops.add(ops.mul(q, s), ops.sub(s, f.num(0.5))));
  return pick(x, ops.add(half, half), tiny);
}

/** The first where the mask holds. */
const pick = (a: V128, b: V128, mask: V128): V128 => v128.select(a, b, mask);

/** x = 2ᵏ (1 + m), and log(1 + m) = m - half + rest. For positive, finite x. */
function splitLog(f: Float, x: V128): { k: V128; m: V128; half: V128; rest: V128 } {
  const { ops, bits } = f;
  const { k, m } = splitExponent(f, x, bits);
  const s = f.let(ops.div(m, ops.add(f.num(2), m)));
  const z = f.let(ops.mul(s, s));
  const half = f.let(ops.mul(f.num(0.5), ops.mul(m, m)));
  // fdlibm's coefficients of (log(1 + m) - 2s) / s in s².
  const r = ops.mul(z, f.polynomial(z, f.isDouble ? lgDouble : lgSingle));
  return { k, m, half, rest: ops.mul(s, ops.add(half, r)) };
}

/** x = 2ᵏ (1 + m) with √½ ≤ 1 + m < √2. */
function splitExponent(f: Float, x: V128, bits: Float["bits"]): { k: V128; m: V128 } {
  const { ops } = f;
  const [smallest, scale, shift] = f.isDouble ? [2 ** -1022, 2 ** 54, 54] : [2 ** -126, 2 ** 25, 25];
  const isSmall = f.let(ops.lt(x, f.num(smallest)));
  const normal = v128.select(ops.mul(x, f.num(scale)), x, isSmall);
  const mantissa = f.isDouble ? f.num((2 ** 52 - 1) * 2 ** -1074) : f.num((2 ** 23 - 1) * 2 ** -149);
  const b = f.let(bits.add(normal, f.num(f.isDouble ? distanceDouble : distanceSingle)));
  const biased = bits.shrU(b);
  const exponent = f.isDouble
    ? ops.sub(v128.or(biased, f.num(2 ** 52)), f.num(2 ** 52 + 1023))
    : ops.sub(f32x4.convert(biased), f.num(127));
  const k = f.let(ops.sub(exponent, v128.and(isSmall, f.num(shift))));
  const m = f.let(ops.sub(bits.add(v128.and(b, mantissa), f.num(Math.SQRT1_2)), f.num(1)));
  return { k, m };
}

/** What logarithms have in common outside the positive finite numbers. */
function logSpecials(f: Float, x: V128, value: V128): V128 {
  const { ops } = f;
  const positive = pick(x, value, ops.eq(x, f.num(Number.POSITIVE_INFINITY)));
  const atZero = pick(f.num(Number.NEGATIVE_INFINITY), positive, ops.eq(x, f.num(0)));
  return pick(atZero, f.num(Number.NaN), ops.ge(x, f.num(0)));
}

export function log(f: Float, given: V128): V128 {
  const { ops } = f;
  const x = f.let(given);
  const { k, m, half, rest } = splitLog(f, x);
  const [high, low] = f.isDouble ? ln2.double : ln2.single;
  const tail = f.let(ops.add(rest, ops.mul(k, f.num(low))));
  return logSpecials(f, x, ops.add(ops.sub(tail, ops.sub(half, m)), ops.mul(k, f.num(high))));
}

/** Differences between the bit patterns of 1 and √½, as the denormal numbers that have those patterns. */
const distanceSingle = (0x3f800000 - 0x3f3504f3) * 2 ** -149;
const distanceDouble = Number(0x3ff0000000000000n - 0x3fe6a09e667f3bcdn) * 2 ** -1074;
const lgSingle = [0.66666662693, 0.40000972152, 0.28498786688, 0.24279078841];
const lgDouble = [
  0.6666666666666735, 0.3999999999940942, 0.2857142874366239, 0.22222198432149784, 0.1818357216161805,
  0.15313837699209373, 0.14798198605116586,
];

/** log(1 + x) = log u + (x - (u - 1)) / u where u is 1 + x rounded. */
export function log1p(f: Float, given: V128): V128 {
  const { ops } = f;
  const x = f.let(given);
  const u = f.let(ops.add(f.num(1), x));
  const lost = f.let(ops.sub(x, ops.sub(u, f.num(1))));
  const usable = v128.and(ops.eq(lost, lost), ops.gt(u, f.num(0)));
  const main = f.let(log(f, u));
  const sum = ops.add(main, v128.and(ops.div(lost, u), usable));
  return pick(x, sum, ops.eq(u, f.num(1)));
}

/** e^2|x| - 1 over itself plus 2, with the sign of x. */
export function tanh(f: Float, given: V128): V128 {
  const { ops } = f;
  const x = f.let(given);
  const a = f.let(ops.pmin(ops.abs(x), f.num(f.isDouble ? 20 : 10)));
  const t = f.let(expm1(f, ops.add(a, a)));
  return f.copySign(ops.div(t, ops.add(t, f.num(2))), x);
}

/** 1 / (1 + e⁻ˣ), for negative x as eˣ / (1 + eˣ). */
export function sigmoid(f: Float, given: V128): V128 {
  const { ops } = f;
  const x = f.let(given);
  const e = f.let(exp(f, ops.neg(ops.abs(x))));
  const d = f.let(ops.add(f.num(1), e));
  const q = f.let(ops.div(e, d));
  // For small e, rounding 1 + e would be the largest error.
  const below = pick(ops.sub(e, ops.mul(e, q)), q, ops.lt(e, f.num(0.25)));
  return pick(below, ops.div(f.num(1), d), ops.lt(x, f.num(0)));
}

// The following are written for float64 alone; float32 passes through it.

/** Computes with float64 lanes, whatever the lanes of `f`. */
export function inDouble(f: Float, x: readonly V128[], compute: (f: Float, ...x: V128[]) => V128): V128 {
  const d = f.double();
  if (f.isDouble) return compute(f, ...x.map((v) => f.let(v)));
  const kept = x.map((v) => f.let(v));
  const upper = (v: V128): V128 => v128.shuffle(v, v, [8, 9, 10, 11, 12, 13, 14, 15, 0, 0, 0, 0, 0, 0, 0, 0]);
  const [low, high] = [(v: V128) => v, upper].map((half) => {
    const lanes = kept.map((v) => f.let(f64x2.promoteLow(half(v))));
    return f.let(f32x4.demote(compute(d, ...lanes)));
  }) as [V128, V128];
  return v128.shuffle(low, high, [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);
}

/** Without the lower half of the bits, so that products of two such are exact. */
const headMask = new Uint32Array([0, 0xffffffff, 0, 0xffffffff]);
const head = (f: Float, x: V128): V128 => f.let(v128.and(x, v128.const(headMask)));

export function exp2(f: Float, x: V128): V128 {
  const { ops } = f;
  const bounded = f.let(ops.pmax(ops.pmin(x, f.num(1025)), f.num(-1080)));
  const n = f.let(ops.nearest(bounded));
  const r = f.let(ops.mul(ops.sub(bounded, n), f.num(Math.LN2)));
  const p = f.let(ops.add(f.num(1), ops.add(r, ops.mul(ops.mul(r, r), f.polynomial(r, taylor(12, 2))))));
  const half = f.let(ops.floor(ops.mul(n, f.num(0.5))));
  return ops.mul(ops.mul(p, powerOfTwo(f, half)), powerOfTwo(f, ops.sub(n, half)));
}

/** k · unit + log(1 + m) · factor, units and factors in two parts. */
function scaledLog(f: Float, x: V128, factor: readonly [number, number], unit: readonly [number, number]): V128 {
  const { ops } = f;
  const { k, m, half, rest } = splitLog(f, x);
  const high = head(f, ops.sub(m, half));
  const low = f.let(ops.add(ops.sub(ops.sub(m, high), half), rest));
  const product = f.let(ops.mul(high, f.num(factor[0])));
  const small = ops.add(ops.mul(ops.add(low, high), f.num(factor[1])), ops.mul(low, f.num(factor[0])));
  const whole = f.let(ops.mul(k, f.num(unit[0])));
  const sum = f.let(ops.add(whole, product));
  const lost = ops.add(ops.sub(whole, sum), product);
  const value = ops.add(ops.add(ops.add(ops.mul(k, f.num(unit[1])), small), lost), sum);
  return logSpecials(f, x, value);
}
export const log2 = (f: Float, x: V128): V128 => scaledLog(f, x, [1.4426950407214463, 1.6751713164886512e-10], [1, 0]);
export const log10 = (f: Float, x: V128): V128 =>
  scaledLog(f, x, [0.4342944818781689, 2.5082946711645275e-11], [0.30102999566361177, 3.694239077158931e-13]);

/** Arguments up to here are reduced exactly enough for sine, cosine and tangent. */
export const largestAngle = 1_000_000;

/** π/2 in parts whose products with whole numbers up to 2²⁰ are exact, and the rest of each. */
const halfPi = [
  [1.5707963267341256, 6.077100506506192e-11],
  [6.077100506303966e-11, 2.0222662487959506e-21],
  [2.0222662487111665e-21, 8.4784276603689e-32],
] as const;
const sineSeries = [
  0.00833333333332249, -0.0001984126982985795, 2.7557313707070068e-6, -2.5050760253406863e-8, 1.58969099521155e-10,
];
const cosineSeries = [
  0.0416666666666666, -0.001388888888887411, 2.480158728947673e-5, -2.7557314351390663e-7, 2.087572321298175e-9,
  -1.1359647557788195e-11,
];

/** Two numbers that are to be added, the second much the smaller. */
interface Pair {
  readonly high: V128;
  readonly low: V128;
}
/** a + b and what rounding lost, |a| ≥ |b|. */
function quickSum(f: Float, a: V128, b: V128): Pair {
  const high = f.let(f.ops.add(a, b));
  return { high, low: f.let(f.ops.add(f.ops.sub(a, high), b)) };
}
/** a · b and what rounding lost (T. J. Dekker, 1971). */
function product(f: Float, a: V128, b: V128): Pair {
  const { ops } = f;
  const split = (x: V128): [V128, V128] => {
    const scaled = f.let(ops.mul(x, f.num(134217729)));
    const big = f.let(ops.sub(scaled, ops.sub(scaled, x)));
    return [big, f.let(ops.sub(x, big))];
  };
  const [[a0, a1], [b0, b1]] = [split(a), split(b)];
  const high = f.let(ops.mul(a, b));
  const error = ops.add(ops.sub(ops.mul(a0, b0), high), ops.add(ops.mul(a0, b1), ops.mul(a1, b0)));
  return { high, low: f.let(ops.add(error, ops.mul(a1, b1))) };
}
/** a / b for pairs. */
function quotient(f: Float, a: Pair, b: Pair): Pair {
  const { ops } = f;
  const q = f.let(ops.div(a.high, b.high));
  const p = product(f, q, b.high);
  const left = ops.sub(ops.add(ops.sub(ops.sub(a.high, p.high), p.low), a.low), ops.mul(q, b.low));
  return quickSum(f, q, ops.div(left, b.high));
}

/** Sine and cosine of x less the nearest multiple n of π/2, whether n is odd, and a sign bit where ⌊n / 2⌋ is. */
function circle(f: Float, x: V128): { sine: Pair; cosine: Pair; odd: V128; turned: V128 } {
  const { ops } = f;
  const n = f.let(ops.nearest(ops.mul(x, f.num(2 / Math.PI))));
  let rest = x;
  let lost = f.num(0);
  for (const [part, after] of halfPi) {
    const before = rest;
    const step = f.let(ops.mul(n, f.num(part)));
    rest = f.let(ops.sub(before, step));
    lost = f.let(ops.sub(ops.mul(n, f.num(after)), ops.sub(ops.sub(before, rest), step)));
  }
  const r = f.let(ops.sub(rest, lost));
  const tail = f.let(ops.sub(ops.sub(rest, r), lost));
  const z = f.let(ops.mul(r, r));
  const cube = f.let(ops.mul(z, r));
  const half = f.num(0.5);
  const bend = ops.sub(ops.mul(half, tail), ops.mul(cube, f.polynomial(z, sineSeries)));
  const small = ops.sub(ops.mul(cube, f.num(-0.16666666666666632)), ops.sub(ops.mul(z, bend), tail));
  const sine = quickSum(f, r, f.let(small));
  const drop = f.let(ops.mul(half, z));
  const w = f.let(ops.sub(f.num(1), drop));
  const lift = ops.sub(ops.mul(ops.mul(z, z), f.polynomial(z, cosineSeries)), ops.mul(r, tail));
  const cosine = quickSum(f, w, f.let(ops.add(ops.sub(ops.sub(f.num(1), w), drop), lift)));
  const isOdd = (v: V128): { odd: V128; floor: V128 } => {
    const h = f.let(ops.mul(v, half));
    const floor = f.let(ops.floor(h));
    return { odd: f.let(ops.ne(h, floor)), floor };
  };
  const { odd, floor } = isOdd(n);
  return { sine, cosine, odd, turned: f.let(v128.and(isOdd(floor).odd, f.num(-0))) };
}
const isTiny = (f: Float, x: V128): V128 => f.ops.lt(f.ops.abs(x), f.num(2 ** -27));

export function sin(f: Float, x: V128): V128 {
  const { sine, cosine, odd, turned } = circle(f, x);
  return pick(x, v128.xor(pick(cosine.high, sine.high, odd), turned), isTiny(f, x));
}
export function cos(f: Float, x: V128): V128 {
  const { sine, cosine, odd, turned } = circle(f, x);
  return v128.xor(pick(sine.high, cosine.high, odd), v128.xor(turned, v128.and(odd, f.num(-0))));
}
export function tan(f: Float, x: V128): V128 {
  const { sine, cosine, odd } = circle(f, x);
  const choice = (a: Pair, b: Pair): Pair => ({
    high: f.let(pick(a.high, b.high, odd)),
    low: f.let(pick(a.low, b.low, odd)),
  });
  const q = quotient(f, choice(cosine, sine), choice(sine, cosine)).high;
  return pick(x, v128.xor(q, v128.and(odd, f.num(-0))), isTiny(f, x));
}

const atanSeries = [
  0.3333333333333293, -0.19999999999876483, 0.14285714272503466, -0.11111110405462356, 0.09090887133436507,
  -0.0769187620504483, 0.06661073137387531, -0.058335701337905735, 0.049768779946159324, -0.036531572744216916,
  0.016285820115365782,
];

/** atan a + atan((|x| - a) / (1 + a |x|)) for the best a of 0, ½, 1, 3/2, ∞. */
export function atan(f: Float, x: V128): V128 {
  const { ops } = f;
  const a = f.let(ops.abs(x));
  const one = f.num(1);
  const steps: readonly [number, V128, V128, number, number][] = [
    [0.4375, a, one, 0, 0],
    [0.6875, ops.sub(ops.add(a, a), one), ops.add(f.num(2), a), 0.4636476090008061, 2.2698777452961687e-17],
    [1.1875, ops.sub(a, one), ops.add(a, one), 0.7853981633974483, 3.061616997868383e-17],
    [2.4375, ops.sub(a, f.num(1.5)), ops.add(one, ops.mul(f.num(1.5), a)), 0.982793723247329, 1.3903311031230998e-17],
  ];
  let [over, under, high, low] = [f.num(-1), a, f.num(Math.PI / 2), f.num(6.123233995736766e-17)];
  for (const [limit, p, q, angle, rest] of [...steps].reverse()) {
    const within = f.let(ops.lt(a, f.num(limit)));
    over = f.let(pick(p, over, within));
    under = f.let(pick(q, under, within));
    high = f.let(pick(f.num(angle), high, within));
    low = f.let(pick(f.num(rest), low, within));
  }
  const t = f.let(ops.div(over, under));
  const z = f.let(ops.mul(t, t));
  const s = ops.mul(z, f.polynomial(z, atanSeries));
  return f.copySign(ops.sub(high, ops.sub(ops.sub(ops.mul(t, s), low), t)), x);
}

export function sinh(f: Float, x: V128): V128 {
  const { ops } = f;
  const a = f.let(ops.abs(x));
  const t = f.let(expm1(f, ops.pmin(f.num(2), a)));
  const near = ops.mul(f.num(0.5), ops.sub(ops.add(t, t), ops.div(ops.mul(t, t), ops.add(t, f.num(1)))));
  const e = f.let(exp(f, a, -1));
  const far = ops.sub(e, ops.div(f.num(0.25), e));
  const value = pick(near, far, ops.lt(a, f.num(1)));
  return f.copySign(pick(a, value, isTiny(f, a)), x);
}
export function cosh(f: Float, x: V128): V128 {
  const { ops } = f;
  const e = f.let(exp(f, ops.abs(x), -1));
  return ops.add(e, ops.div(f.num(0.25), e));
}

/** fdlibm's rational approximations of erf and erfc, from the middle outwards. */
const rational = {
  middle: [
    [0.12837916709551256, -0.3250421072470015, -0.02848174957559851, -0.005770270296489442, -2.3763016656650163e-5],
    [1, 0.39791722395915535, 0.0650222499887673, 0.005081306281875766, 0.00013249473800432164, -3.960228278775368e-6],
  ],
  near: [
    [
      -0.0023621185607526594, 0.41485611868374833, -0.3722078760357013, 0.31834661990116175, -0.11089469428239668,
      0.035478304325618236, -0.002166375594868791,
    ],
    [
      1, 0.10642088040084423, 0.540397917702171, 0.07182865441419627, 0.12617121980876164, 0.01363708391202905,
      0.011984499846799107,
    ],
  ],
  far: [
    [
      -0.009864944034847148, -0.6938585727071818, -10.558626225323291, -62.375332450326006, -162.39666946257347,
      -184.60509290671104, -81.2874355063066, -9.814329344169145,
    ],
    [
      1, 19.651271667439257, 137.65775414351904, 434.56587747522923, 645.3872717332679, 429.00814002756783,
      108.63500554177944, 6.570249770319282, -0.0604244152148581,
    ],
  ],
  farther: [
    [
      -0.0098649429247001, -0.799283237680523, -17.757954917754752, -160.63638485582192, -637.5664433683896,
      -1025.0951316110772, -483.5191916086514,
    ],
    [
      1, 30.33806074348246, 325.7925129965739, 1536.729586084437, 3199.8582195085955, 2553.0504064331644,
      474.52854120695537, -22.44095244658582,
    ],
  ],
} as const;
const erfOfOne = 0.8450629115104675;

/** erf and erfc of |x|, and where which formula holds. */
function errorParts(f: Float, x: V128): { a: V128; small: V128; near: V128; tail: V128; inner: V128; middle: V128 } {
  const { ops } = f;
  const a = f.let(ops.pmin(f.num(40), ops.abs(x)));
  const ratio = (z: V128, [p, q]: readonly [readonly number[], readonly number[]]): V128 =>
    f.let(ops.div(f.polynomial(z, p), f.polynomial(z, q)));
  const inner = f.let(ops.lt(a, f.num(0.84375)));
  const middle = f.let(ops.lt(a, f.num(1.25)));
  const small = ratio(f.let(ops.mul(a, a)), rational.middle);
  const near = ratio(f.let(ops.sub(a, f.num(1))), rational.near);
  const b = f.let(ops.pmax(f.num(1.25), a));
  const s = f.let(ops.div(f.num(1), ops.mul(b, b)));
  const exponent = pick(ratio(s, rational.far), ratio(s, rational.farther), ops.lt(b, f.num(1 / 0.35)));
  const z = head(f, b);
  const first = exp(f, f.let(ops.sub(ops.neg(ops.mul(z, z)), f.num(0.5625))));
  const second = exp(f, f.let(ops.add(ops.mul(ops.sub(z, b), ops.add(z, b)), exponent)));
  return { a, small, near, tail: f.let(ops.div(ops.mul(first, second), b)), inner, middle };
}

export function erf(f: Float, x: V128): V128 {
  const { ops } = f;
  const { a, small, near, tail, inner, middle } = errorParts(f, x);
  const outer = pick(ops.add(f.num(erfOfOne), near), ops.sub(f.num(1), tail), middle);
  const value = pick(ops.add(a, ops.mul(a, small)), outer, inner);
  return f.copySign(pick(value, x, ops.eq(x, x)), x);
}

export function erfc(f: Float, x: V128): V128 {
  const { ops } = f;
  const { small, near, tail, inner, middle } = errorParts(f, x);
  const y = ops.mul(x, small);
  const half = f.num(0.5);
  const central = pick(
    ops.sub(f.num(1), ops.add(x, y)),
    ops.sub(half, ops.add(ops.sub(x, half), y)),
    ops.lt(x, f.num(0.25)),
  );
  const negative = f.let(ops.lt(x, f.num(0)));
  const one = pick(ops.add(f.num(1), ops.add(f.num(erfOfOne), near)), ops.sub(f.num(1 - erfOfOne), near), negative);
  const outer = pick(one, pick(ops.sub(f.num(2), tail), tail, negative), middle);
  return pick(pick(central, outer, inner), x, ops.eq(x, x));
}

/** log x to about 66 bits, x being positive and finite. */
function preciseLog(f: Float, x: V128): Pair {
  const { ops } = f;
  const { k, m } = splitExponent(f, x, f.bits);
  const sum = quickSum(f, f.num(2), m);
  const s = quotient(f, { high: m, low: f.num(0) }, sum);
  const square = product(f, s.high, s.high);
  const z = f.let(square.high);
  const zLow = f.let(ops.add(square.low, ops.mul(ops.add(s.high, s.high), s.low)));
  // log(1 + m) = 2s (1 + z/3 + z²/5 + …), z = s².
  const series = Array.from({ length: 11 }, (_, i) => 1 / (2 * i + 5));
  const q = f.let(ops.mul(z, f.polynomial(z, series)));
  const third = quickSum(f, f.num(1 / 3), ops.add(q, f.num(1.850371707708594e-17)));
  const term = product(f, z, third.high);
  const termLow = ops.add(term.low, ops.add(ops.mul(zLow, third.high), ops.mul(z, third.low)));
  const factor = quickSum(f, f.num(1), term.high);
  const low = f.let(ops.add(factor.low, termLow));
  const main = product(f, s.high, factor.high);
  const mainLow = ops.add(main.low, ops.add(ops.mul(s.high, low), ops.mul(s.low, factor.high)));
  const two = f.num(2);
  const part = quickSum(f, ops.mul(two, main.high), f.let(ops.mul(two, mainLow)));
  const [ln2High, ln2Low] = ln2.double;
  const whole = f.let(ops.mul(k, f.num(ln2High)));
  const total = f.let(ops.add(whole, part.high));
  // Either may be the larger (D. E. Knuth's sum).
  const back = f.let(ops.sub(total, whole));
  const lost = ops.add(ops.sub(whole, ops.sub(total, back)), ops.sub(part.high, back));
  return quickSum(f, total, f.let(ops.add(ops.add(lost, ops.mul(k, f.num(ln2Low))), part.low)));
}

/** @param precise whether float64 results are wanted, not results for float32. */
export function pow(f: Float, x: V128, y: V128, precise: boolean): V128 {
  const { ops } = f;
  const a = f.let(ops.abs(x));
  const bound = 2 ** 70;
  const exponent = f.let(ops.pmax(f.num(-bound), ops.pmin(f.num(bound), y)));
  let value: V128;
  if (precise) {
    const l = preciseLog(f, a);
    const p = product(f, l.high, exponent);
    const sum = quickSum(f, p.high, f.let(ops.add(p.low, ops.mul(l.low, exponent))));
    // Where the result overflows or vanishes, the low part may be anything.
    const matters = ops.lt(ops.abs(sum.high), f.num(800));
    value = exp(f, sum.high, 0, v128.and(sum.low, matters));
  } else value = exp(f, ops.mul(exponent, log(f, a)));
  const [zero, one, infinity, nan] = [f.num(0), f.num(1), f.num(Number.POSITIVE_INFINITY), f.num(Number.NaN)];
  const up = f.let(ops.gt(y, zero));
  const size = pick(
    pick(zero, infinity, up),
    pick(pick(infinity, zero, up), value, ops.eq(a, infinity)),
    ops.eq(a, zero),
  );
  const whole = f.let(ops.eq(ops.floor(y), y));
  const half = f.let(ops.mul(y, f.num(0.5)));
  const odd = v128.and(whole, ops.ne(ops.floor(half), half));
  const signed = v128.or(size, v128.and(v128.and(x, odd), f.num(-0)));
  const negative = v128.and(v128.and(ops.lt(x, zero), ops.lt(a, infinity)), v128.not(whole));
  const isNumber = v128.andNot(v128.and(ops.eq(x, x), ops.eq(y, y)), negative);
  const isOne = v128.or(ops.eq(y, zero), ops.eq(x, one));
  return pick(one, pick(signed, nan, isNumber), isOne);
}
