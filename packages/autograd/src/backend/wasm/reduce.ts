/**
 * Reductions and softmax.
 *
 * One recursive function does the adding: it folds `count` vectors that lie `stride` bytes apart, halving long ranges,
 * so that the error of a sum grows like the logarithm of its length. To reduce along rows the vectors are successive
 * pieces of a row, whose lanes are folded together in the end; to reduce across rows they are the rows themselves, and
 * each lane is a column's result.
 */
import { type ComputeDType, itemSize } from "../../dtype.ts";
import { isContiguous } from "../../shape.ts";
import type { KernelRunner, ReduceKernel, SoftmaxKernel, View } from "../backend.ts";
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
import { exp } from "./math/exponential.ts";
import { Float, type Site, type Wide } from "./math/float.ts";
import { log } from "./math/logarithm.ts";
import { type Attempt, addressOf, type PartedEntry, type Runtime } from "./runtime.ts";

type Fold = "sum" | "prod" | "max" | "min";

interface Folding {
  readonly compute: ComputeDType;
  readonly size: 4 | 8;
  readonly width: number;
  readonly identity: V128;
  readonly combine: (a: V128, b: V128) => V128;
}

function folding(fold: Fold, compute: ComputeDType): Folding {
  const lanes = compute === "float32" ? f32x4 : compute === "float64" ? f64x2 : i32x4;
  const size = compute === "float64" ? 8 : 4;
  const lowest = compute === "int32" ? -(2 ** 31) : Number.NEGATIVE_INFINITY;
  const highest = compute === "int32" ? 2 ** 31 - 1 : Number.POSITIVE_INFINITY;
  const identity = { sum: 0, prod: 1, max: lowest, min: highest }[fold];
  const combine = { sum: lanes.add, prod: lanes.mul, max: lanes.max, min: lanes.min }[fold];
  return { compute, size, width: 16 / size, identity: lanes.const(identity), combine };
}

/** Vectors folded one after the other before ranges are halved. */
const straight = 32;

/** `fold(address, count, stride)`: `vectors` neighbouring results, from memory whole or one element in all lanes. */
function defineFold(
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
function defineRow(module: ModuleBuilder, parts: Folding): Func {
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
      a.set(combine(a, swap(a, 8))),
      ...(width === 4 ? [a.set(combine(a, swap(a, 4)))] : []),
      increase(address, i32.mul(i32.and(rest, -width), size)),
      single.callInto([b], address, i32.and(rest, width - 1), int(size)),
      combine(a, b),
    ];
  });
}

