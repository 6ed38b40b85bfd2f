/**
 * What functions on vectors are written with: the operations of float32 or float64 lanes, constants, polynomials, and
 * intermediate values.
 *
 * A {@link Wide} value is one vector, or several computed side by side where a loop is unrolled; functions do not know
 * how many. Constants are then loaded once for all of them, which counts: a polynomial is half constants.
 */
import {
  f32x4,
  f64x2,
  i32x4,
  i64x2,
  int,
  type Local,
  type ModuleBuilder,
  type Scope,
  type Statement,
  type V128,
  v128,
  when,
} from "../assembler.ts";
import type { Runtime } from "../runtime.ts";

/** Vectors computed side by side. */
export type Wide = readonly V128[];

type Widened<A extends readonly unknown[]> = { [I in keyof A]: A[I] extends V128 ? Wide : A[I] };
type WideOps<O> = {
  readonly [K in keyof O as O[K] extends (a: V128, ...rest: never[]) => V128 ? K : never]: O[K] extends (
    ...args: infer A
  ) => V128
    ? (...args: Widened<A>) => Wide
    : never;
};

/** The same operation on every vector; arguments that are not vectors are for all. */
const widen =
  (op: (...args: never[]) => unknown) =>
  (first: Wide, ...rest: readonly unknown[]): unknown =>
    first.map((a, i) => op(...([a, ...rest.map((r) => (Array.isArray(r) ? r[i] : r))] as never[])));
const widened = <O extends object>(ops: O): WideOps<O> =>
  Object.fromEntries(
    Object.entries(ops).flatMap(([name, op]) => (typeof op === "function" ? [[name, widen(op)]] : [])),
  ) as WideOps<O>;

export const bitwise: WideOps<typeof v128> = widened(v128);
export const words: WideOps<typeof i32x4> = widened(i32x4);
export const doubleWords: WideOps<typeof i64x2> = widened(i64x2);
const singles: WideOps<typeof f32x4> = widened(f32x4);
const doubles: WideOps<typeof f64x2> = widened(f64x2);

/** Where code goes. */
export interface Site {
  readonly runtime: Runtime;
  readonly module: ModuleBuilder;
  readonly scope: Scope;
  /** Receives the code of intermediate values. */
  statements: Statement[];
}

/** Two numbers that are to be added, the second much the smaller. */
export interface Pair {
  readonly high: Wide;
  readonly low: Wide;
}

/** Without the lower half of the bits, so that products of two such are exact. */
const headMask = new Uint32Array([0xf8000000, 0xffffffff, 0xf8000000, 0xffffffff]);
export const upperHalf: readonly number[] = [8, 9, 10, 11, 12, 13, 14, 15, 0, 0, 0, 0, 0, 0, 0, 0];
const lowerHalves = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];

export class Float {
  readonly site: Site;
  readonly ops: WideOps<typeof f32x4>;
  readonly isDouble: boolean;
  /** Whether results are wanted to float64's last place; float64 lanes also serve to compute float32 results. */
  readonly precise: boolean;
  /** Vectors of a {@link Wide}. */
  readonly count: number;

  constructor(site: Site, isDouble: boolean, count = 1, precise: boolean = isDouble) {
    this.site = site;
    this.isDouble = isDouble;
    this.precise = precise;
    this.count = count;
    // What they share is all that is asked of them.
    this.ops = (isDouble ? doubles : singles) as WideOps<typeof f32x4>;
  }

  /** Computes `x` here and now; the result can be used many times. */
  let(x: Wide): readonly Local<"v128">[] {
    const { scope, statements } = this.site;
    return x.map((v) => {
      const local = scope.local("v128");
      statements.push(local.set(v));
      return local;
    });
  }

  num(x: number): Wide {
    const { runtime } = this.site;
    const address = Object.is(x, 0) ? 0 : runtime.constant(x, this.isDouble);
    const value =
      address === 0 ? (this.isDouble ? f64x2 : f32x4).const(x) : v128.splat[this.isDouble ? 8 : 4](int(address));
    if (this.count === 1) return [value];
    const [local] = this.let([value]);
    return Array.from({ length: this.count }, () => local!);
  }

  /** a · b + c, fused where the processor does so. */
  madd(a: Wide, b: Wide, c: Wide): Wide {
    return this.site.runtime.relaxed ? this.ops.relaxedMadd(a, b, c) : this.ops.add(this.ops.mul(a, b), c);
  }

  /** c - a · b */
  nmadd(a: Wide, b: Wide, c: Wide): Wide {
    return this.site.runtime.relaxed ? this.ops.relaxedNmadd(a, b, c) : this.ops.sub(c, this.ops.mul(a, b));
  }

  /** The first where the mask holds, whose lanes are all ones or all zeros. */
  pick(a: Wide, b: Wide, mask: Wide): Wide {
    if (!this.site.runtime.relaxed) return bitwise.select(a, b, mask);
    return (this.isDouble ? doubleWords : words).relaxedSelect(a, b, mask);
  }

  /** Integer arithmetic on bit patterns. Shifts move exponents to the low end and back. */
  get bits(): { add: (a: Wide, b: Wide) => Wide; shl: (a: Wide) => Wide; shrU: (a: Wide) => Wide } {
    return this.isDouble
      ? { add: doubleWords.add, shl: (a) => doubleWords.shl(a, 52), shrU: (a) => doubleWords.shrU(a, 52) }
      : { add: words.add, shl: (a) => words.shl(a, 23), shrU: (a) => words.shrU(a, 23) };
  }

