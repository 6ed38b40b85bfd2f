/**
 * Sine, cosine, tangent and their inverses.
 *
 * Angles are reduced to a quarter turn: up to a million by subtracting multiples of π/2 in parts that make products
 * exact (W. J. Cody, W. Waite, 1980), beyond by multiplying with as many digits of 2/π as it takes (M. H. Payne,
 * R. N. Hanek, 1983).
 */
import { f64x2, i32, i32x4, int, v128 } from "../assembler.ts";
import { bitwise, doubleWords, type Float, type Pair, type Wide } from "./float.ts";

/** Angles up to here are reduced exactly enough by the first method. */
const largestAngle = 1_000_000;

/** π/2 in parts whose products with whole numbers up to 2²⁰ are exact, and the rest of each. */
const halfPi = [
  [1.5707963267341256, 6.077100506506192e-11],
  [6.077100506303966e-11, 2.0222662487959506e-21],
  [2.0222662487111665e-21, 8.4784276603689e-32],
] as const;
const halfPiPair = [Math.PI / 2, 6.123233995736766e-17] as const;
/** What π/2 exceeds its rounding by. */
const halfPiRest = (f: Float): Wide => f.num(f.isDouble ? halfPiPair[1] : -4.371139e-8);

/** Leaves whole numbers in the low bits of what is added to it. */
const rounder = 1.5 * 2 ** 52;

/** Bits of one entry of the table below. */
const chunk = 24;
/** Entries that decide about one angle. */
const window = 9;

/** 2/π in pieces of 24 bits, as whole numbers. */
function inverseHalfPi(): number[] {
  const bits = 1400n;
  const arctanOfInverse = (n: bigint): bigint => {
    let sum = 0n;
    for (let power = (1n << bits) / n, k = 1n, sign = 1n; power > 0n; power /= n * n, k += 2n, sign = -sign) {
      sum += (sign * power) / k;
    }
    return sum;
  };
  // J. Machin, 1706.
  const pi = 4n * (4n * arctanOfInverse(5n) - arctanOfInverse(239n));
  const inverse = (2n << (2n * bits)) / pi;
  return Array.from({ length: 52 }, (_, j) => Number((inverse >> (bits - BigInt(chunk * (j + 1)))) & 0xffffffn));
}

/** Less the nearest multiple n of π/2, as n, the rest and what rounding that has lost. */
function reduceHuge(f: Float, x: Wide): readonly Wide[] {
  const { ops, site } = f;
  const table = site.runtime.table("2/pi", inverseHalfPi);
  const a = f.let(ops.abs(x));
  const bounded = f.let(ops.pmin(f.num(Number.MAX_VALUE), a));
  // x = M · 2ˢ for a whole number M; entries whose products are multiples of 4 are left out.
  const exponent = ops.sub(bitwise.or(doubleWords.shrU(bounded, 52), f.num(2 ** 52)), f.num(2 ** 52 + 1075));
  const first = f.let(ops.pmax(f.num(0), ops.floor(ops.mul(ops.sub(exponent, f.num(2)), f.num(1 / chunk)))));
  const scaled = f.let(ops.mul(bounded, f.powerOfTwo(ops.mul(first, f.num(-chunk)))));
  const big = f.head(scaled);
  const small = f.let(ops.sub(scaled, big));
  const at = [0, 1].map((lane) => {
    const address = site.scope.local("i32");
    const index = i32x4.extract(i32x4.truncF64(first[0]!), lane);
    site.statements.push(address.set(i32.add(i32.shl(index, 3), int(table))));
    return address;
  });
  let [high, low]: Wide[] = [f.num(0), f.num(0)];
  let n = f.num(0);
  for (let k = 0; k < window; k++) {
    const entry = v128.loadLane[8](1, at[1]!, v128.splat[8](at[0]!, 8 * k), 8 * k);
    const digits = f.let([f64x2.mul(entry, f64x2.const(2 ** (-chunk * (k + 1))))]);
    for (const part of [big, small]) {
      let term = f.let(ops.mul(part, digits));
      if (k < 4) term = f.let(ops.sub(term, ops.mul(f.num(4), ops.nearest(ops.mul(term, f.num(0.25))))));
      const sum = f.sum(high!, term);
      const next = f.quickSum(sum.high, f.let(ops.add(sum.low, low!)));
      [high, low] = [next.high, next.low];
    }
    if (k === 3) {
      n = f.let(ops.nearest(high!));
      high = f.let(ops.sub(high!, n));
    }
  }
  // In radians, with the sign of x; infinities and NaN are NaN.
  const product = f.product(high!, f.num(halfPiPair[0]));
  const rest = f.madd(high!, f.num(halfPiPair[1]), ops.mul(low!, f.num(halfPiPair[0])));
  const r = f.quickSum(product.high, f.let(ops.add(product.low, rest)));
  const turn = f.let(bitwise.and(x, f.num(-0)));
  const undefinedAngle = f.let(ops.sub(x, x));
  return [bitwise.xor(n, turn), ops.add(bitwise.xor(r.high, turn), undefinedAngle), bitwise.xor(r.low, turn)];
}

