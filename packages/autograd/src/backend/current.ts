import { ArgumentError, checkOptions, MemoryError, shown, unknownOption } from "../errors.ts";
import type { Backend } from "./backend.ts";
import { referenceBackend } from "./reference/index.ts";
import { createWasmBackend, type MemoryStatistics, type WasmBackend } from "./wasm/index.ts";

/** Names of the backends there are. */
export type BackendName = "wasm" | "reference";

/** How {@link setBackend} is to set up a backend. */
export interface BackendOptions {
  /**
   * The same bits on every kind of processor: no fused multiply-adds, so that products of matrices take about twice as
   * long. For `"wasm"` alone; the reference is portable by itself. Default: false.
   */
  readonly portable?: boolean;
}

// Made when first needed, so that importing the package costs nothing.
let current: Backend | null = null;
/** By whether they are portable; null where there is no SIMD. */
const wasmBackends = new Map<boolean, WasmBackend | null>();
let threads: number | undefined;

function wasmBackend(portable = false): WasmBackend | null {
  let found = wasmBackends.get(portable);
  if (found === undefined) {
    found = createWasmBackend({ portable, ...(threads === undefined ? {} : { threads }) });
    wasmBackends.set(portable, found);
  }
  return found;
}

/** Those that have been made. */
const made = (): WasmBackend[] => [...wasmBackends.values()].filter((b) => b !== null);

/** The backend on which new tensors are made and operations run. */
export function backend(): Backend {
  current ??= wasmBackend() ?? referenceBackend;
  return current;
}

/**
 * Name of the backend in use: `"wasm"` where the processor and engine have SIMD, unless {@link setBackend} has chosen
 * another; `"reference"` where they have not.
 */
export function getBackend(): BackendName {
  return backend().name as BackendName;
}

/**
 * Chooses where new tensors live and operations run. Tensors made before stay usable, if slowly where they live in
 * another WebAssembly memory: choose first.
 *
 * @param name `"wasm"`: kernels generated as WebAssembly, the default; `"reference"`: readable JavaScript that computes
 *   in float64 and defines what every other backend must give.
 * @throws {ArgumentError} when there is no backend of that name.
 * @throws {MemoryError} when WebAssembly with SIMD is not available.
 *
 * @example
 * ```ts
 * setBackend("wasm", { portable: true });
 * getBackend(); // "wasm"
 * setBackend("wasm");
 * ```
 */
export function setBackend(name: BackendName, options: BackendOptions = {}): void {
  const { portable = false } = checkOptions("setBackend", options, ["portable"]);
  if (name === "reference") current = referenceBackend;
  else if (name === "wasm") {
    const found = wasmBackend(portable);
    if (found === null) {
      throw new MemoryError({
        op: "setBackend",
        message: "this engine has no WebAssembly SIMD",
        hint: 'use "reference"',
      });
    }
    current = found;
  } else throw unknownOption("setBackend", "name", name, ["wasm", "reference"]);
}

/**
 * Bytes of tensors in the WebAssembly heap, bytes it keeps for reuse, and bytes moved out of it since the start; zeros
 * where the reference backend alone has been used. See {@link MemoryStatistics}.
 */
export function memory(): MemoryStatistics {
  const total = { live: 0, cached: 0, evicted: 0 };
  for (const { live, cached, evicted } of made().map((b) => b.memory())) {
    total.live += live;
    total.cached += cached;
    total.evicted += evicted;
  }
  return total;
}

/**
 * Number of threads that kernels are shared out to, the calling one included: by default as many as the machine has
 * cores; 1 where memory cannot be shared between threads (a page without cross-origin isolation), and on the reference
 * backend.
 */
export function getThreads(): number {
  const used = backend();
  return (
    made()
      .find((b) => b === used)
      ?.threads() ?? 1
  );
}

/**
 * Sets the number of threads that kernels are shared out to. Results are the same bits for any number.
 *
 * @param count 1 turns threads off.
 * @throws {ArgumentError} when `count` is not an integer of at least 1.
 *
 * @example
 * ```ts
 * setThreads(1);
 * getThreads(); // 1
 * ```
 */
export function setThreads(count: number): void {
  if (!Number.isInteger(count) || count < 1) {
    throw new ArgumentError({
      op: "setThreads",
      message: `count is ${shown(count)}`,
      hint: "give an integer of at least 1",
    });
  }
  threads = count;
  for (const b of made()) b.setThreads(count);
}
