/**
 * Exponentials and what is made of them.
 *
 * x = n ln 2 + r with |r| ≤ ln 2 / 2, a polynomial for eʳ, and n added to the exponent. Adding a number so large that
 * only integers fit below it rounds to the nearest integer and leaves it in the low bits, which needs no conversion.
 */
import { bitwise, type Float, type Wide } from "./float.ts";

/** (eʳ - 1 - r) / r² for |r| ≤ ln 2 / 2. */
const single = [0.5, 0.16666542, 0.04166628, 0.008366641, 0.0013946528];
const double = [
  0.5, 0.16666666666666677, 0.0416666666666667, 0.008333333333321542, 0.0013888888888866603, 0.0001984126988637559,
  2.4801587360998186e-5, 2.755724393521326e-6, 2.7557242393935364e-7, 2.5109139767909788e-8, 2.0924553928038713e-9,
];

/** ln 2 in two parts, of which the first times any exponent is exact. */
const ln2 = {
  single: [0.693359375, -0.00021219444005469057],
  double: [0.6931471803691238, 1.9082149292705877e-10],
} as const;
export const ln2Parts = (f: Float): readonly [number, number] => (f.isDouble ? ln2.double : ln2.single);

/** The number that leaves integers in the low bits of what is added to it. */
const rounder = (f: Float): Wide => f.num(f.isDouble ? 1.5 * 2 ** 52 : 1.5 * 2 ** 23);

/** n = x · scale rounded, as a number and in the low bits. */
function whole(f: Float, x: Wide, scale: number): { n: Wide; low: Wide } {
  const low = f.let(scale === 1 ? f.ops.add(x, rounder(f)) : f.madd(x, f.num(scale), rounder(f)));
  return { n: f.let(f.ops.sub(low, rounder(f))), low };
}

/** x = n ln 2 + r, x being within the range of results. */
function reduce(f: Float, x: Wide): { n: Wide; r: Wide; low: Wide } {
  const [high, low] = ln2Parts(f);
  const { n, low: bits } = whole(f, x, Math.LOG2E);
  const head = f.let(f.nmadd(n, f.num(high), x));
  return { n, low: bits, r: f.let(f.nmadd(n, f.num(low), head)) };
}

const coefficients = (f: Float): readonly number[] => f.table(single, double);
const ofRest = (f: Float, r: Wide): Wide => f.polynomial(r, [1, 1, ...coefficients(f)]);

/** eˣ where neither x nor the result leaves the range of normal numbers. */
export function expWithin(f: Float, x: Wide): Wide {
  const { r, low } = reduce(f, x);
  return f.bits.add(ofRest(f, r), f.bits.shl(low));
}

/** p · 2ⁿ in two steps, so that denormal results and the largest are right. */
function scaled(f: Float, p: Wide, n: Wide): Wide {
  const { ops } = f;
  const half = f.let(ops.floor(ops.mul(n, f.num(0.5))));
  return ops.mul(ops.mul(p, f.powerOfTwo(half)), f.powerOfTwo(ops.sub(n, half)));
}

/** Where x is not between the bounds. NaN differs from itself. */
export const outside = (f: Float, x: Wide, low: number, high: number): Wide => {
  const above = f.ops.pmax(x, f.num(low));
  return f.ops.ne(f.ops.pmin(above, f.num(high)), x);
};

const clamp = (f: Float, x: Wide, low: number, high: number): Wide =>
  f.let(f.ops.pmax(f.ops.pmin(x, f.num(high)), f.num(low)));

export function exp(f: Float, x: Wide): Wide {
  return expUnless(f, x, outside(f, x, -normalLimit(f), normalLimit(f)));
}

/** The exponential of what is not positive. */
export function expOfNegative(f: Float, x: Wide): Wide {
  return expUnless(f, x, f.ops.ne(f.ops.pmax(x, f.num(-normalLimit(f))), x));
}

/** Exponentials of numbers up to here are normal. */
const normalLimit = (f: Float): number => (f.isDouble ? 708 : 87.25);

function expUnless(f: Float, x: Wide, isOutside: Wide): Wide {
  const [low, high] = f.isDouble ? [-746, 711] : [-104, 90];
  return f.amend([expWithin(f, x)], isOutside, () => {
    const { n, r } = reduce(f, clamp(f, x, low, high));
    return [scaled(f, ofRest(f, r), n)];
  })[0]!;
}

/** The exponential, times 2ˢᶜᵃˡᵉ, of x plus a small correction. */
export function expOfSum(f: Float, given: Wide, correction: Wide | null, scale = 0): Wide {
  const { ops } = f;
  const x = clamp(f, given, f.isDouble ? -746 : -104, f.isDouble ? 711 : 90);
  const { n, r } = reduce(f, x);
  const [high, low] = ln2Parts(f);
  // What rounding r has lost.
  const head = f.let(ops.sub(x, ops.mul(n, f.num(high))));
  const lost = f.let(ops.sub(ops.sub(head, r), ops.mul(n, f.num(low))));
  const known = correction === null ? lost : f.let(ops.add(lost, correction));
  const small = f.let(f.madd(f.let(ops.mul(r, r)), f.polynomial(r, coefficients(f)), r));
  const p = ops.add(f.num(1), f.let(f.madd(f.let(ops.add(f.num(1), small)), known, small)));
  return scaled(f, p, f.let(ops.add(n, f.num(scale))));
}