/** x = n π/2 + r + tail. */
function reduce(f: Float, x: Wide): readonly Wide[] {
  const { ops } = f;
  const n = f.let(ops.sub(f.madd(x, f.num(2 / Math.PI), f.num(rounder)), f.num(rounder)));
  let near: readonly Wide[];
  if (f.precise) {
    let rest = x;
    let lost = f.num(0);
    for (const [part, after] of halfPi) {
      const before = rest;
      const step = f.let(ops.mul(n, f.num(part)));
      rest = f.let(ops.sub(before, step));
      lost = f.let(ops.sub(ops.mul(n, f.num(after)), ops.sub(ops.sub(before, rest), step)));
    }
    const r = f.let(ops.sub(rest, lost));
    near = [n, r, ops.sub(ops.sub(rest, r), lost)];
  } else near = [n, f.nmadd(n, f.num(halfPi[0][1]), f.let(f.nmadd(n, f.num(halfPi[0][0]), x)))];
  return f.amend(near, bitwise.not(ops.le(ops.abs(x), f.num(largestAngle))), () =>
    f.call("reduceAngle", 3, [x], reduceHuge).slice(0, near.length),
  );
}

/** (sin r / r - 1) / r² and (cos r - 1 + r²/2) / r⁴ in r². */
const sineSeries = {
  single: [-0.16666666641568784, 0.008333329374203412, -0.00019839330153505568, 2.7182610286221935e-6],
  double: [
    -0.16666666666666632, 0.00833333333332249, -0.0001984126982985795, 2.7557313707070068e-6, -2.5050760253406863e-8,
    1.58969099521155e-10,
  ],
};
const cosineSeries = {
  single: [0.041666666623015644, -0.0013888883760242495, 2.4799520119654663e-5, -2.721014446481726e-7],
  double: [
    0.0416666666666666, -0.001388888888887411, 2.480158728947673e-5, -2.7557314351390663e-7, 2.087572321298175e-9,
    -1.1359647557788195e-11,
  ],
};

interface Circle {
  readonly sine: Pair;
  readonly cosine: Pair;
  /** Whether the number of quarter turns is odd, and a sign bit where its half is. */
  readonly odd: Wide;
  readonly turned: Wide;
}

/** Sine and cosine of what is left of x, and where on the circle that is. */
function circle(f: Float, x: Wide): Circle {
  const { ops } = f;
  const [n, r, tail] = reduce(f, x) as [Wide, Wide, Wide];
  const z = f.let(ops.mul(r, r));
  const sineTerms = f.polynomial(z, f.table(sineSeries.single, sineSeries.double));
  const cosineTerms = f.polynomial(z, f.table(cosineSeries.single, cosineSeries.double));
  const drop = f.let(ops.mul(f.num(0.5), z));
  const w = f.let(ops.sub(f.num(1), drop));
  let sine: Pair;
  let cosine: Pair;
  if (f.precise) {
    const small = f.madd(ops.mul(r, z), sineTerms, f.nmadd(drop, tail, tail));
    sine = f.quickSum(r, f.let(small));
    const lift = f.nmadd(r, tail, ops.mul(f.let(ops.mul(z, z)), cosineTerms));
    cosine = f.quickSum(w, f.let(ops.add(ops.sub(ops.sub(f.num(1), w), drop), lift)));
  } else {
    const none = f.num(0);
    sine = { high: f.let(ops.mul(r, f.madd(z, sineTerms, f.num(1)))), low: none };
    cosine = { high: f.let(f.madd(f.let(ops.mul(z, z)), cosineTerms, w)), low: none };
  }
  const half = f.let(ops.mul(f.num(0.5), n));
  // The second bit of n, from where adding leaves it.
  const turned = bitwise.and(doubleWords.shl(ops.add(n, f.num(rounder)), 62), f.num(-0));
  return { sine, cosine, odd: f.let(ops.ne(half, ops.floor(half))), turned: f.let(turned) };
}

