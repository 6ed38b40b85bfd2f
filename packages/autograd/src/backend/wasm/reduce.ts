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
import { expOfNegative } from "./math/exponential.ts";
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

/** How the reduced axis lies: in neighbouring elements, with the kept ones as neighbours, or neither. */
type Direction = "along" | "across" | "strided";

/** Arguments: part, thread, out, source, kept elements and the distance of two, reduced ones likewise, kept and reduced
 * ones of a part. Where the reduced ones are shared out, each part has results of its own. Distances are in bytes. */
function build(runtime: Runtime, fold: Fold, compute: ComputeDType, direction: Direction): PartedEntry {
  const module = runtime.module();
  const parts = folding(fold, compute);
  const { size, width } = parts;
  const types = Array.from({ length: 10 }, () => "i32" as const);
  const vectors = (count: number): Func => defineFold(module, count, false, parts);
  const [row, four, one] =
    direction === "along"
      ? [defineRow(module, parts), null, null]
      : [null, ...(direction === "across" ? [vectors(4), vectors(1)] : [null, null])];
  const single = direction === "along" ? null : defineFold(module, 1, true, parts);
  module.function("run", types, [], (scope, ...args) => {
    const [part, , out, source, kept, keptStep, count, step, partKept, partCount] = args as Local<"i32">[] as [
      I,
      I,
      I,
      I,
      I,
      I,
      I,
      I,
      I,
      I,
    ];
    const sums = Array.from({ length: 4 }, () => scope.local("v128"));
    const share = (total: I, length: I): Statement[] => [
      total.set(i32.sub(total, i32.mul(part, length))),
      when(i32.lt(length, total), total.set(length)),
    ];
    const advance = (elements: number): Statement[] => [
      increase(out, elements * size),
      increase(source, i32.mul(keptStep, elements)),
      increase(kept, -elements),
    ];
    const oneByOne = (value: V128): Statement =>
      whileLoop(i32.gt(kept, 0), v128.storeLane[size](0, out, value), ...advance(1));
    return [
      when(
        partKept,
        increase(out, i32.mul(i32.mul(part, partKept), size)),
        increase(source, i32.mul(i32.mul(part, partKept), keptStep)),
        ...share(kept, partKept),
      ),
      when(
        partCount,
        increase(out, i32.mul(i32.mul(part, kept), size)),
        increase(source, i32.mul(i32.mul(part, partCount), step)),
        ...share(count, partCount),
      ),
      ...(four && one
        ? [
            whileLoop(
              i32.ge(kept, 4 * width),
              four.callInto(sums, source, count, step),
              ...sums.map((s, i) => v128.store(out, s, 16 * i)),
              ...advance(4 * width),
            ),
            whileLoop(i32.ge(kept, width), v128.store(out, one.call("v128", source, count, step)), ...advance(width)),
          ]
        : []),
      oneByOne(row ? row.call("v128", source, count) : single!.call("v128", source, count, step)),
    ];
  });
  return runtime.link(module)("run");
}
type I = Local<"i32">;

/** An axis: elements, and the distance of two. */
interface Axis {
  readonly length: number;
  readonly stride: number;
}

/** Axes `from` to `to` as few as they can be walked as, outermost first. */
function merged({ shape, strides }: View, from: number, to: number, size: number): Axis[] {
  const axes: Axis[] = [];
  for (let k = from; k < to; k++) {
    const [length, stride] = [shape[k]!, strides[k]! * size];
    const last = axes.at(-1);
    if (length === 1) continue;
    if (last !== undefined && last.stride === stride * length)
      axes[axes.length - 1] = { length: last.length * length, stride };
    else axes.push({ length, stride });
  }
  return axes;
}

