/**
 * What this engine's WebAssembly can do, found out by asking it to validate tiny modules.
 */
import { f32x4, ModuleBuilder, type V128 } from "./assembler.ts";
import { webAssembly } from "./platform.ts";

export interface Features {
  /** 128-bit vectors; without them there is no WebAssembly backend. */
  readonly simd: boolean;
  /** Fused multiply-add, among others. */
  readonly relaxedSimd: boolean;
  /** Memory that workers can share. In browsers only on cross-origin isolated pages. */
  readonly sharedMemory: boolean;
}

const validates = (operation: (x: V128) => V128): boolean => {
  const module = new ModuleBuilder(false);
  module.function("f", ["v128"], ["v128"], (_, x) => [operation(x)]);
  return webAssembly.validate(module.build());
};

function canShareMemory(): boolean {
  if (typeof SharedArrayBuffer === "undefined" || typeof Atomics === "undefined") return false;
  try {
    return new webAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer instanceof SharedArrayBuffer;
  } catch {
    return false;
  }
}

let found: Features | undefined;

export function features(): Features {
  found ??= {
    simd: webAssembly !== undefined && validates((x) => f32x4.add(x, x)),
    relaxedSimd: webAssembly !== undefined && validates((x) => f32x4.relaxedMadd(x, x, x)),
    sharedMemory: webAssembly !== undefined && canShareMemory(),
  };
  return found;
}
