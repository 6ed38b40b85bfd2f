/**
 * What is computed row by row along the last axis: softmax, and positions of extremes.
 */
import { type ComputeDType, type DType, itemSize } from "../../dtype.ts";
import { contiguousStrides, isContiguous } from "../../shape.ts";
import type { ElementwiseKernel, KernelRunner, ReduceKernel, SoftmaxKernel, View } from "../backend.ts";
import { copyKernel } from "../copy.ts";
import {
  f32x4,
  f64x2,
  type I32,
  i32,
  i32x4,
  increase,
  int,
  type Local,
  type Statement,
  type V128,
  v128,
  whileLoop,
} from "./assembler.ts";
import { asOneAxis, defineRow, folding, partElements, shareRows } from "./fold.ts";
import { expOfNegative } from "./math/exponential.ts";
import { Float, type Site, type Wide } from "./math/float.ts";
import { log } from "./math/logarithm.ts";
import { type Attempt, addressOf, type PartedEntry, type Runtime } from "./runtime.ts";

type I = Local<"i32">;

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

/** Does something with what a kernel makes of every element of a view: a copy without gaps, which is given up then. */
export function onCopy(
  { heap }: Runtime,
  elementwise: Attempt<KernelRunner<ElementwiseKernel>>,
  kernel: ElementwiseKernel,
  view: View,
  dtype: DType,
  body: (copy: View) => boolean,
): boolean {
  const { shape, size } = view;
  const storage = heap.allocate(dtype, size);
  storage.stamp = heap.clock;
  const copy: View = { shape, strides: contiguousStrides(shape), offset: 0, dtype, size, storage };
  const done = elementwise(kernel, [view], [copy], []) && body(copy);
  heap.free(storage);
  return done;
}

/**
 * Positions of extremes.
 * @param elementwise copies rows that are not contiguous, and small integers.
 */
export function positionRunner(
  runtime: Runtime,
  elementwise: Attempt<KernelRunner<ElementwiseKernel>>,
): Attempt<KernelRunner<ReduceKernel>> {
  const cache = new Map<string, PartedEntry>();
  const run: Attempt<KernelRunner<ReduceKernel>> = (kernel, [input], [out]) => {
    const { reduction } = kernel;
    const { dtype, shape } = input!;
    if ((reduction !== "argmax" && reduction !== "argmin") || !isContiguous(out!)) return false;
    if (out!.size === 0) return true;
    const rank = out!.shape.length;
    const rows = asOneAxis(input!, 0, rank);
    const row = asOneAxis(input!, rank, shape.length);
    const isSmall = dtype === "bool" || dtype === "uint8";
    if (isSmall || rows === null || row === null || (row.stride !== 1 && row.length !== 1)) {
      const to = isSmall ? "int32" : dtype;
      return onCopy(runtime, elementwise, copyKernel(dtype), input!, to, (x) => run(kernel, [x], [out!], []));
    }
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
  return run;
}

function buildSoftmax(runtime: Runtime, compute: "float32" | "float64", isLog: boolean): PartedEntry {
  const module = runtime.module();
  const size = compute === "float64" ? 8 : 4;
  const width = 16 / size;
  // A NaN may be passed over here, as its exponential makes NaN of the sum.
  const { pmax } = compute === "float64" ? f64x2 : f32x4;
  const highest = defineRow(module, { ...folding("max", compute), combine: pmax });
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
        whileLoop(i32.ge(left, 4 * width), ...body(4 * width)),
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
        ...factorOfSum({ runtime, module, scope, statements: [] }, compute, sum, isLog),
        ...pass(({ ops }, x, y) => (isLog ? ops.sub(ops.sub(x, all(high, x)), all(sum, x)) : ops.mul(y, all(sum, x)))),
        increase(out, i32.mul(n, size)),
        increase(source, step),
        increase(rows, -1),
      ),
    ];
  });
  return runtime.link(module)("softmax");
}

/** Makes of the sum what its logarithm is, or what to multiply with instead of dividing. */
function factorOfSum(site: Site, compute: ComputeDType, sum: Local<"v128">, isLog: boolean): Statement[] {
  const f = new Float(site, compute === "float64");
  const [value] = isLog ? log(f, [sum]) : f.ops.div(f.num(1), [sum]);
  return [...site.statements, sum.set(value!)];
}

/** @param elementwise copies rows that are not contiguous. */
export function softmaxRunner(
  runtime: Runtime,
  elementwise: Attempt<KernelRunner<ElementwiseKernel>>,
): Attempt<KernelRunner<SoftmaxKernel>> {
  const cache = new Map<string, PartedEntry>();
  const run: Attempt<KernelRunner<SoftmaxKernel>> = (kernel, [input], [output]) => {
    const { log: isLog } = kernel;
    const { dtype, shape } = input!;
    if ((dtype !== "float32" && dtype !== "float64") || output!.dtype !== dtype || !isContiguous(output!)) return false;
    if (output!.size === 0) return true;
    const last = shape.length - 1;
    const rows = asOneAxis(input!, 0, last);
    if (rows === null || (shape[last] !== 1 && input!.strides[last] !== 1)) {
      return onCopy(runtime, elementwise, copyKernel(dtype), input!, dtype, (x) => run(kernel, [x], [output!], []));
    }
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
  return run;
}