/** `along(out, source, kept, step, count)` and `across(out, source, kept, count, stride)`. */
function build(runtime: Runtime, fold: Fold, compute: ComputeDType): { along: PartedEntry; across: PartedEntry } {
  const module = runtime.module();
  const parts = folding(fold, compute);
  const { size, width } = parts;
  const row = defineRow(module, parts);
  const parameters = ["i32", "i32", "i32", "i32", "i32"] as const;
  module.function("along", parameters, [], (_, out, source, kept, step, count) => [
    whileLoop(
      i32.gt(kept, 0),
      v128.storeLane[size](0, out, row.call("v128", source, count)),
      increase(out, size),
      increase(source, step),
      increase(kept, -1),
    ),
  ]);
  const four = defineFold(module, 4, false, parts);
  const one = defineFold(module, 1, false, parts);
  const single = defineFold(module, 1, true, parts);
  module.function("across", parameters, [], (scope, out, source, kept, count, stride) => {
    const sums = Array.from({ length: 4 }, () => scope.local("v128"));
    const advance = (elements: number): Statement[] => [
      increase(out, elements * size),
      increase(source, elements * size),
      increase(kept, -elements),
    ];
    return [
      whileLoop(
        i32.ge(kept, 4 * width),
        four.callInto(sums, source, count, stride),
        ...sums.map((s, i) => v128.store(out, s, 16 * i)),
        ...advance(4 * width),
      ),
      whileLoop(i32.ge(kept, width), v128.store(out, one.call("v128", source, count, stride)), ...advance(width)),
      whileLoop(
        i32.gt(kept, 0),
        v128.storeLane[size](0, out, single.call("v128", source, count, stride)),
        ...advance(1),
      ),
    ];
  });
  const link = runtime.link(module);
  return { along: link("along"), across: link("across") };
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

export function reduceRunner(runtime: Runtime): Attempt<KernelRunner<ReduceKernel>> {
  const cache = new Map<string, ReturnType<typeof build>>();
  return ({ reduction }, [input], [out]) => {
    const { dtype } = input!;
    if (reduction !== "sum" && reduction !== "prod" && reduction !== "max" && reduction !== "min") return false;
    if ((dtype !== "float32" && dtype !== "float64" && dtype !== "int32") || out!.dtype !== dtype) return false;
    const rank = out!.shape.length;
    const kept = asOneAxis(input!, 0, rank);
    const reduced = asOneAxis(input!, rank, input!.shape.length);
    if (kept === null || reduced === null || !isContiguous(out!)) return false;
    if (kept.length === 0) return true;
    const size = itemSize(dtype);
    const key = reduction + dtype;
    let entries = cache.get(key);
    if (entries === undefined) {
      entries = build(runtime, reduction, dtype);
      cache.set(key, entries);
    }
    const [to, from] = [addressOf(out!, size), addressOf(input!, size)];
    if (reduced.length <= 1 || reduced.stride === 1) {
      entries.along.entry(to, from, kept.length, kept.stride * size, reduced.length);
    } else if (kept.length <= 1 || kept.stride === 1) {
      entries.across.entry(to, from, kept.length, reduced.length, reduced.stride * size);
    } else return false;
    return true;
  };
}

function buildSoftmax(runtime: Runtime, compute: "float32" | "float64", isLog: boolean): PartedEntry {
  const module = runtime.module();
  const size = compute === "float64" ? 8 : 4;
  const width = 16 / size;
  const highest = defineRow(module, folding("max", compute));
  const total = defineRow(module, folding("sum", compute));
  module.function("softmax", ["i32", "i32", "i32", "i32", "i32"], [], (scope, out, source, rows, step, n) => {
    const high = scope.local("v128");
    const sum = scope.local("v128");
    const from = scope.local("i32");
    const to = scope.local("i32");
    const left = scope.local("i32");
    /** One pass over the row: whole vectors, then single elements. */
    const pass = (each: (f: Float, x: Wide, y: Wide) => Wide): Statement[] => {
      const body = (count: number): Statement[] => {
        const site: Site = { runtime, module, scope, statements: [] };
        const vectors = Math.max(1, count / width);
        const f = new Float(site, compute === "float64", vectors);
        const load = (at: I32): Wide =>
          Array.from({ length: vectors }, (_, i) => (count === 1 ? v128.splat[size](at) : v128.load(at, 16 * i)));
        const y = f.let(each(f, load(from), load(to)));
        return [
          ...site.statements,
          ...y.map((v, i) => (count === 1 ? v128.storeLane[size](0, to, v) : v128.store(to, v, 16 * i))),
          increase(from, size * count),
          increase(to, size * count),
          increase(left, -count),
        ];
      };
      return [
        from.set(source),
        to.set(out),
        left.set(n),
        whileLoop(i32.ge(left, 2 * width), ...body(2 * width)),
        whileLoop(i32.ge(left, width), ...body(width)),
        whileLoop(i32.gt(left, 0), ...body(1)),
      ];
    };
    const all = (x: V128, like: Wide): Wide => like.map(() => x);
    return [
      whileLoop(
        i32.gt(rows, 0),
        high.set(highest.call("v128", source, n)),
        ...pass((f, x) => exp(f, f.let(f.ops.sub(x, all(high, x))))),
        sum.set(total.call("v128", out, n)),
        ...(isLog ? logOfSum({ runtime, module, scope, statements: [] }, compute, sum) : []),
        ...pass(({ ops }, x, y) => (isLog ? ops.sub(ops.sub(x, all(high, x)), all(sum, x)) : ops.div(y, all(sum, x)))),
        increase(out, i32.mul(n, size)),
        increase(source, step),
        increase(rows, -1),
      ),
    ];
  });
  return runtime.link(module)("softmax");
}

function logOfSum(site: Site, compute: ComputeDType, sum: Local<"v128">): Statement[] {
  const [value] = log(new Float(site, compute === "float64"), [sum]);
  return [...site.statements, sum.set(value!)];
}

export function softmaxRunner(runtime: Runtime): Attempt<KernelRunner<SoftmaxKernel>> {
  const cache = new Map<string, PartedEntry>();
  return ({ log: isLog }, [input], [output]) => {
    const { dtype, shape } = input!;
    if ((dtype !== "float32" && dtype !== "float64") || output!.dtype !== dtype || !isContiguous(output!)) return false;
    if (output!.size === 0) return true;
    const last = shape.length - 1;
    const rows = asOneAxis(input!, 0, last);
    if (rows === null || (shape[last] !== 1 && input!.strides[last] !== 1)) return false;
    const key = dtype + isLog;
    let entry = cache.get(key);
    if (entry === undefined) {
      entry = buildSoftmax(runtime, dtype, isLog);
      cache.set(key, entry);
    }
    const size = itemSize(dtype);
    entry.entry(addressOf(output!, size), addressOf(input!, size), rows.length, rows.stride * size, shape[last]!);
    return true;
  };
}
