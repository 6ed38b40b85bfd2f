/**
 * Folding, as reductions and softmax do.
 *
 * One recursive function does the adding: it folds `count` vectors that lie `stride` bytes apart, halving long ranges,
 * so that the error of a sum grows like the logarithm of its length. To reduce along rows the vectors are successive
 * pieces of a row, whose lanes are folded together in the end; to reduce across rows they are the rows themselves, and
 * each lane is a column's result.
 */
import type { ComputeDType } from "../../dtype.ts";
import type { View } from "../backend.ts";
import {
  type Func,
  f32x4,
  f64x2,
  type I32,
  i32,
  i32x4,
  increase,
  int,
  type Local,
  type ModuleBuilder,
  type Statement,
  type V128,
  v128,
  when,
  whileLoop,
} from "./assembler.ts";

export type Fold = "sum" | "prod" | "max" | "min" | "any" | "all";

export interface Folding {
  readonly size: 1 | 4 | 8;
  readonly width: number;
  readonly identity: V128;
  readonly combine: (a: V128, b: V128) => V128;
}

/** How elements are folded; "any" and "all" fold booleans, which are bytes of 0 or 1, the others numbers. */
export function folding(fold: Fold, compute: ComputeDType): Folding {
  if (fold === "any") return { size: 1, width: 16, identity: i32x4.const(0), combine: v128.or };
  if (fold === "all") return { size: 1, width: 16, identity: i32x4.const(0x01010101), combine: v128.and };
  const lanes = compute === "float32" ? f32x4 : compute === "float64" ? f64x2 : i32x4;
  const size = compute === "float64" ? 8 : 4;
  const lowest = compute === "int32" ? -(2 ** 31) : Number.NEGATIVE_INFINITY;
  const highest = compute === "int32" ? 2 ** 31 - 1 : Number.POSITIVE_INFINITY;
  const identity = { sum: 0, prod: 1, max: lowest, min: highest }[fold];
  const combine = { sum: lanes.add, prod: lanes.mul, max: lanes.max, min: lanes.min }[fold];
  return { size, width: 16 / size, identity: lanes.const(identity), combine };
}

/** Vectors folded one after the other before ranges are halved. */
const straight = 64;

/** `fold(address, count, stride)`: `vectors` neighbouring results, from memory whole or one element in all lanes. */
export function defineFold(
  module: ModuleBuilder,
  vectors: number,
  single: boolean,
  { size, identity, combine }: Folding,
): Func {
  const parameters = ["i32", "i32", "i32"] as const;
  const func = module.declare(
    parameters,
    Array.from({ length: vectors }, () => "v128" as const),
  );
  return module.define(func, parameters, (scope, address, count, stride) => {
    const sums = Array.from({ length: vectors }, () => scope.local("v128"));
    const others = Array.from({ length: vectors }, () => scope.local("v128"));
    const half = scope.local("i32");
    const load = (i: number): V128 => (single ? v128.splat[size](address) : v128.load(address, 16 * i));
    return [
      ...sums.map((s) => s.set(identity)),
      when(
        i32.gt(count, straight),
        half.set(i32.shrU(count, 1)),
        func.callInto(sums, address, half, stride),
        func.callInto(others, i32.add(address, i32.mul(half, stride)), i32.sub(count, half), stride),
        ...sums.map((s, i) => s.set(combine(s, others[i]!))),
        count.set(int(0)),
      ),
      whileLoop(
        i32.gt(count, 0),
        ...sums.map((s, i) => s.set(combine(s, load(i)))),
        increase(address, stride),
        increase(count, -1),
      ),
      ...sums,
    ];
  });
}

/** `row(address, count)`: the fold of consecutive elements, in all lanes. */
export function defineRow(module: ModuleBuilder, parts: Folding): Func {
  const { size, width, combine } = parts;
  const four = defineFold(module, 4, false, parts);
  const one = defineFold(module, 1, false, parts);
  const single = defineFold(module, 1, true, parts);
  return module.function(null, ["i32", "i32"], ["v128"], (scope, address, count) => {
    const [a, b, c, d] = [scope.local("v128"), scope.local("v128"), scope.local("v128"), scope.local("v128")];
    const blocks = i32.divU(count, 4 * width);
    const rest = scope.local("i32");
    const swap = (x: V128, bytes: number): V128 =>
      v128.shuffle(
        x,
        x,
        Array.from({ length: 16 }, (_, i) => (i + bytes) % 16),
      );
    return [
      four.callInto([a, b, c, d], address, blocks, int(64)),
      a.set(combine(combine(a, b), combine(c, d))),
      rest.set(i32.and(count, 4 * width - 1)),
      increase(address, i32.mul(i32.sub(count, rest), size)),
      one.callInto([b], address, i32.divU(rest, width), int(16)),
      a.set(combine(a, b)),
      ...[8, 4, 2, 1].filter((bytes) => bytes >= size).map((bytes) => a.set(combine(a, swap(a, bytes)))),
      increase(address, i32.mul(i32.and(rest, -width), size)),
      single.callInto([b], address, i32.and(rest, width - 1), int(size)),
      combine(a, b),
    ];
  });
}

/** Length and stride of axes `from` to `to` as one, or `null`. */
export function asOneAxis(
  { shape, strides }: View,
  from: number,
  to: number,
): { length: number; stride: number } | null {
  let [length, stride] = [1, 0];
  for (let axis = to - 1; axis >= from; axis--) {
    if (shape[axis] === 1) continue;
    if (length !== 1 && strides[axis] !== stride * length) return null;
    if (length === 1) stride = strides[axis]!;
    length *= shape[axis]!;
  }
  return { length, stride };
}

/** Leaves of the rows those of a part. */
export function shareRows(
  {
    part,
    out,
    source,
    rows,
    partRows,
  }: Readonly<Record<"part" | "out" | "source" | "rows" | "partRows", Local<"i32">>>,
  outStep: I32,
  step: Local<"i32">,
): Statement[] {
  const first = i32.mul(part, partRows);
  return [
    increase(out, i32.mul(first, outStep)),
    increase(source, i32.mul(first, step)),
    rows.set(i32.sub(rows, first)),
    when(i32.lt(partRows, rows), rows.set(partRows)),
  ];
}

/** Elements that one part reduces. */
export const partElements = 32768;
