/**
 * Gather and scatter: rows of elements, each found by an index, or each row by one.
 *
 * Rows that one index finds are moved by vectors where they lie contiguously, as those of an embedding do. Elements are
 * bits, unless scattered ones are added up. Only gathering is shared out: scattered rows may meet.
 */
import { type ComputeDType, itemSize } from "../../dtype.ts";
import type { GatherKernel, KernelRunner, ScatterKernel, View } from "../backend.ts";
import {
  choose,
  either,
  type I32,
  i32,
  increase,
  type Local,
  locals,
  type Statement,
  type V128,
  v128,
  when,
  whileLoop,
} from "./assembler.ts";
import { arithmetic } from "./contract-tile.ts";
import { eachLine, lastStride, runScatter } from "./indexing.ts";
import { type WasmStorage } from "./memory.ts";
import type { Attempt, PartedEntry, Runtime } from "./runtime.ts";

type ElementSize = 1 | 4 | 8;

/** Elements of a part. */
const partElements = 32768;

/**
 * `run(part, thread, rows, n, partRows, along, to, toRow, toStep, from, fromRow, fromStep, index, indexRow, indexStep)`:
 * moves n elements of each row, or adds them to what is there. The index times `along` leads to elements of `from`, or
 * with `scatters` of `to`. All steps are in bytes.
 */
function build(
  runtime: Runtime,
  size: ElementSize,
  add: ((a: V128, b: V128) => V128) | null,
  scatters: boolean,
): PartedEntry {
  const module = runtime.module();
  const types = Array.from({ length: 15 }, () => "i32" as const);
  module.function("run", types, [], (scope, ...args) => {
    const [part, , rows, n, partRows, along] = args as unknown as Six;
    const [to, toRow, toStep, from, fromRow, fromStep, index, indexRow, indexStep] = args.slice(6) as unknown as Nine;
    const [t, f, x, left] = locals(scope, "i32");
    const move = (load: (address: I32) => V128, store: (address: I32, value: V128) => Statement): Statement =>
      store(t, add === null ? load(f) : add(load(t), load(f)));
    const one = move(
      (address) => v128.splat[size](address),
      (address, value) => v128.storeLane[size](0, address, value),
    );
    const vector = move(
      (address) => v128.load(address),
      (address, value) => v128.store(address, value),
    );
    const found = scatters ? t : f;
    const shift = increase(found, i32.mul(i32.load(x), along));
    const isVector = i32.and(i32.eq(toStep, size), i32.eq(fromStep, size));
    const rowsBefore = i32.mul(part, partRows);
    return [
      increase(to, i32.mul(rowsBefore, toRow)),
      increase(from, i32.mul(rowsBefore, fromRow)),
      increase(index, i32.mul(rowsBefore, indexRow)),
      rows.set(i32.sub(rows, rowsBefore)),
      rows.set(choose(i32.lt(partRows, rows), partRows, rows)),
      whileLoop(
        i32.gt(rows, 0),
        t.set(to),
        f.set(from),
        x.set(index),
        left.set(n),
        either(
          indexStep,
          [
            whileLoop(
              i32.gt(left, 0),
              shift,
              one,
              // Back to where the row goes on.
              found.set(i32.sub(found, i32.mul(i32.load(x), along))),
              increase(t, toStep),
              increase(f, fromStep),
              increase(x, indexStep),
              increase(left, -1),
            ),
          ],
          [
            shift,
            when(
              isVector,
              whileLoop(i32.ge(left, 16 / size), vector, increase(t, 16), increase(f, 16), increase(left, -16 / size)),
            ),
            whileLoop(i32.gt(left, 0), one, increase(t, toStep), increase(f, fromStep), increase(left, -1)),
          ],
        ),
        increase(to, toRow),
        increase(from, fromRow),
        increase(index, indexRow),
        increase(rows, -1),
      ),
    ];
  });
  return runtime.link(module)("run");
}
type I = Local<"i32">;
type Six = readonly [I, I, I, I, I, I];
type Nine = readonly [I, I, I, I, I, I, I, I, I];

/** Calls the kernel for all but the last two axes of `shape`, which it walks itself. */
function walk(
  runtime: Runtime,
  entry: PartedEntry,
  shape: readonly number[],
  along: number,
  [to, from, index]: readonly [Placed, Placed, Placed],
  isShared: boolean,
): void {
  const n = shape.at(-1) ?? 1;
  const placed = [to, from, index];
  const rowSteps = placed.map(({ strides, size }) => (strides.at(-2) ?? 0) * size);
  const steps = placed.map((p) => lastStride(p) * p.size);
  const outer = placed.map(({ offset, strides }) => ({ offset, strides: strides.slice(0, -1) }));
  // To a row of one element leads one index.
  if (n === 1) steps[2] = 0;
  eachLine(shape.slice(0, -1), outer, (rows, at) => {
    const partRows = isShared ? Math.max(1, Math.ceil(partElements / n)) : rows;
    const args = [rows, n, partRows, along];
    placed.forEach(({ pointer, size }, i) => void args.push(pointer + at[i]! * size, rowSteps[i]!, steps[i]!));
    runtime.parallel(entry, Math.ceil(rows / partRows), args, 2 * rows * n);
  });
}

/** A layout in memory; sizes in bytes. */
interface Placed {
  readonly pointer: number;
  readonly offset: number;
  readonly strides: readonly number[];
  readonly size: number;
}
const place = (view: View): Placed => ({
  pointer: (view.storage as WasmStorage).pointer,
  offset: view.offset,
  strides: view.strides,
  size: itemSize(view.dtype),
});
/** The same, staying where it is along `axis`. */
const fixed = (view: View, axis: number): Placed => ({ ...place(view), strides: view.strides.with(axis, 0) });

export function gatherRunner(runtime: Runtime): Attempt<KernelRunner<GatherKernel>> {
  const entries: Partial<Record<ElementSize, PartedEntry>> = {};
  return ({ axis }, [x, indices], [output]) => {
    if (output!.size === 0) return true;
    const size = itemSize(output!.dtype) as ElementSize;
    entries[size] ??= build(runtime, size, null, false);
    const views = [place(output!), fixed(x!, axis), place(indices!)] as const;
    walk(runtime, entries[size], output!.shape, x!.strides[axis]! * size, views, true);
    return true;
  };
}

export function scatterRunner(runtime: Runtime): Attempt<KernelRunner<ScatterKernel>> {
  const entries: Partial<Record<string, PartedEntry>> = {};
  return (kernel, inputs, outputs, scalars) => {
    const { axis, reduction } = kernel;
    const [[indices, source], [output]] = [inputs, outputs];
    const { dtype } = output!;
    const isNumber = dtype === "float32" || dtype === "float64" || dtype === "int32";
    if (reduction !== "set" && !(reduction === "sum" && isNumber)) return runScatter(kernel, inputs, outputs, scalars);
    if (source!.size === 0) return true;
    const size = itemSize(dtype) as ElementSize;
    const key = reduction === "set" ? String(size) : dtype;
    const add = reduction === "set" ? null : arithmetic(dtype as ComputeDType, false).add;
    const entry = entries[key] ?? build(runtime, size, add, true);
    entries[key] = entry;
    const views = [fixed(output!, axis), place(source!), place(indices!)] as const;
    walk(runtime, entry, source!.shape, output!.strides[axis]! * size, views, false);
    return true;
  };
}
