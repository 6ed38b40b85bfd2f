/**
 * Running sums, products and extremes along rows. Each element waits for the one before, so four rows are walked side by
 * side. Floats are carried in float64, whatever is stored.
 */
import { itemSize } from "../../dtype.ts";
import type { KernelRunner, ScanKernel } from "../backend.ts";
import {
  choose,
  f32x4,
  f64x2,
  type I32,
  i32,
  increase,
  int,
  type Local,
  locals,
  type Statement,
  type V128,
  v128,
  whileLoop,
} from "./assembler.ts";
import { type Fold, folding } from "./fold.ts";
import { eachLine, lastStride, runScan } from "./indexing.ts";
import { type Attempt, addressOf, type PartedEntry, type Runtime } from "./runtime.ts";

type Scanned = "float32" | "float64" | "int32";

const rowsAtOnce = 4;
/** Elements of a part. */
const partElements = 32768;

/** `run(part, thread, rows, n, partRows, to, toRow, toStep, from, fromRow, fromStep)`; all steps are in bytes. */
function build(runtime: Runtime, fold: Fold, dtype: Scanned): PartedEntry {
  const module = runtime.module();
  const size = itemSize(dtype) as 4 | 8;
  const { combine } = folding(fold, dtype === "int32" ? "int32" : "float64");
  /** Which rows share a vector. */
  const groups =
    dtype === "int32"
      ? [[0, 1, 2, 3]]
      : [
          [0, 1],
          [2, 3],
        ];
  const types = Array.from({ length: 11 }, () => "i32" as const);
  module.function("run", types, [], (scope, ...args) => {
    const [part, , rows, n, partRows] = args as unknown as readonly [I, I, I, I, I];
    const [to, toRow, toStep, from, fromRow, fromStep] = args.slice(5) as unknown as readonly [I, I, I, I, I, I];
    const pointers = (): I[] => Array.from({ length: rowsAtOnce }, () => scope.local("i32"));
    const [sources, targets] = [pointers(), pointers()];
    const [left, last] = locals(scope, "i32");
    const running = groups.map(() => scope.local("v128"));
    const load = (group: readonly number[]): V128 => {
      let lanes = v128.splat[size](sources[group[0]!]!);
      for (let i = 1; i < group.length; i++) lanes = v128.loadLane[size](i, sources[group[i]!]!, lanes);
      return dtype === "float32" ? f64x2.promoteLow(lanes) : lanes;
    };
    const store = (group: readonly number[], x: V128): Statement[] => {
      const lanes = dtype === "float32" ? f32x4.demote(x) : x;
      return group.map((row, i) => v128.storeLane[size](i, targets[row]!, lanes));
    };
    const each = (step: (group: readonly number[], carried: Local<"v128">) => Statement[]): Statement[] =>
      groups.flatMap((group, g) => step(group, running[g]!));
    /** Of fewer than four rows, the last takes the places of those that are not there. */
    const place = (pointer: I, k: number, start: I, row: I): Statement =>
      pointer.set(i32.add(start, i32.mul(choose(i32.lt(last, k), last as I32, int(k)), row)));
    const before = i32.mul(part, partRows);
    return [
      increase(to, i32.mul(before, toRow)),
      increase(from, i32.mul(before, fromRow)),
      rows.set(i32.sub(rows, before)),
      rows.set(choose(i32.lt(partRows, rows), partRows, rows)),
      whileLoop(
        i32.gt(rows, 0),
        last.set(i32.sub(rows, 1)),
        ...sources.map((p, k) => place(p, k, from, fromRow)),
        ...targets.map((p, k) => place(p, k, to, toRow)),
        ...each((group, carried) => [carried.set(load(group)), ...store(group, carried)]),
        left.set(i32.sub(n, 1)),
        whileLoop(
          i32.gt(left, 0),
          ...sources.map((p) => increase(p, fromStep)),
          ...targets.map((p) => increase(p, toStep)),
          ...each((group, carried) => [carried.set(combine(carried, load(group))), ...store(group, carried)]),
          increase(left, -1),
        ),
        increase(to, i32.mul(toRow, rowsAtOnce)),
        increase(from, i32.mul(fromRow, rowsAtOnce)),
        increase(rows, -rowsAtOnce),
      ),
    ];
  });
  return runtime.link(module)("run");
}
type I = Local<"i32">;

export function scanRunner(runtime: Runtime): Attempt<KernelRunner<ScanKernel>> {
  const entries = new Map<string, PartedEntry>();
  return (kernel, inputs, outputs, scalars) => {
    const { reduction } = kernel;
    const [[input], [output]] = [inputs, outputs];
    const { dtype } = output!;
    const isNumber = dtype === "float32" || dtype === "float64" || dtype === "int32";
    if (reduction === "logSumExp" || !isNumber || input!.dtype !== dtype) {
      return runScan(kernel, inputs, outputs, scalars);
    }
    const key = reduction + dtype;
    const entry = entries.get(key) ?? build(runtime, reduction, dtype);
    entries.set(key, entry);
    const n = output!.shape.at(-1) ?? 1;
    const size = itemSize(dtype);
    const views = [output!, input!];
    const walkers = views.map((v) => ({ offset: 0, strides: v.strides.slice(0, -1) }));
    eachLine(output!.shape.slice(0, -1), walkers, (rows, at) => {
      if (n === 0) return;
      const partRows = rowsAtOnce * Math.max(1, Math.ceil(partElements / n / rowsAtOnce));
      const args = [rows, n, partRows];
      views.forEach((v, i) => {
        args.push(addressOf(v, size) + at[i]! * size, (v.strides.at(-2) ?? 0) * size, lastStride(v) * size);
      });
      runtime.parallel(entry, Math.ceil(rows / partRows), args, 8 * rows * n);
    });
    return true;
  };
}