/** What is its own sine and tangent. */
const keepTiny = (f: Float, x: Wide, value: Wide): Wide =>
  f.precise ? f.pick(x, f.let(value), f.ops.lt(f.ops.abs(x), f.num(2 ** -27))) : value;

export function sin(f: Float, x: Wide): Wide {
  const { sine, cosine, odd, turned } = circle(f, x);
  return keepTiny(f, x, bitwise.xor(f.pick(cosine.high, sine.high, odd), turned));
}

export function cos(f: Float, x: Wide): Wide {
  const { sine, cosine, odd, turned } = circle(f, x);
  return bitwise.xor(f.pick(sine.high, cosine.high, odd), bitwise.xor(turned, bitwise.and(odd, f.num(-0))));
}

export function tan(f: Float, x: Wide): Wide {
  const { sine, cosine, odd } = circle(f, x);
  const choice = (a: Pair, b: Pair): Pair => ({
    high: f.let(f.pick(a.high, b.high, odd)),
    low: f.let(f.pick(a.low, b.low, odd)),
  });
  const [over, under] = [choice(cosine, sine), choice(sine, cosine)];
  const q = f.precise ? f.quotient(over, under).high : f.ops.div(over.high, under.high);
  return keepTiny(f, x, bitwise.xor(q, bitwise.and(odd, f.num(-0))));
}

/** (atan t / t - 1) / t² in t², for |t| ≤ 1 in float32 and 7/16 in float64. */
const atanSeries = {
  single: [
    -0.33333302, 0.19998582, -0.14264551, 0.1095366, -0.08407445, 0.058021832, -0.03123856, 0.010945756, -0.0018003167,
  ],
  double: [
    -0.3333333333333295, 0.19999999999879345, -0.14285714272704858, 0.11111110412781204, -0.0909088729012726,
    0.07691878312470352, -0.06661091432068766, 0.05833672426890075, -0.049772333422593906, 0.03653853872941118,
    -0.016291697229563876,
  ],
};

/** Up to which ratio a/b to subtract the angle of which tangent: atan a/b = atan c + atan (a - cb) / (b + ca). */
const steps = {
  single: [[1, 0]],
  double: [
    [0.4375, 0],
    [0.6875, 0.5],
    [1.1875, 1],
    [2.4375, 1.5],
  ],
} as const;
/** What the angles' roundings have lost. */
const atanLost: Readonly<Record<number, number>> = {
  0.5: 2.2698777452961687e-17,
  1: 3.061616997868383e-17,
  1.5: 1.3903311031230998e-17,
};

/** The angle in [0, π/2] whose tangent is a / b, of numbers that are not negative and not both zero or infinite. */
function angleOf(f: Float, a: Wide, b: Wide): Pair {
  const { ops } = f;
  // Beyond all limits: less a right angle.
  let [over, under]: Wide[] = [f.let(ops.neg(b)), a];
  let [high, low]: Wide[] = [f.num(halfPiPair[0]), halfPiRest(f)];
  for (const [limit, c] of f.table<readonly (readonly [number, number])[]>(steps.single, steps.double).toReversed()) {
    const within = f.let(ops.lt(a, limit === 1 ? b : f.let(ops.mul(b, f.num(limit)))));
    const p = c === 0 ? a : ops.sub(a, c === 1 ? b : f.let(ops.mul(b, f.num(c))));
    const q = c === 0 ? b : ops.add(b, c === 1 ? a : f.let(ops.mul(a, f.num(c))));
    over = f.let(f.pick(f.let(p), over!, within));
    under = f.let(f.pick(f.let(q), under!, within));
    high = f.let(f.pick(f.num(Math.atan(c)), high!, within));
    low = f.let(f.pick(f.num(atanLost[c] ?? 0), low!, within));
  }
  const t = f.let(ops.div(over!, under!));
  const z = f.let(ops.mul(t, t));
  const bend = f.madd(f.let(ops.mul(t, z)), f.polynomial(z, f.table(atanSeries.single, atanSeries.double)), low!);
  return { high: high!, low: f.let(ops.add(bend, t)) };
}

