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

/** Elements of trailing axes before `to` that lie next to each other, and the first of those axes. */
export function innerRun({ shape, strides }: View, from: number, to: number): { length: number; axis: number } {
  let [length, axis] = [1, to];
  while (axis > from && (strides[axis - 1] === length || shape[axis - 1] === 1)) length *= shape[--axis]!;
  return { length, axis };
}

/** The distance of the elements of axes that can be walked as one, 0 for a single element; null where they cannot. */
export function stepOf({ shape, strides }: View, from: number, to: number): number | null {
  let [step, length] = [0, 1];
  for (let axis = to - 1; axis >= from; axis--) {
    if (shape[axis] === 1) continue;
    if (length === 1) step = strides[axis]!;
    else if (strides[axis] !== step * length) return null;
    length *= shape[axis]!;
  }
  return step;
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
