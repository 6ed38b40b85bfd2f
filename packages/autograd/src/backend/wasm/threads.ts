import type { PartedEntry } from "./runtime.ts";

/** Threads that share the heap. */
export interface Pool {
  /** Threads that run parts, the calling one included. */
  readonly size: number;
  run(parted: PartedEntry, parts: number, args: readonly number[]): void;
}