/** Elements that one part reduces. */
const partElements = 32768;

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
  const cache = new Map<string, PartedEntry>();

  return ({ reduction }, [input], [out]) => {
    const { dtype } = input!;
    if (reduction !== "sum" && reduction !== "prod" && reduction !== "max" && reduction !== "min") return false;
    if ((dtype !== "float32" && dtype !== "float64" && dtype !== "int32") || out!.dtype !== dtype) return false;
    if (!isContiguous(out!)) return false;
    if (out!.size === 0) return true;
    const size = itemSize(dtype);

    const entryFor = (direction: Direction): PartedEntry => {
      const key = reduction + dtype + direction;
      let entry = cache.get(key);
      if (entry === undefined) {
        entry = build(runtime, reduction, dtype, direction);
        cache.set(key, entry);
      }
      return entry;
    };

    /** Reduces one axis for every element of another. Long work is done in parts, which depend on lengths alone. */
    const reduceAxis = (to: number, from: number, kept: Axis, reduced: Axis, free: number): void => {
      const [n, count] = [kept.length, reduced.length];
      const direction: Direction =
        count <= 1 || reduced.stride === size ? "along" : n <= 1 || kept.stride === size ? "across" : "strided";
      const run = (parts: number, target: number, partKept: number, partCount: number): void => {
        const args = [target, from, n, n <= 1 ? size : kept.stride, count, reduced.stride, partKept, partCount];
        runtime.parallel(entryFor(direction), parts, args, n * count);
      };
      if (n * count < 2 * partElements) {
        run(1, to, 0, 0);
        return;
      }
      const blocks = direction === "across" ? Math.ceil(n / 64) : n;
      if (blocks >= 4) {
        const share = Math.max(1, Math.floor((partElements / (n * count)) * blocks));
        const partKept = direction === "across" ? share * 64 : share;
        run(Math.ceil(n / partKept), to, partKept, 0);
        return;
      }
      const partCount = Math.ceil(partElements / n);
      const parts = Math.ceil(count / partCount);
      run(parts, free, 0, partCount);
      reduceAxis(to, free, { length: n, stride: size }, { length: parts, stride: n * size }, free + parts * n * size);
    };

    const rank = out!.shape.length;
    const [from, to] = [addressOf(input!, size), addressOf(out!, size)];
    if (input!.size < 2 * partElements) {
      const keptOne = asOneAxis(input!, 0, rank);
      const reducedOne = asOneAxis(input!, rank, input!.shape.length);
      if (keptOne !== null && reducedOne !== null) {
        const [n, count] = [keptOne.length, reducedOne.length];
        const along = count <= 1 || reducedOne.stride === 1;
        const direction: Direction = along ? "along" : n <= 1 || keptOne.stride === 1 ? "across" : "strided";
        const steps = [n <= 1 ? size : keptOne.stride * size, reducedOne.stride * size] as const;
        entryFor(direction).entry(0, 0, to, from, n, steps[0], count, steps[1], 0, 0);
        return true;
      }
    }
    const kept = merged(input!, 0, rank, size);
    const reduced = merged(input!, rank, input!.shape.length, size);
    const empty = input!.size === 0;
    const keptSize = out!.size;
    const reducedSize = empty ? 0 : input!.size / keptSize;
    // First the reduced axis whose elements are neighbours, or the longest; then, of what that leaves, all the others.
    reduced.sort((a, b) => Number(b.stride === size) - Number(a.stride === size) || b.length - a.length);
    const [first = { length: reducedSize, stride: size }, ...others] = empty ? [] : reduced;
    const middle = others.reduce((product, axis) => product * axis.length, 1);
    const outer = [...kept, ...others];
    // Of the axes that remain, the kernel walks the last kept one, unless others lie in between.
    const inner = others.length === 0 ? (outer.pop() ?? { length: 1, stride: size }) : (outer.pop() as Axis);
    const innerSize = empty ? keptSize : inner.length;
    const scratch = runtime.heap.scratch(
      size * (keptSize * middle * (others.length > 0 ? 1 : 0) + input!.size / 100 + 4096),
    );
    const target = others.length === 0 ? to : scratch;
    const free = scratch + (others.length === 0 ? 0 : size * keptSize * middle);
    const index = outer.map(() => 0);
    const walked = empty ? { length: innerSize, stride: size } : inner;
    for (let at = from, done = 0; ; done++) {
      reduceAxis(target + done * walked.length * size, at, walked, first, free);
      let axis = empty ? -1 : outer.length - 1;
      for (; axis >= 0; axis--) {
        const { length, stride } = outer[axis]!;
        const ended = ++index[axis]! === length;
        at += ended ? stride * (1 - length) : stride;
        if (!ended) break;
        index[axis] = 0;
      }
      if (axis < 0) break;
    }
    if (others.length > 0) {
      reduceAxis(to, scratch, { length: keptSize, stride: middle * size }, { length: middle, stride: size }, free);
    }
    return true;
  };
}

