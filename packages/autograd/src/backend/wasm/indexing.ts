/**
 * Scatter to products and extremes, accumulate, and cumulative logSumExp, as loops over linear memory.
 *
 * They move elements about and compute next to nothing, so plain loops do; what counts is that a line along the last
 * axis is walked with constant steps and nothing is allocated per element. Accumulating into a view that meets no
 * element twice is an elementwise sum in place, which is generated code.
 */
import type { ComputeDType } from "../../dtype.ts";
import { add, argument } from "../../scalar/expression.ts";
import { isContiguous, isInjective } from "../../shape.ts";
import type { AccumulateKernel, ElementwiseKernel, KernelRunner, ScanKernel, ScatterKernel, View } from "../backend.ts";
import type { Attempt } from "./runtime.ts";

/** A layout over the shape that is walked, whose strides may differ from its view's. */
interface Walker {
  readonly offset: number;
  readonly strides: readonly number[];
}

/** Calls `visit` for every line along the last axis, in row-major order, with the position each walker starts at. */
export function eachLine(
  shape: readonly number[],
  walkers: readonly Walker[],
  visit: (length: number, at: readonly number[]) => void,
): void {
  const outer = Math.max(0, shape.length - 1);
  if (shape.includes(0)) return;
  const length = shape[outer] ?? 1;
  const index = new Array<number>(outer).fill(0);
  const at = walkers.map((w) => w.offset);
  for (;;) {
    visit(length, at);
    let axis = outer - 1;
    for (; axis >= 0; axis--) {
      const ended = ++index[axis]! === shape[axis]!;
      const steps = ended ? 1 - shape[axis]! : 1;
      for (let w = 0; w < walkers.length; w++) at[w]! += steps * walkers[w]!.strides[axis]!;
      if (!ended) break;
      index[axis] = 0;
    }
    if (axis < 0) return;
  }
}

export const lastStride = ({ strides }: Walker): number => strides.at(-1) ?? 0;
/** The same, staying where it is along `axis`. */
const fixed = ({ offset, strides }: View, axis: number): Walker => ({
  offset,
  strides: strides.map((s, k) => (k === axis ? 0 : s)),
});

type Combine = (old: number, value: number) => number;
const combinations: Readonly<Record<Exclude<ScatterKernel["reduction"], "set">, Combine>> = {
  sum: (a, b) => a + b,
  prod: (a, b) => a * b,
  max: Math.max,
  min: Math.min,
};

export const runScatter: Attempt<KernelRunner<ScatterKernel>> = ({ axis, reduction }, [indices, source], [output]) => {
  // Moving elements without arithmetic is generated code.
  if (reduction === "set") return false;
  const lines = fixed(output!, axis);
  const [index, values, result] = [indices!.storage.array, source!.storage.array, output!.storage.array];
  const along = output!.strides[axis]!;
  const [toStep, indexStep, fromStep] = [lastStride(lines), lastStride(indices!), lastStride(source!)];
  const combine = combinations[reduction];
  eachLine(indices!.shape, [lines, indices!, source!], (length, [line, at, from]) => {
    let [to, i, s] = [line!, at!, from!];
    for (let left = length; left > 0; left--, to += toStep, i += indexStep, s += fromStep) {
      const target = to + index[i]! * along;
      result[target] = combine(result[target]!, values[s]!);
    }
  });
  return true;
};

const sums = Object.fromEntries(
  (["float32", "float64", "int32"] as const).map((compute): [ComputeDType, ElementwiseKernel] => [
    compute,
    { kind: "elementwise", expressions: [add(argument(0), argument(1))], compute },
  ]),
) as Readonly<Record<ComputeDType, ElementwiseKernel>>;

/** Elements from which on rows are added one by one, wherever they lie. */
const shortestRow = 8;

export function accumulateRunner(
  elementwise: Attempt<KernelRunner<ElementwiseKernel>>,
  windows: Attempt<KernelRunner<AccumulateKernel>>,
): Attempt<KernelRunner<AccumulateKernel>> {
  return (kernel, [input], [output], scalars) => {
    const { dtype } = output!;
    const isNumber = dtype === "float32" || dtype === "float64" || dtype === "int32";
    const inRows = (output!.shape.at(-1) ?? 1) >= shortestRow && !(isContiguous(input!) && isContiguous(output!));
    if (inRows && windows(kernel, [input!], [output!], scalars)) return true;
    if (isNumber && input!.dtype === dtype && isInjective(output!)) {
      return elementwise(sums[dtype], [output!, input!], [output!], []);
    }
    if (windows(kernel, [input!], [output!], scalars)) return true;
    const [source, result] = [input!.storage.array, output!.storage.array];
    const [fromStep, toStep] = [lastStride(input!), lastStride(output!)];
    eachLine(output!.shape, [input!, output!], (length, [from, to]) => {
      for (let i = 0; i < length; i++) result[to! + i * toStep]! += source[from! + i * fromStep]!;
    });
    return true;
  };
}

/** The running value and the next element give the next running value, in float64 whatever is stored. */
const scans: Readonly<Record<ScanKernel["reduction"], Combine>> = {
  sum: (a, b) => a + b,
  prod: (a, b) => a * b,
  max: Math.max,
  min: Math.min,
  logSumExp: (a, b) => {
    const high = Math.max(a, b);
    return Number.isFinite(high) ? high + Math.log1p(Math.exp(Math.min(a, b) - high)) : high;
  },
};
const integerScans: typeof scans = { ...scans, sum: (a, b) => (a + b) | 0, prod: Math.imul };

export const runScan: Attempt<KernelRunner<ScanKernel>> = ({ reduction }, [input], [output]) => {
  const combine = (output!.dtype === "int32" ? integerScans : scans)[reduction];
  const isFloatSum = reduction === "sum" && output!.dtype !== "int32";
  const [source, result] = [input!.storage.array, output!.storage.array];
  const [fromStep, toStep] = [lastStride(input!), lastStride(output!)];
  eachLine(output!.shape, [input!, output!], (length, at) => {
    let [from, to] = at as [number, number];
    let running = source[from]!;
    result[to] = running;
    for (let i = 1; i < length; i++) {
      from += fromStep;
      to += toStep;
      // Written out, as most scans are this one.
      running = isFloatSum ? running + source[from]! : combine(running, source[from]!);
      result[to] = running;
    }
  });
  return true;
};
