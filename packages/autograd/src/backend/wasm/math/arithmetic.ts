/** Roots, remainders and the arithmetic of integers, as far as processors have no instruction for it. */
import { f64x2, i32, i32x4, type Local, repeat, type V128, v128, whileLoop } from "../assembler.ts";
import { bitwise, doubleWords, Float, upperHalf, type Wide, words } from "./float.ts";

/** ∛m for 1 ≤ m ≤ 8, to three digits. */
const rootSeries = [
  0.6272997489087951, 0.44918540567574433, -0.08377100706258665, 0.009583073357986402, -0.00043205580284439853,
];

/** Written for float64. Starts from a polynomial; each step triples the digits (E. Halley, 1694). */
export function cbrt(f: Float, x: Wide): Wide {
  const { ops } = f;
  const given = f.let(ops.abs(x));
  const isSmall = f.let(ops.lt(given, f.num(2 ** -1022)));
  const a = f.let(f.pick(ops.mul(given, f.num(2 ** 54)), given, isSmall));
  const exponent = ops.sub(bitwise.or(doubleWords.shrU(a, 52), f.num(2 ** 52)), f.num(2 ** 52 + 1023));
  const e = f.let(exponent);
  const q = f.let(ops.floor(ops.mul(f.let(ops.add(e, f.num(0.5))), f.num(1 / 3))));
  // 1 ≤ m < 8
  const rest = f.powerOfTwo(f.nmadd(q, f.num(3), e));
  const mantissa = bitwise.or(bitwise.and(a, f.num((2 ** 52 - 1) * 2 ** -1074)), f.num(1));
  const m = f.let(ops.mul(mantissa, rest));
  let y: Wide = f.let(f.polynomial(m, rootSeries));
  for (let k = 0; k < 2; k++) {
    const cube = f.let(ops.mul(y, ops.mul(y, y)));
    const under = ops.add(ops.add(cube, cube), m);
    y = f.let(f.nmadd(y, f.let(ops.div(ops.sub(cube, m), under)), y));
  }
  const scale = f.powerOfTwo(f.let(ops.sub(q, bitwise.and(isSmall, f.num(18)))));
  const normal = bitwise.and(ops.gt(given, f.num(0)), ops.lt(given, f.num(Number.POSITIVE_INFINITY)));
  return f.pick(f.let(f.copySign(ops.mul(y, scale), x)), x, normal);
}

/** √(x² + y²), written for float64. */
export function hypot(f: Float, x: Wide, y: Wide): Wide {
  const { ops } = f;
  const [a, b] = [f.let(ops.abs(x)), f.let(ops.abs(y))];
  const infinity = f.num(Number.POSITIVE_INFINITY);
  const root = (p: Wide, q: Wide): Wide => ops.sqrt(f.madd(p, p, f.let(ops.mul(q, q))));
  if (!f.precise) return f.pick(infinity, root(a, b), bitwise.or(ops.eq(a, infinity), ops.eq(b, infinity)));
  const largest = f.let(ops.pmax(a, b));
  const [isLarge, isSmall] = [f.let(ops.gt(largest, f.num(2 ** 500))), f.let(ops.lt(largest, f.num(2 ** -400)))];
  const scaleBy = (large: number, small: number): Wide =>
    f.let(f.pick(f.num(large), f.let(f.pick(f.num(small), f.num(1), isSmall)), isLarge));
  const [down, up] = [scaleBy(2 ** -600, 2 ** 600), scaleBy(2 ** 600, 2 ** -600)];
  const value = f.let(ops.mul(root(f.let(ops.mul(a, down)), f.let(ops.mul(b, down))), up));
  return f.pick(infinity, value, bitwise.or(ops.eq(a, infinity), ops.eq(b, infinity)));
}

/** What is left of a ≥ 0 after taking away b > 0 as often as it goes, exactly. */
function modulo(f: Float, a: Wide, b: Wide): Wide {
  const { ops, site } = f;
  const [rest] = f.let(a) as [ReturnType<Float["let"]>[0]];
  const [going] = f.let(ops.ge(a, b)) as [ReturnType<Float["let"]>[0]];
  const outer = site.statements;
  site.statements = [];
  const r = [rest];
  // Where the quotient could overflow, it is that by a multiple of b.
  let unit = b;
  for (let k = 0; k < 2; k++) {
    const isFar = f.let(ops.gt(ops.abs(ops.div(r, unit)), f.num(2 ** 1000)));
    unit = f.let(f.pick(ops.mul(unit, f.num(2 ** 1000)), unit, isFar));
  }
  const big = f.head(unit);
  const small = f.let(ops.sub(unit, big));
  // With few enough bits to make the products exact. Rounding up leaves a little less than nothing.
  const q = f.let(ops.trunc(f.head(ops.div(r, unit))));
  const left = f.let(ops.sub(ops.sub(r, ops.mul(q, big)), ops.mul(q, small)));
  const body = [
    ...site.statements,
    rest.set(v128.select(left[0]!, rest, going)),
    going.set(f64x2.ge(f64x2.abs(rest), b[0]!)),
  ];
  site.statements = outer;
  outer.push(repeat(v128.anyTrue(going), ...body));
  return f.let(f.pick(ops.add(r, b), r, ops.lt(r, f.num(0))));
}

