import { allocateArray, type DType, type TypedArray } from "../../dtype.ts";
import type { Backend, Kernel, KernelRunner, KernelTable, Storage } from "../backend.ts";
import { runContract } from "./contract.ts";
import { runElementwise } from "./elementwise.ts";
import { runAccumulate, runGather, runScatter, runSort } from "./indexing.ts";
import { runRandom } from "./random.ts";
import { runExtremeGradient, runReduce, runScan, runSoftmax } from "./reduce.ts";

/** Runs every kind of kernel on the storages' arrays, readably and in float64: the specification of all backends. */
export const referenceKernels: KernelTable = {
  elementwise: runElementwise,
  reduce: runReduce,
  scan: runScan,
  contract: runContract,
  softmax: runSoftmax,
  gather: runGather,
  scatter: runScatter,
  accumulate: runAccumulate,
  extremeGradient: runExtremeGradient,
  sort: runSort,
  random: runRandom,
};

/** Runs `kernel` with the runner a table has for its kind. */
export function runFrom(table: KernelTable, kernel: Kernel, ...rest: RunnerArguments): void {
  (table[kernel.kind] as KernelRunner)(kernel, ...rest);
}

type RunnerArguments = Parameters<KernelRunner> extends [unknown, ...infer Rest] ? Rest : never;

/** Storage on the garbage-collected heap. */
function storage(dtype: DType, array: TypedArray): Storage {
  return { dtype, length: array.length, array, version: 0, holders: -1 };
}

/** The backend every other one is tested against. */
export const referenceBackend: Backend = {
  name: "reference",
  allocate: (dtype, length) => storage(dtype, allocateArray(dtype, length)),
  adopt: storage,
  // The garbage collector sees to it.
  free: () => {},
  run: (kernel, inputs, outputs, scalars = []) => runFrom(referenceKernels, kernel, inputs, outputs, scalars),
};
