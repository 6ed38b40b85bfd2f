/**
 * Sums, products and extremes over any axes.
 *
 * One axis is reduced at a time, merged as far as it can be walked as one: first the one whose elements are neighbours,
 * then what that leaves. Long work is cut into parts whose results are reduced again.
 */
import { type ComputeDType, computeDType, itemSize } from "../../dtype.ts";
import { argument, ne } from "../../scalar/expression.ts";
import { isContiguous } from "../../shape.ts";
import type { ElementwiseKernel, KernelRunner, ReduceKernel, View } from "../backend.ts";
import { type Func, i32, increase, type Local, type Statement, type V128, v128, when, whileLoop } from "./assembler.ts";
import { asOneAxis, defineFold, defineRow, type Fold, folding, partElements } from "./fold.ts";
import { onCopy } from "./rows.ts";
import { type Attempt, addressOf, type PartedEntry, type Runtime } from "./runtime.ts";

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

/** Which elements are not 0. */
const truths = Object.fromEntries(
  (["float32", "float64", "int32"] as const).map((compute) => [
    compute,
    { kind: "elementwise", expressions: [ne(argument(0), 0)], compute },
  ]),
) as unknown as Readonly<Record<ComputeDType, ElementwiseKernel>>;

/** @param elementwise makes booleans of numbers. */
export function reduceRunner(
  runtime: Runtime,
  elementwise: Attempt<KernelRunner<ElementwiseKernel>>,
): Attempt<KernelRunner<ReduceKernel>> {
  const cache = new Map<string, PartedEntry>();

  const run: Attempt<KernelRunner<ReduceKernel>> = (kernel, [input], [out]) => {
    const { reduction } = kernel;
    const { dtype } = input!;
    if (reduction === "argmax" || reduction === "argmin" || !isContiguous(out!)) return false;
    if (out!.size === 0) return true;
    if (reduction === "any" || reduction === "all") {
      if (dtype !== "bool") {
        return onCopy(runtime, elementwise, truths[computeDType(dtype)], input!, "bool", (x) =>
          run(kernel, [x], [out!], []),
        );
      }
    } else if (dtype === "bool" || dtype === "uint8" || out!.dtype !== dtype) return false;
    const compute = dtype === "bool" ? "int32" : (dtype as ComputeDType);
    const size = itemSize(dtype);

    const entryFor = (direction: Direction): PartedEntry => {
      const key = reduction + dtype + direction;
      let entry = cache.get(key);
      if (entry === undefined) {
        entry = build(runtime, reduction, compute, direction);
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
  return run;
}