/** Arguments: part, thread, out, source, rows, distance of two, elements of a row, rows of a part. */
function buildPosition(runtime: Runtime, fold: "max" | "min", compute: ComputeDType): PartedEntry {
  const module = runtime.module();
  const parts = folding(fold, compute);
  const { size, width } = parts;
  const lanes = compute === "float32" ? f32x4 : compute === "float64" ? f64x2 : i32x4;
  const extreme = defineRow(module, parts);
  const types = Array.from({ length: 8 }, () => "i32" as const);
  module.function("position", types, [], (scope, ...args) => {
    const [part, , out, source, rows, step, n, partRows] = args as Local<"i32">[] as [I, I, I, I, I, I, I, I];
    const best = scope.local("v128");
    const undefinedBest = scope.local("v128");
    const [at, left] = [scope.local("i32"), scope.local("i32")];
    // What is not equal to itself is looked for where the extreme is not.
    const matches = (x: V128): V128 => v128.or(lanes.eq(x, best), v128.and(undefinedBest, lanes.ne(x, x)));
    const missing = (x: V128): I32 => i32.eq(v128.anyTrue(matches(x)), 0);
    const go = (count: number): Statement[] => [increase(at, count * size), increase(left, -count)];
    return [
      ...shareRows({ part, out, source, rows, partRows }, int(4), step),
      whileLoop(
        i32.gt(rows, 0),
        best.set(extreme.call("v128", source, n)),
        undefinedBest.set(lanes.ne(best, best)),
        at.set(source),
        left.set(n),
        whileLoop(i32.and(i32.ge(left, width), missing(v128.load(at))), ...go(width)),
        whileLoop(i32.and(i32.gt(left, 0), missing(v128.splat[size](at))), ...go(1)),
        i32.store(out, i32.sub(n, left)),
        increase(out, 4),
        increase(source, step),
        increase(rows, -1),
      ),
    ];
  });
  return runtime.link(module)("position");
}

/** Leaves of the rows those of a part. */
function shareRows(
  { part, out, source, rows, partRows }: Readonly<Record<"part" | "out" | "source" | "rows" | "partRows", I>>,
  outStep: I32,
  step: I,
): Statement[] {
  const first = i32.mul(part, partRows);
  return [
    increase(out, i32.mul(first, outStep)),
    increase(source, i32.mul(first, step)),
    rows.set(i32.sub(rows, first)),
    when(i32.lt(partRows, rows), rows.set(partRows)),
  ];
}

/** Positions of extremes in contiguous rows. */
export function positionRunner(runtime: Runtime): Attempt<KernelRunner<ReduceKernel>> {
  const cache = new Map<string, PartedEntry>();
  return ({ reduction }, [input], [out]) => {
    const { dtype, shape } = input!;
    if ((reduction !== "argmax" && reduction !== "argmin") || !isContiguous(out!) || out!.size === 0) return false;
    if (dtype !== "float32" && dtype !== "float64" && dtype !== "int32") return false;
    const rank = out!.shape.length;
    const rows = asOneAxis(input!, 0, rank);
    const row = asOneAxis(input!, rank, shape.length);
    if (rows === null || row === null || (row.stride !== 1 && row.length !== 1)) return false;
    const key = reduction + dtype;
    let entry = cache.get(key);
    if (entry === undefined) {
      entry = buildPosition(runtime, reduction === "argmax" ? "max" : "min", dtype);
      cache.set(key, entry);
    }
    const size = itemSize(dtype);
    const partRows = Math.max(1, Math.floor(partElements / row.length));
    const args = [addressOf(out!, 4), addressOf(input!, size), rows.length, rows.stride * size, row.length, partRows];
    runtime.parallel(entry, Math.ceil(rows.length / partRows), args, 2 * input!.size);
    return true;
  };
}

function buildSoftmax(runtime: Runtime, compute: "float32" | "float64", isLog: boolean): PartedEntry {
  const module = runtime.module();
  const size = compute === "float64" ? 8 : 4;
  const width = 16 / size;
  const highest = defineRow(module, folding("max", compute));
  const total = defineRow(module, folding("sum", compute));
  const types = Array.from({ length: 8 }, () => "i32" as const);
  module.function("softmax", types, [], (scope, ...args) => {
    const [part, , out, source, rows, step, n, partRows] = args as Local<"i32">[] as [I, I, I, I, I, I, I, I];
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
      ...shareRows({ part, out, source, rows, partRows }, i32.mul(n, size), step),
      whileLoop(
        i32.gt(rows, 0),
        high.set(highest.call("v128", source, n)),
        ...pass((f, x) => expOfNegative(f, f.let(f.ops.sub(x, all(high, x))))),
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
    const n = shape[last]!;
    const partRows = Math.max(1, Math.floor(8192 / n));
    const args = [addressOf(output!, size), addressOf(input!, size), rows.length, rows.stride * size, n, partRows];
    // An exponential is worth a dozen additions.
    runtime.parallel(entry, Math.ceil(rows.length / partRows), args, 16 * rows.length * n);
    return true;
  };
}
