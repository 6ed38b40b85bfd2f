/**
 * Stable sorting, by digits.
 *
 * Elements become whole numbers that are ordered as they are (NaN last), and those are sorted by eleven bits at a
 * time from the lowest, each time keeping the order there is (H. Seward, 1954). It takes time in proportion to the
 * number of elements. Short rows are sorted by insertion.
 */
import type { TypedArray } from "../../dtype.ts";
import type { KernelRunner, SortKernel } from "../backend.ts";
import { eachLine, lastStride } from "./indexing.ts";
import type { Attempt } from "./runtime.ts";

const digitBits = 11;
const buckets = 1 << digitBits;
/** Rows up to here are sorted by insertion. */
const short = 40;

/** Keys of a row: the words of each, the lowest first. */
interface Keys {
  readonly words: readonly Uint32Array[];
  /** Puts down the keys of the elements `from`, `from + step`, …. */
  readonly read: (source: TypedArray, from: number, step: number, length: number) => void;
}

function keysFor(array: TypedArray, length: number, descending: boolean): Keys {
  const top = new Uint32Array(length);
  const turn = descending ? 0xffffffff : 0;
  if (!(array instanceof Float32Array || array instanceof Float64Array)) {
    const read: Keys["read"] = (source, from, step, count) => {
      for (let i = 0, at = from; i < count; i++, at += step) top[i] = source[at]! ^ 0x80000000 ^ turn;
    };
    return { words: [top], read };
  }
  const isDouble = array instanceof Float64Array;
  const cell = isDouble ? new Float64Array(1) : new Float32Array(1);
  const bits = new Uint32Array(cell.buffer);
  const low = isDouble ? new Uint32Array(length) : null;
  const read: Keys["read"] = (source, from, step, count) => {
    for (let i = 0, at = from; i < count; i++, at += step) {
      const x = source[at]!;
      // Zeros of either sign are equal.
      cell[0] = x + 0;
      const high = bits[bits.length - 1]!;
      const flip = high >>> 31 === 1 ? 0xffffffff : 0;
      const isNaN = Number.isNaN(x);
      top[i] = isNaN ? 0xffffffff : high ^ (flip | 0x80000000) ^ turn;
      if (low !== null) low[i] = isNaN ? 0xffffffff : bits[0]! ^ flip ^ turn;
    }
  };
  return { words: low === null ? [top] : [low, top], read };
}

/** Writes into `order` the positions of the keys in ascending order. */
function sortByInsertion(words: readonly Uint32Array[], order: Int32Array, length: number): void {
  const high = words.at(-1)!;
  const low = words[0]!;
  for (let i = 0; i < length; i++) {
    let at = i;
    for (; at > 0; at--) {
      const before = order[at - 1]!;
      if (high[before]! < high[i]! || (high[before] === high[i] && low[before]! <= low[i]!)) break;
      order[at] = before;
    }
    order[at] = i;
  }
}

function sortByDigits(words: readonly Uint32Array[], order: Int32Array, spare: Int32Array, length: number): void {
  let [from, to] = [order, spare];
  for (let i = 0; i < length; i++) from[i] = i;
  const starts = new Int32Array(buckets + 1);
  for (const keys of words) {
    for (let shift = 0; shift < 32; shift += digitBits) {
      starts.fill(0);
      for (let i = 0; i < length; i++) starts[((keys[i]! >>> shift) & (buckets - 1)) + 1]!++;
      // Where all agree there is nothing to do.
      if (starts[((keys[0]! >>> shift) & (buckets - 1)) + 1] === length) continue;
      for (let b = 0; b < buckets; b++) starts[b + 1]! += starts[b]!;
      for (let i = 0; i < length; i++) {
        const p = from[i]!;
        to[starts[(keys[p]! >>> shift) & (buckets - 1)]!++] = p;
      }
      [from, to] = [to, from];
    }
  }
  if (from !== order) order.set(from.subarray(0, length));
}

export const runSort: Attempt<KernelRunner<SortKernel>> = ({ descending }, [input], [values, order]) => {
  const length = input!.shape.at(-1)!;
  if (input!.size === 0) return true;
  const source = input!.storage.array;
  const [sorted, positions] = [values!.storage.array, order!.storage.array];
  const keys = keysFor(source, length, descending);
  const [found, spare] = [new Int32Array(length), new Int32Array(length > short ? length : 0)];
  const [fromStep, toStep, orderStep] = [lastStride(input!), lastStride(values!), lastStride(order!)];
  eachLine(input!.shape, [input!, values!, order!], (_, [from, to, at]) => {
    keys.read(source, from!, fromStep, length);
    if (length <= short) sortByInsertion(keys.words, found, length);
    else sortByDigits(keys.words, found, spare, length);
    for (let i = 0; i < length; i++) {
      const p = found[i]!;
      sorted[to! + i * toStep] = source[from! + p * fromStep]!;
      positions[at! + i * orderStep] = p;
    }
  });
  return true;
};
