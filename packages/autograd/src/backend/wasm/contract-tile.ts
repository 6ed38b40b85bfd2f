/** The innermost loop of contractions: a tile of the result in registers. */
import type { ComputeDType } from "../../dtype.ts";
import {
  countTo,
  either,
  type Func,
  f32x4,
  f64x2,
  i32,
  i32x4,
  increase,
  int,
  type Local,
  type ModuleBuilder,
  repeat,
  type Statement,
  type V128,
  v128,
  when,
  whileLoop,
} from "./assembler.ts";

/** Multiplying and adding in lanes of one dtype. */
export interface Arithmetic {
  readonly size: 4 | 8;
  readonly zero: V128;
  readonly add: (a: V128, b: V128) => V128;
  /** a · b + c */
  readonly madd: (a: V128, b: V128, c: V128) => V128;
}

export function arithmetic(compute: ComputeDType, relaxed: boolean): Arithmetic {
  const lanes = compute === "float32" ? f32x4 : compute === "float64" ? f64x2 : i32x4;
  const fused = relaxed && compute !== "int32" ? (lanes as typeof f32x4).relaxedMadd : undefined;
  return {
    size: compute === "float64" ? 8 : 4,
    zero: lanes.const(0),
    add: lanes.add,
    madd: fused ?? ((a, b, c) => lanes.add(c, lanes.mul(a, b))),
  };
}

/** How the rows of a lie: each with k contiguous, or next to each other for every k, `step` apart. */
export type RowLayout = "apart" | "together";

/**
 * The innermost loop, for `r` rows: `tile(a, next, b, k, step, c, column, again, width, spill)`.
 *
 * Rows of a times the panel b of k rows `step` apart, into (or, if `again`, added to) the first `width` columns of c at
 * `c[i] + column`. Rows that lie apart begin at `a[i] + next`; those that lie together begin at `a`, one element from
 * each other, and again `next` further for the next k.
 */
export function defineTile(
  module: ModuleBuilder,
  r: number,
  { size, zero, add, madd }: Arithmetic,
  spillTile: Func,
  layout: RowLayout = "apart",
): Func {
  const parameters = Array.from({ length: 10 }, () => "i32" as const);
  const func = module.declare(parameters);
  return module.define(func, parameters, (scope, ...parameter) => {
    const [a, next, b, k, step, c, column, again, width, spill] = parameter as unknown as Local<"i32">[] & {
      readonly [index: number]: Local<"i32">;
    };
    const apart = layout === "apart";
    const pointers = apart ? Array.from({ length: r }, () => scope.local("i32")) : [];
    const sums = Array.from({ length: 2 * r }, () => scope.local("v128"));
    const [b0, b1, x] = [scope.local("v128"), scope.local("v128"), scope.local("v128")];
    const element = (row: number, ahead: number): V128 =>
      apart ? v128.splat[size](pointers[row]!, ahead * size) : v128.splat[size](a!, row * size);
    const multiplyAdd = (ahead: number): Statement[] => [
      b0.set(v128.load(b!)),
      b1.set(v128.load(b!, 16)),
      increase(b!, step!),
      ...Array.from({ length: r }, (_, i) => [
        x.set(element(i, ahead)),
        sums[2 * i]!.set(madd(x, b0, sums[2 * i]!)),
        sums[2 * i + 1]!.set(madd(x, b1, sums[2 * i + 1]!)),
      ]).flat(),
      ...(apart ? [] : [increase(a!, next!)]),
    ];
    const advance = (n: number): Statement[] => [...pointers.map((p) => increase(p, n * size)), increase(k!, -n)];
    const unrolled = 4;
    const targets = Array.from({ length: r }, () => scope.local("i32"));
    const stores = sums.map((s, i) => v128.store(targets[i >> 1]!, s, 16 * (i & 1)));
    const additions = sums.map((s, i) => s.set(add(v128.load(targets[i >> 1]!, 16 * (i & 1)), s)));
    return [
      ...pointers.map((p, i) => p.set(i32.add(i32.load(a!, 4 * i), next!))),
      ...sums.map((s) => s.set(zero)),
      whileLoop(
        i32.ge(k!, unrolled),
        ...Array.from({ length: unrolled }, (_, i) => multiplyAdd(i)).flat(),
        ...advance(unrolled),
      ),
      whileLoop(i32.gt(k!, 0), ...multiplyAdd(0), ...advance(1)),
      either(
        i32.eq(width!, 32 / size),
        [...targets.map((t, i) => t.set(i32.add(i32.load(c!, 4 * i), column!))), when(again!, ...additions), ...stores],
        [
          ...sums.map((s, i) => v128.store(spill!, s, 16 * i)),
          spillTile.callInto([], spill!, c!, column!, int(r), width!, again!),
        ],
      ),
    ];
  });
}

/** Copies (or adds) the first `width` columns of a spilled tile to c. */
export function defineSpill(module: ModuleBuilder, { size, add }: Arithmetic): Func {
  return module.function(
    null,
    ["i32", "i32", "i32", "i32", "i32", "i32"],
    [],
    (scope, tile, c, column, rows, width, again) => {
      const j = scope.local("i32");
      const to = scope.local("i32");
      const x = scope.local("v128");
      return [
        repeat(
          i32.gt(rows, 0),
          to.set(i32.add(i32.load(c), column)),
          countTo(
            j,
            width,
            x.set(v128.splat[size](i32.add(tile, i32.mul(j, size)))),
            when(again, x.set(add(v128.splat[size](to), x))),
            v128.storeLane[size](0, to, x),
            increase(to, size),
          ),
          increase(tile, 32),
          increase(c, 4),
          increase(rows, -1),
        ),
      ];
    },
  );
}
