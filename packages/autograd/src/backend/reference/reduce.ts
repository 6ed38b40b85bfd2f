import type { TypedArray } from "../../dtype.ts";
import { type Layout, sizeOf } from "../../shape.ts";
import type {
  ExtremeGradientKernel,
  KernelRunner,
  ReduceKernel,
  Reduction,
  ScanKernel,
  SoftmaxKernel,
} from "../backend.ts";
import { axesOf, positions } from "./traverse.ts";

type Reducer = (array: TypedArray, base: number, offsets: Int32Array) => number;

/** Recursive halving: the error of a sum of n terms grows like log n. */
function pairwiseSum(array: TypedArray, base: number, offsets: Int32Array, from: number, to: number): number {
  if (to - from <= 16) {
    let sum = 0;
    for (let i = from; i < to; i++) sum += array[base + offsets[i]!]!;
    return sum;
  }
  const middle = (from + to) >>> 1;
  return pairwiseSum(array, base, offsets, from, middle) + pairwiseSum(array, base, offsets, middle, to);
}

/** Position of the first element that no other one beats; a NaN beats everything. */
function extreme(array: TypedArray, base: number, offsets: Int32Array, sign: number): number {
  let best = 0;
  for (let i = 0; i < offsets.length; i++) {
    const value = array[base + offsets[i]!]!;
    if (Number.isNaN(value)) return i;
    if (sign * value > sign * array[base + offsets[best]!]!) best = i;
  }
  return best;
}

const floatReducers: Readonly<Record<Reduction, Reducer>> = {
  sum: (array, base, offsets) => pairwiseSum(array, base, offsets, 0, offsets.length),
  prod: (array, base, offsets) => offsets.reduce((product, o) => product * array[base + o]!, 1),
  max: (array, base, offsets) => array[base + offsets[extreme(array, base, offsets, 1)]!]!,
  min: (array, base, offsets) => array[base + offsets[extreme(array, base, offsets, -1)]!]!,
  argmax: (array, base, offsets) => extreme(array, base, offsets, 1),
  argmin: (array, base, offsets) => extreme(array, base, offsets, -1),
  any: (array, base, offsets) => Number(offsets.some((o) => array[base + o] !== 0)),
  all: (array, base, offsets) => Number(offsets.every((o) => array[base + o] !== 0)),
};

const integerReducers: Readonly<Record<Reduction, Reducer>> = {
  ...floatReducers,
  sum: (array, base, offsets) => offsets.reduce((sum, o) => (sum + array[base + o]!) | 0, 0),
  prod: (array, base, offsets) => offsets.reduce((product, o) => Math.imul(product, array[base + o]!), 1),
};

export const runReduce: KernelRunner<ReduceKernel> = ({ reduction }, [input], [output]) => {
  const kept = output!.shape.length;
  const isFloat = input!.dtype === "float32" || input!.dtype === "float64";
  const reducer = (isFloat ? floatReducers : integerReducers)[reduction];
  const bases = positions(axesOf(input!, 0, kept, input!.offset));
  const offsets = positions(axesOf(input!, kept, input!.shape.length, 0));
  const targets = positions(output!);
  const source = input!.storage.array;
  const result = output!.storage.array;
  for (let i = 0; i < bases.length; i++) result[targets[i]!] = reducer(source, bases[i]!, offsets);
};

export const runExtremeGradient: KernelRunner<ExtremeGradientKernel> = (_, [x, extreme, cotangent], [output]) => {
  const [kept, rank] = [extreme!.shape.length, x!.shape.length];
  const [bases, offsets] = [positions(axesOf(x!, 0, kept, x!.offset)), positions(axesOf(x!, kept, rank, 0))];
  const targets = positions(axesOf(output!, 0, kept, output!.offset));
  const targetOffsets = positions(axesOf(output!, kept, rank, 0));
  const [extremes, cotangents] = [positions(extreme!), positions(cotangent!)];
  const [source, result] = [x!.storage.array, output!.storage.array];
  for (let i = 0; i < bases.length; i++) {
    const best = extreme!.storage.array[extremes[i]!]!;
    let count = 0;
    for (const o of offsets) if (source[bases[i]! + o] === best) count++;
    const share = cotangent!.storage.array[cotangents[i]!]! / count;
    for (let k = 0; k < offsets.length; k++) {
      if (count === 0) result[targets[i]! + targetOffsets[k]!] = Number.NaN;
      else if (source[bases[i]! + offsets[k]!] === best) result[targets[i]! + targetOffsets[k]!]! += share;
    }
  }
};

/** The layout of all rows along the last axis: where each starts, and the steps within one. */
function rows(view: Layout): { starts: Int32Array; stride: number; length: number } {
  const last = view.shape.length - 1;
  const starts = positions(axesOf(view, 0, last, view.offset));
  return { starts, stride: view.strides[last]!, length: view.shape[last]! };
}

export const runScan: KernelRunner<ScanKernel> = ({ reduction }, [input], [output]) => {
  if (sizeOf(output!.shape) === 0) return;
  const from = rows(input!);
  const to = rows(output!);
  const source = input!.storage.array;
  const result = output!.storage.array;
  const isInteger = output!.dtype === "int32";
  const combine: Readonly<Record<ScanKernel["reduction"], (a: number, b: number) => number>> = {
    sum: isInteger ? (a, b) => (a + b) | 0 : (a, b) => a + b,
    prod: isInteger ? Math.imul : (a, b) => a * b,
    max: Math.max,
    min: Math.min,
    logSumExp: (a, b) => {
      const high = Math.max(a, b);
      return Number.isFinite(high) ? high + Math.log1p(Math.exp(Math.min(a, b) - high)) : high;
    },
  };
  for (let r = 0; r < from.starts.length; r++) {
    let running = source[from.starts[r]!]!;
    result[to.starts[r]!] = running;
    for (let i = 1; i < from.length; i++) {
      running = combine[reduction](running, source[from.starts[r]! + i * from.stride]!);
      result[to.starts[r]! + i * to.stride] = running;
    }
  }
};

export const runSoftmax: KernelRunner<SoftmaxKernel> = ({ log }, [input], [output]) => {
  if (sizeOf(output!.shape) === 0) return;
  const from = rows(input!);
  const to = rows(output!);
  const source = input!.storage.array;
  const result = output!.storage.array;
  const shifted = new Float64Array(from.length);
  for (let r = 0; r < from.starts.length; r++) {
    let high = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < from.length; i++) {
      shifted[i] = source[from.starts[r]! + i * from.stride]!;
      high = Math.max(high, shifted[i]!);
    }
    let sum = 0;
    for (let i = 0; i < from.length; i++) {
      shifted[i]! -= high;
      sum += Math.exp(shifted[i]!);
    }
    const logSum = Math.log(sum);
    for (let i = 0; i < from.length; i++) {
      const value = log ? shifted[i]! - logSum : Math.exp(shifted[i]!) / sum;
      result[to.starts[r]! + i * to.stride] = value;
    }
  }
};