export function exp2(f: Float, x: Wide): Wide {
  const { ops } = f;
  const parts = (y: Wide): { p: Wide; n: Wide; low: Wide } => {
    const { n, low } = whole(f, y, 1);
    return { n, low, p: f.let(ofRest(f, f.let(ops.mul(ops.sub(y, n), f.num(Math.LN2))))) };
  };
  const { p, low } = parts(x);
  return f.amend(
    [f.bits.add(p, f.bits.shl(low))],
    outside(f, x, f.isDouble ? -1021.5 : -125.5, f.isDouble ? 1021.5 : 125.5),
    () => {
      const rest = parts(clamp(f, x, f.isDouble ? -1080 : -155, f.isDouble ? 1025 : 129));
      return [scaled(f, rest.p, rest.n)];
    },
  )[0]!;
}

export function expm1(f: Float, x: Wide): Wide {
  const { ops } = f;
  const tiny = ops.lt(ops.abs(x), f.num(f.isDouble ? 2 ** -54 : 2 ** -25));
  const { n, r } = reduce(f, clamp(f, x, f.isDouble ? -60 : -40, f.isDouble ? 710 : 89));
  const q = f.let(f.madd(f.let(ops.mul(r, r)), f.polynomial(r, coefficients(f)), r));
  // 2ⁿ⁻¹, as 2ⁿ itself can overflow.
  const s = f.let(f.powerOfTwo(ops.sub(n, f.num(1))));
  const half = f.let(f.madd(q, s, f.let(ops.sub(s, f.num(0.5)))));
  return f.pick(x, ops.add(half, half), tiny);
}

/** 1 / (1 + e⁻ˣ), for negative x as eˣ / (1 + eˣ): w - w · e / (1 + e) with w = 1 or e = e⁻|ˣ|. */
export function sigmoid(f: Float, x: Wide): Wide {
  const { ops } = f;
  const e = expOfNegative(f, f.let(bitwise.or(x, f.num(-0))));
  const q = f.let(ops.div(e, ops.add(e, f.num(1))));
  const w = f.let(f.pick(e, f.num(1), ops.lt(x, f.num(0))));
  return f.nmadd(w, q, w);
}

/** (tanh x / x - 1) / x² in x², for |x| ≤ 0.6. */
const tanhSingle = [-0.333333, 0.13331965, -0.053787213, 0.020807002, -0.005907602];
const tanhDouble = [
  -0.33333333333333326, 0.13333333333331873, -0.0539682539672698, 0.02186948850295876, -0.00886323487404294,
  0.0035921197766489283, -0.0014557648099779745, 0.0005896253526072071, -0.00023752177558574716, 9.250620318308959e-5,
  -3.119657804102456e-5, 6.511825809453315e-6,
];

/** A polynomial near 0, 1 - 2 / (e²ˣ + 1) beyond. */
export function tanh(f: Float, x: Wide): Wide {
  const { ops } = f;
  const a = f.let(ops.pmin(ops.abs(x), f.num(f.isDouble ? 20 : 10)));
  const d = f.let(ops.add(f.let(expWithin(f, f.let(ops.add(a, a)))), f.num(1)));
  const far = ops.sub(f.num(1), ops.div(f.num(2), d));
  const z = f.let(ops.mul(a, a));
  const near = f.madd(f.let(ops.mul(a, z)), f.polynomial(z, f.table(tanhSingle, tanhDouble)), a);
  return f.signed(f.pick(f.let(near), f.let(far), ops.lt(a, f.num(0.6))), x);
}

/** Written for float64. */
export function sinh(f: Float, x: Wide): Wide {
  const { ops } = f;
  const a = f.let(ops.abs(x));
  const t = f.let(expm1(f, f.let(ops.pmin(a, f.num(2)))));
  const near = ops.mul(f.num(0.5), ops.sub(ops.add(t, t), ops.div(ops.mul(t, t), ops.add(t, f.num(1)))));
  const e = f.let(expOfSum(f, a, null, -1));
  const far = ops.sub(e, ops.div(f.num(0.25), e));
  const value = f.pick(near, far, ops.lt(a, f.num(1)));
  return f.copySign(f.pick(a, value, ops.lt(a, f.num(2 ** -27))), x);
}

/** Written for float64. */
export function cosh(f: Float, x: Wide): Wide {
  const { ops } = f;
  const e = f.let(expOfSum(f, f.let(ops.abs(x)), null, -1));
  return ops.add(e, ops.div(f.num(0.25), e));
}