  /** c₀ + x (c₁ + x (c₂ + …)) */
  polynomial(x: Wide, coefficients: readonly number[]): Wide {
    return coefficients.slice(0, -1).reduceRight(
      (sum, c) => {
        const next = this.madd(sum, x, this.num(c));
        return this.count === 1 ? next : this.let(next);
      },
      this.num(coefficients.at(-1)!),
    );
  }

  /** The table for the precision that is wanted. */
  table<T>(single: T, double: T): T {
    return this.precise ? double : single;
  }

  /** `x`, but where the mask holds what `otherwise` gives, which is computed only if it holds anywhere. */
  amend(x: readonly Wide[], mask: Wide, otherwise: () => readonly Wide[]): readonly Wide[] {
    const { site } = this;
    const kept = x.map((v) => this.let(v));
    const where = this.let(mask);
    const outer = site.statements;
    const inner: Statement[] = [];
    site.statements = inner;
    otherwise().forEach((other, k) => {
      const values = this.pick(other, kept[k]!, where);
      values.forEach((v, i) => {
        inner.push(kept[k]![i]!.set(v));
      });
    });
    site.statements = outer;
    outer.push(when(v128.anyTrue(where.reduce<V128>((a, b) => v128.or(a, b), where[0]!)), ...inner));
    return kept;
  }

  /** A function of the module's own, for code that is long or rarely run; vectors pass through it one by one. */
  call(
    name: string,
    results: number,
    x: readonly Wide[],
    body: (f: Float, ...x: Wide[]) => readonly Wide[],
  ): readonly Wide[] {
    const { site, isDouble, precise } = this;
    const parameters = x.map(() => "v128" as const);
    const func = site.module.once(`${name}${isDouble}${precise}`, () =>
      site.module.function(
        null,
        parameters,
        Array.from({ length: results }, () => "v128" as const),
        (scope, ...args) => {
          const own: Site = { ...site, scope, statements: [] };
          const values = body(new Float(own, isDouble, 1, precise), ...args.map((a) => [a]));
          return [...own.statements, ...values.flat()];
        },
      ),
    );
    const targets = Array.from({ length: results }, () => x[0]!.map(() => site.scope.local("v128")));
    x[0]!.forEach((_, i) => {
      site.statements.push(
        func.callInto(
          targets.map((t) => t[i]!),
          ...x.map((v) => v[i]!),
        ),
      );
    });
    return targets;
  }

  /** For float64 lanes that hold what one of these holds. */
  double(): Float {
    return this.isDouble ? this : new Float(this.site, true, 2 * this.count, false);
  }

  /** float32 lanes as twice as many float64 vectors. */
  halves(x: Wide): Wide {
    return this.let(this.let(x).flatMap((a) => [f64x2.promoteLow(a), f64x2.promoteLow(v128.shuffle(a, a, upperHalf))]));
  }

  /** Computes with float64 lanes, whatever the lanes of this. */
  inDouble(x: readonly Wide[], compute: (f: Float, ...x: Wide[]) => Wide): Wide {
    const f = this.double();
    if (this.isDouble) return compute(f, ...x);
    const results = f.let(compute(f, ...x.map((v) => this.halves(v))));
    return Array.from({ length: this.count }, (_, i) =>
      v128.shuffle(f32x4.demote(results[2 * i]!), f32x4.demote(results[2 * i + 1]!), lowerHalves),
    );
  }

  /** x, which has no sign, with that of another. */
  signed(x: Wide, sign: Wide): Wide {
    return bitwise.or(x, bitwise.and(sign, this.num(-0)));
  }

  copySign(x: Wide, sign: Wide): Wide {
    return bitwise.select(sign, x, this.num(-0));
  }

  /** 2ⁿ for whole n between the exponents of normal numbers. */
  powerOfTwo(n: Wide): Wide {
    return this.bits.shl(this.ops.add(n, this.num(this.isDouble ? 2 ** 52 + 1023 : 2 ** 23 + 127)));
  }

  /** The upper 26 bits of a float64. */
  head(x: Wide): Wide {
    const mask = v128.const(headMask);
    return this.let(x.map((v) => v128.and(v, mask)));
  }

  /** a + b and what rounding lost, |a| ≥ |b|. */
  quickSum(a: Wide, b: Wide): Pair {
    const high = this.let(this.ops.add(a, b));
    return { high, low: this.let(this.ops.add(this.ops.sub(a, high), b)) };
  }

  /** a + b and what rounding lost (D. E. Knuth, 1969). */
  sum(a: Wide, b: Wide): Pair {
    const { ops } = this;
    const high = this.let(ops.add(a, b));
    const back = this.let(ops.sub(high, a));
    return { high, low: this.let(ops.add(ops.sub(a, ops.sub(high, back)), ops.sub(b, back))) };
  }

  /** a · b and what rounding lost, in float64 (T. J. Dekker, 1971). */
  product(a: Wide, b: Wide): Pair {
    const { ops } = this;
    const split = (x: Wide): [Wide, Wide] => {
      const big = this.head(x);
      return [big, this.let(ops.sub(x, big))];
    };
    const [[a0, a1], [b0, b1]] = [split(a), split(b)];
    const high = this.let(ops.mul(a, b));
    const error = ops.add(ops.sub(ops.mul(a0, b0), high), ops.add(ops.mul(a0, b1), ops.mul(a1, b0)));
    return { high, low: this.let(ops.add(error, ops.mul(a1, b1))) };
  }

  /** a / b for pairs. */
  quotient(a: Pair, b: Pair): Pair {
    const { ops } = this;
    const q = this.let(ops.div(a.high, b.high));
    const p = this.product(q, b.high);
    const left = ops.sub(ops.add(ops.sub(ops.sub(a.high, p.high), p.low), a.low), ops.mul(q, b.low));
    return this.quickSum(q, ops.div(left, b.high));
  }
}
