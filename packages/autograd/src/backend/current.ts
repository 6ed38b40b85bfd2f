import { ArgumentError, MemoryError, unknownOption } from "../errors.ts";
import type { Backend } from "./backend.ts";
import { referenceBackend } from "./reference/index.ts";
import { createWasmBackend, type MemoryStatistics, type WasmBackend } from "./wasm/index.ts";

/** Names of the backends there are. */
export type BackendName = "wasm" | "reference";

// Made when first needed, so that importing the package costs nothing.
let current: Backend | null = null;
let wasm: WasmBackend | null | undefined;

function wasmBackend(): WasmBackend | null {
  if (wasm === undefined) wasm = createWasmBackend();
  return wasm;
}

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
 * Chooses where new tensors live and operations run. Tensors made before stay usable.
 *
 * @param name `"wasm"`: kernels generated as WebAssembly, the default; `"reference"`: readable JavaScript that computes
 *   in float64 and defines what every other backend must give.
 * @throws {ArgumentError} when there is no backend of that name.
 * @throws {MemoryError} when WebAssembly with SIMD is not available.
 */
export function setBackend(name: BackendName): void {
  if (name === "reference") current = referenceBackend;
  else if (name === "wasm") {
    current = wasmBackend();
    if (current === null) {
      throw new MemoryError({
        op: "setBackend",
        message: "this engine has no WebAssembly SIMD",
        hint: 'use "reference"',
      });
    }
  } else throw unknownOption("setBackend", "name", name, ["wasm", "reference"]);
}

/**
 * Bytes of tensors in the WebAssembly heap, bytes it keeps for reuse, and bytes moved out of it since the start; zeros
 * where the reference backend alone has been used. See {@link MemoryStatistics}.
 */
export function memory(): MemoryStatistics {
  return wasm?.memory() ?? { live: 0, cached: 0, evicted: 0 };
}

/**
 * Number of threads that kernels are shared out to, the calling one included: by default as many as the machine has
 * cores; 1 where memory cannot be shared between threads (a page without cross-origin isolation), and on the reference
 * backend.
 */
export function getThreads(): number {
  return backend() === wasm ? wasm.threads() : 1;
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
    throw new ArgumentError({ op: "setThreads", message: `count is ${count}`, hint: "give an integer of at least 1" });
  }
  wasmBackend()?.setThreads(count);
}