export function atan(f: Float, x: Wide): Wide {
  const a = f.let(f.ops.abs(x));
  const { high, low } = angleOf(f, a, f.num(1));
  return f.copySign(f.ops.add(high, low), x);
}

/** Written for float64. */
export function atan2(f: Float, y: Wide, x: Wide): Wide {
  const { ops } = f;
  let [a, b]: Wide[] = [f.let(ops.abs(y)), f.let(ops.abs(x))];
  const largest = f.let(ops.max(a!, b!));
  // Two infinities are as far as each other, two zeros along the axis; others keep away from the ends of the range.
  const infinity = f.num(Number.POSITIVE_INFINITY);
  const scale = f.let(
    f.pick(
      f.num(2 ** -4),
      f.let(f.pick(f.num(2 ** 200), f.num(1), ops.lt(largest, f.num(2 ** -800)))),
      ops.gt(largest, f.num(2 ** 1000)),
    ),
  );
  const both = f.let(bitwise.and(ops.eq(a!, infinity), ops.eq(b!, infinity)));
  const none = f.let(ops.eq(largest, f.num(0)));
  a = f.let(f.pick(f.num(1), f.let(ops.mul(a!, scale)), both));
  b = f.let(f.pick(f.num(1), f.let(ops.mul(b!, scale)), bitwise.or(both, none)));
  const { high, low } = angleOf(f, a, b);
  const isBehind = f.let(doubleWords.lt(x, f.num(0)));
  const behind = ops.sub(f.num(Math.PI), ops.sub(high, ops.sub(f.num(2 * halfPiPair[1]), low)));
  const angle = f.let(f.pick(f.let(behind), f.let(ops.add(high, low)), isBehind));
  const isNumber = bitwise.and(ops.eq(x, x), ops.eq(y, y));
  return f.copySign(f.pick(angle, f.num(Number.NaN), f.let(isNumber)), y);
}

/** (asin t / t - 1) / t² in t², for |t| ≤ ½. */
const asinSeries = {
  single: [0.16666754, 0.07495268, 0.045474306, 0.024159763, 0.0421999],
  double: [
    0.16666666666666757, 0.07499999999971547, 0.04464285717411402, 0.03038194272510121, 0.02237221462740863,
    0.017351616815365054, 0.013980778108289025, 0.011399163263291464, 0.010779274267504585, 0.0037087954905070403,
    0.021704254548337555, -0.020997618921739562, 0.032629335412157796,
  ],
};

/** asin |x| for |x| ≤ ½, else asin √((1 - |x|) / 2), which is half the angle from there to a right one. */
function arcsine(f: Float, x: Wide): { t: Wide; bend: Wide; isFar: Wide } {
  const { ops } = f;
  const a = f.let(ops.abs(x));
  const isFar = f.let(ops.gt(a, f.num(0.5)));
  const z = f.let(f.pick(ops.mul(f.num(0.5), ops.sub(f.num(1), a)), ops.mul(a, a), isFar));
  const t = f.let(f.pick(ops.sqrt(z), a, isFar));
  return {
    t,
    isFar,
    bend: f.let(ops.mul(f.let(ops.mul(t, z)), f.polynomial(z, f.table(asinSeries.single, asinSeries.double)))),
  };
}

export function asin(f: Float, x: Wide): Wide {
  const { ops } = f;
  const { t, bend, isFar } = arcsine(f, x);
  const near = ops.add(t, bend);
  const far = ops.sub(ops.sub(f.num(halfPiPair[0]), ops.add(t, t)), ops.sub(ops.add(bend, bend), halfPiRest(f)));
  return f.copySign(f.pick(f.let(far), f.let(near), isFar), x);
}

export function acos(f: Float, x: Wide): Wide {
  const { ops } = f;
  const { t, bend, isFar } = arcsine(f, x);
  const near = f.let(ops.add(t, bend));
  const isNegative = f.let(ops.lt(x, f.num(0)));
  const [right, rest] = [f.num(halfPiPair[0]), halfPiRest(f)];
  const signed = f.let(f.pick(ops.neg(near), near, isNegative));
  const central = ops.sub(right, ops.sub(signed, rest));
  const twice = f.let(ops.add(near, near));
  const both = ops.sub(bend, rest);
  const back = ops.sub(ops.sub(ops.add(right, right), ops.add(t, t)), ops.add(both, both));
  return f.pick(f.let(f.pick(f.let(back), twice, isNegative)), f.let(central), isFar);
}