/** x - ⌊x / y⌋ y with the sign of y, written for float64. */
export function remainder(f: Float, x: Wide, y: Wide): Wide {
  const { ops } = f;
  const exact = (): Wide =>
    f.call("remainder", 1, [x, y], (g, p, q) => {
      const [a, b] = [g.let(g.ops.abs(p)), g.let(g.ops.abs(q))];
      const infinity = g.num(Number.POSITIVE_INFINITY);
      const valid = g.let(bitwise.and(bitwise.and(g.ops.lt(a, infinity), g.ops.gt(b, g.num(0))), g.ops.eq(q, q)));
      const m = modulo(g, g.let(bitwise.and(a, valid)), g.let(g.pick(b, g.num(1), valid)));
      const signed = g.let(bitwise.xor(m, bitwise.and(p, g.num(-0))));
      const differ = bitwise.xor(g.ops.lt(p, g.num(0)), g.ops.lt(q, g.num(0)));
      const crossing = bitwise.andNot(differ, g.ops.eq(m, g.num(0)));
      const value = g.let(g.ops.add(signed, bitwise.and(q, crossing)));
      const zeroed = g.let(g.copySign(g.num(0), q));
      return [g.pick(g.let(g.pick(zeroed, value, g.ops.eq(value, g.num(0)))), g.num(Number.NaN), valid)];
    })[0]!;
  if (f.precise) return exact();
  // For float32 quotients up to 2²⁹ have exact products.
  const q = f.let(ops.floor(ops.div(x, y)));
  const r = f.let(f.nmadd(q, y, x));
  const value = f.pick(f.copySign(f.num(0), y), r, ops.eq(r, f.num(0)));
  const usable = bitwise.and(ops.lt(ops.abs(q), f.num(2 ** 29)), ops.lt(ops.abs(y), f.num(Number.POSITIVE_INFINITY)));
  return f.amend([value], bitwise.not(usable), () => [exact()])[0]!;
}

/** The lower words of four float64 lanes. */
const lowWords = (a: V128, b: V128): V128 =>
  v128.shuffle(a, b, [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27]);
const pairs = (x: Wide): Wide => Array.from({ length: x.length / 2 }, (_, i) => lowWords(x[2 * i]!, x[2 * i + 1]!));

/** Whole float64 numbers below 2⁵¹ with their value modulo 2³² in the lower words. */
const inLowWord = (f: Float, x: Wide): Wide => f.let(f.ops.add(x, f.num(1.5 * 2 ** 52)));

/** float64 numbers truncated, modulo 2³², in the lower words; what is not finite is 0. */
function modulo32(f: Float, x: Wide): Wide {
  const { ops } = f;
  const t = f.let(ops.trunc(x));
  const w = f.let(ops.sub(t, ops.mul(ops.trunc(ops.mul(t, f.num(2 ** -32))), f.num(2 ** 32))));
  return inLowWord(f, bitwise.and(w, ops.eq(w, w)));
}

/** Numbers as int32: truncated, then wrapped as typed arrays do. Float64 lanes give two. */
export function toInteger(f: Float, x: Wide): Wide {
  if (f.isDouble) return modulo32(f, x).map((v) => lowWords(v, v));
  const { ops } = f;
  const fits = ops.lt(ops.abs(x), f.num(2 ** 31));
  return f.amend([words.truncF32(x)], bitwise.not(fits), () => {
    const d = f.double();
    return [pairs(modulo32(d, f.halves(x)))];
  })[0]!;
}

/** Quotients of int32, truncated, or what is left of those rounded down; 0 where the divisor is. */
export function divideIntegers(f: Float, x: Wide, y: Wide, wanted: "quotient" | "remainder"): Wide {
  const d = new Float(f.site, true, 2 * f.count);
  const halves = (v: Wide): Wide =>
    d.let(v.flatMap((a) => [f64x2.convertLow(a), f64x2.convertLow(v128.shuffle(a, a, upperHalf))]));
  const [a, b] = [halves(f.let(x)), halves(f.let(y))];
  const q = d.ops.div(a, b);
  const value = wanted === "quotient" ? d.ops.trunc(q) : d.ops.sub(a, d.ops.mul(d.let(d.ops.floor(q)), b));
  return pairs(inLowWord(d, bitwise.and(value, d.ops.ne(b, d.num(0)))));
}

/** int32 powers by squaring, wrapping; negative exponents truncate towards zero. */
export function integerPower(f: Float, x: Wide, y: Wide): Wide {
  return f.call("integerPower", 1, [x, y], (g, p, q) => {
    const [base, n, result] = g.let([p[0]!, q[0]!, i32x4.const(1)]) as [Local<"v128">, Local<"v128">, Local<"v128">];
    const [zero, one] = [i32x4.const(0), i32x4.const(1)];
    const odd = (v: V128): V128 => i32x4.eq(v128.and(v, one), one);
    g.site.statements.push(
      n.set(i32x4.max(n, zero)),
      whileLoop(
        v128.anyTrue(n),
        result.set(v128.select(i32x4.mul(result, base), result, odd(n))),
        base.set(i32x4.mul(base, base)),
        n.set(i32x4.shr(n, 1)),
      ),
    );
    // 1 or -1 stay, or become 1; others vanish.
    const isUnit = i32x4.eq(i32x4.abs(p[0]!), one);
    const inverse = v128.and(v128.select(p[0]!, one, odd(q[0]!)), isUnit);
    return [[v128.select(inverse, result, i32x4.lt(q[0]!, zero))]];
  })[0]!;
}

/** Shifts lane by lane, as each has a count of its own. */
export function shiftEach(f: Float, x: Wide, y: Wide, direction: "shl" | "shr"): Wide {
  const [values, counts] = [f.let(x), f.let(y)];
  return f.let(
    values.map((v, i) =>
      [0, 1, 2, 3].reduce<V128>(
        (result, lane) =>
          i32x4.replace(result, lane, i32[direction](i32x4.extract(v, lane), i32x4.extract(counts[i]!, lane))),
        v,
      ),
    ),
  );
}
