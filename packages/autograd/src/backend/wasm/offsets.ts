/** Tables of byte offsets: how kernels reach the elements of any group of axes with one addition. */
import type { View } from "../backend.ts";
import { addressOf } from "./runtime.ts";

/** Byte offsets of the elements of axes `from` to `to`, written to `table` from `at` on; the position after them. */
export function writeOffsets(
  view: View,
  from: number,
  to: number,
  size: number,
  start: number,
  table: Int32Array,
  at: number,
): number {
  table[at] = start;
  let count = 1;
  for (let axis = from; axis < to; axis++) {
    const length = view.shape[axis]!;
    const stride = view.strides[axis]! * size;
    // Each entry becomes `length` of them; from the last to the first, none is overwritten before it is read.
    for (let i = count - 1; i >= 0; i--) {
      const offset = table[at + i]!;
      for (let j = length - 1; j >= 0; j--) table[at + i * length + j] = offset + j * stride;
    }
    count *= length;
  }
  return at + count;
}

/** Whether the entries `from` to `to` are `step` apart. */
export function isRun(table: Int32Array, from: number, to: number, step: number): boolean {
  for (let i = from + 1; i < to; i++) if (table[i]! - table[i - 1]! !== step) return false;
  return true;
}

/** Whether every 16 bytes' worth of entries, from the first on, are of consecutive elements. */
export function isInRuns(table: Int32Array, from: number, to: number, size: number): boolean {
  const mask = 16 / size - 1;
  for (let i = from + 1; i < to; i++) {
    if (((i - from) & mask) !== 0 && table[i]! - table[i - 1]! !== size) return false;
  }
  return true;
}

/** The greatest number such that all entries come in runs of as many consecutive elements. */
export function runLength(table: Int32Array, from: number, to: number, size: number): number {
  let length = to - from;
  let start = from;
  const commonWith = (n: number): void => {
    for (let rest = n; rest !== 0; ) [length, rest] = [rest, length % rest];
  };
  for (let i = from + 1; i < to && length > 1; i++) {
    if (table[i]! - table[i - 1]! === size) continue;
    commonWith(i - start);
    start = i;
  }
  commonWith(to - start);
  return length;
}

/** Address of the end of a view's storage. */
export function storageEnd(view: View, size: number): number {
  return addressOf(view, size) + (view.storage.length - view.offset) * size;
}

/** The product of the lengths of some axes. */
export function product(shape: readonly number[], from: number, to: number): number {
  let result = 1;
  for (let i = from; i < to; i++) result *= shape[i]!;
  return result;
}
