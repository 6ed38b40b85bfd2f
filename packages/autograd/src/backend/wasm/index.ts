/**
 * The WebAssembly backend: tensors in linear memory, kernels generated for the expression, dtype and access pattern at
 * hand. What is not generated runs on the reference's kernels, over the same memory.
 */
import type { DType, TypedArray } from "../../dtype.ts";
import { ArgumentError } from "../../errors.ts";
import type { Backend, Kernel, KernelKind, KernelRunner, Storage, View } from "../backend.ts";
import { referenceKernels } from "../reference/index.ts";
import { contractRunner } from "./contract.ts";
import { elementwiseRunner } from "./elementwise.ts";
import { features } from "./features.ts";
import { gatherRunner, scatterRunner } from "./gather.ts";
import { accumulateRunner } from "./indexing.ts";
import { Heap, type MemoryStatistics, type WasmStorage } from "./memory.ts";
import { randomRunner } from "./random.ts";
import { reduceRunner } from "./reduce.ts";
import { positionRunner, softmaxRunner } from "./rows.ts";
import { type Attempt, Runtime } from "./runtime.ts";
import { scanRunner } from "./scan.ts";
import { runSort } from "./sort.ts";
import { availableThreads } from "./threads.ts";
import { windowRunners } from "./windows.ts";

export type { MemoryStatistics } from "./memory.ts";

export interface WasmOptions {
  /** Most bytes of WebAssembly memory to use, at most 4 GiB. Default 2 GiB. */
  readonly memoryLimit?: number;
  /** Where eviction of unused tensors begins. Default 64 MiB; it grows as needed. */
  readonly softMemoryLimit?: number;
  /** Tensors in the heap at which eviction of unused ones begins. Default 1024; it grows as needed. */
  readonly softCount?: number;
  /** Same bits on every processor, at the price of fused multiply-adds. Default `false`. */
  readonly portable?: boolean;
  /** Threads to run on. Default: as many as the machine runs at once, where memory can be shared. */
  readonly threads?: number;
  /** Kinds of kernels to leave to the reference, for finding faults. */
  readonly without?: readonly KernelKind[];
}

export interface WasmBackend extends Backend {
  readonly name: "wasm";
  allocate(dtype: DType, length: number): WasmStorage;
  /** Keeps storage in the WebAssembly heap until it is unpinned. */
  pin(storage: Storage): void;
  unpin(storage: Storage): void;
  memory(): MemoryStatistics;
  /** Threads in use; 1 where memory cannot be shared. */
  threads(): number;
  /** @throws {ArgumentError} when `count` is not an integer of at least 1. */
  setThreads(count: number): void;
  /** Whether kernels use relaxed SIMD. */
  readonly relaxedSimd: boolean;
}

/**
 * Creates the backend; `null` where WebAssembly has no SIMD.
 * @throws {ArgumentError} when a limit is not a number of bytes up to 4 GiB.
 */
export function createWasmBackend(options: WasmOptions = {}): WasmBackend | null {
  const found = features();
  if (!found.simd) return null;
  const limit = options.memoryLimit ?? 2 ** 31;
  if (!(limit >= 2 ** 17 && limit <= 2 ** 32)) {
    throw new ArgumentError({
      op: "createWasmBackend",
      message: `memoryLimit is ${limit}`,
      hint: "give 2^17 to 2^32 bytes",
    });
  }
  const { softMemoryLimit: softLimit, softCount } = options;
  const heap = new Heap({ limit, shared: found.sharedMemory, softLimit, softCount });
  const relaxedSimd = found.relaxedSimd && options.portable !== true;
  const runtime = new Runtime(heap, found.sharedMemory, relaxedSimd);
  function setThreads(count: number): void {
    if (!Number.isInteger(count) || count < 1) {
      throw new ArgumentError({
        op: "setThreads",
        message: `count is ${count}`,
        hint: "give an integer of at least 1",
      });
    }
    runtime.threads = count;
  }
  setThreads(options.threads ?? availableThreads());
  const elementwise = elementwiseRunner(runtime);
  const [reduce, position] = [reduceRunner(runtime, elementwise), positionRunner(runtime, elementwise)];
  const windows = windowRunners(runtime);
  const generated: Partial<Record<KernelKind, Attempt<KernelRunner<never>>>> = {
    contract: contractRunner(runtime),
    elementwise,
    reduce: (...args: Parameters<typeof reduce>) => windows.reduce(...args) || reduce(...args) || position(...args),
    gather: gatherRunner(runtime),
    scatter: scatterRunner(runtime),
    accumulate: accumulateRunner(elementwise, windows.accumulate),
    extremeGradient: windows.extremeGradient,
    scan: scanRunner(runtime),
    sort: runSort,
    random: randomRunner(runtime),
    softmax: softmaxRunner(runtime, elementwise),
  };
  for (const kind of options.without ?? []) delete generated[kind];

  return {
    name: "wasm",
    relaxedSimd,
    allocate: (dtype, length) => heap.allocate(dtype, length),
    adopt: (dtype: DType, array: TypedArray) => heap.adopt(dtype, array),
    free: (storage) => {
      if ((storage as WasmStorage).heap === heap) heap.free(storage as WasmStorage);
    },
    pin: (storage) => heap.pin(storage as WasmStorage),
    unpin: (storage) => heap.unpin(storage as WasmStorage),
    memory: () => heap.statistics(),
    threads: () => runtime.threads,
    setThreads,
    run(kernel: Kernel, inputs: readonly View[], outputs: readonly View[], scalars: readonly number[] = []): void {
      const clock = ++heap.clock;
      let absent = false;
      let foreign = false;
      for (let i = 0; i < inputs.length; i++) {
        const storage = inputs[i]!.storage as WasmStorage;
        if (storage.heap !== heap) {
          foreign = true;
          continue;
        }
        storage.stamp = clock;
        if (storage.pointer === 0) absent = true;
      }
      for (let i = 0; i < outputs.length; i++) {
        const storage = outputs[i]!.storage as WasmStorage;
        if (storage.heap !== heap) {
          foreign = true;
          continue;
        }
        storage.stamp = clock;
        if (storage.pointer === 0) absent = true;
      }
      // Tensors of another backend are not in linear memory; the reference's kernels reach both.
      if (foreign) {
        (referenceKernels[kernel.kind] as KernelRunner)(kernel, inputs, outputs, scalars);
        return;
      }
      // Only now that all are stamped, so that bringing one back does not evict another.
      if (absent) {
        for (const { storage } of inputs) heap.bring(storage as WasmStorage);
        for (const { storage } of outputs) heap.bring(storage as WasmStorage);
      }
      for (let i = 0; i < outputs.length; i++) (outputs[i]!.storage as WasmStorage).copy = null;
      const attempt = generated[kernel.kind];
      if (attempt?.(kernel as never, inputs, outputs, scalars) === true) return;
      (referenceKernels[kernel.kind] as KernelRunner)(kernel, inputs, outputs, scalars);
    },
  };
}
