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
  single: [0.693359375, -2.1219444005469057e-4],
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

export function exp(f: Float, x: V128): V128 {
  const { ops } = f;
  const [low, high] = f.isDouble ? [-746, 710] : [-104, 89];
  const { n, r, lost } = reduce(f, f.let(ops.pmax(ops.pmin(x, f.num(high)), f.num(low))));
  // 1 + (r + r²(…)): the rounding errors are those of the small terms.
  const small = ops.add(r, f.madd(ops.mul(r, r), f.polynomial(r, taylor(f.isDouble ? 12 : 6, 2)), lost));
  const p = f.let(ops.add(f.num(1), small));
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

export function log(f: Float, given: V128): V128 {
  const { ops, bits } = f;
  const x = f.let(given);
  const [smallest, scale, shift] = f.isDouble ? [2 ** -1022, 2 ** 54, 54] : [2 ** -126, 2 ** 25, 25];
  const isSmall = f.let(ops.lt(x, f.num(smallest)));
  const normal = v128.select(ops.mul(x, f.num(scale)), x, isSmall);
  const root = f.num(Math.SQRT1_2);
  const one = f.num(1);
  const mantissa = f.isDouble ? f.num((2 ** 52 - 1) * 2 ** -1074) : f.num((2 ** 23 - 1) * 2 ** -149);
  const b = f.let(bits.add(normal, f.num(f.isDouble ? distanceDouble : distanceSingle)));
  const biased = bits.shrU(b);
  const exponent = f.isDouble
    ? ops.sub(v128.or(biased, f.num(2 ** 52)), f.num(2 ** 52 + 1023))
    : ops.sub(f32x4.convert(biased), f.num(127));
  const k = f.let(ops.sub(exponent, v128.and(isSmall, f.num(shift))));
  const m = f.let(ops.sub(bits.add(v128.and(b, mantissa), root), one));
  const s = f.let(ops.div(m, ops.add(f.num(2), m)));
  const z = f.let(ops.mul(s, s));
  const half = f.let(ops.mul(f.num(0.5), ops.mul(m, m)));
  // fdlibm's coefficients of (log(1 + m) - 2s) / s in s².
  const r = ops.mul(z, f.polynomial(z, f.isDouble ? lgDouble : lgSingle));
  const [high, low] = f.isDouble ? ln2.double : ln2.single;
  const tail = f.let(ops.add(ops.mul(s, ops.add(half, r)), ops.mul(k, f.num(low))));
  const value = ops.add(ops.sub(tail, ops.sub(half, m)), ops.mul(k, f.num(high)));
  const positive = pick(x, value, ops.eq(x, f.num(Number.POSITIVE_INFINITY)));
  const atZero = pick(f.num(Number.NEGATIVE_INFINITY), positive, ops.eq(x, f.num(0)));
  return pick(atZero, f.num(Number.NaN), ops.ge(x, f.num(0)));
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
