import type { SortKernel } from "../backend/backend.ts";
import { backend } from "../backend/current.ts";
import { ArgumentError, checkOptions, ShapeError, shown, unknownOption } from "../errors.ts";
import { allocate } from "../launch.ts";
import { type Op, savesNothing } from "../op.ts";
import { normalizeAxis } from "../shape.ts";
import { apply } from "../tape.ts";
import type { Tensor } from "../tensor.ts";
import { takeAlongAxis } from "./indexing.ts";
import { moveAxis } from "./shape.ts";
import { asTensor, fromArray, type TensorLike } from "./tensor-like.ts";
import { slice } from "./view.ts";

const ascending: SortKernel = { kind: "sort", descending: false };
const descendingKernel: SortKernel = { kind: "sort", descending: true };

/** Along the last axis, the places of elements in order. */
const argsortOp: Op<boolean> = {
  name: "argsort",
  forward: ([x], descending) => {
    const indices = allocate("int32", x!.shape);
    backend().run(descending ? descendingKernel : ascending, [x!], [allocate(x!.dtype, x!.shape), indices], []);
    return indices;
  },
  saves: () => savesNothing,
  vjp: null,
  jvp: null,
  batch: ([x], _, descending) => apply(argsortOp, [x!], descending),
};

/** Options of sorting. */
export interface SortOptions {
  /** Default: the last. */
  readonly axis?: number;
  /** Largest first. Default: false. */
  readonly descending?: boolean;
}

/**
 * The places (int32) of the elements in order along an axis; equals stay in their order, NaN comes last.
 *
 * @example
 * ```ts
 * argsort([3, 1, 2]); // [1, 2, 0]
 * ```
 */
export function argsort(x: TensorLike, options: SortOptions = {}): Tensor {
  return ordered("argsort", asTensor(x), options);
}

function ordered(op: string, input: Tensor, options: SortOptions): Tensor {
  const { axis = -1, descending = false } = checkOptions(op, options, ["axis", "descending"]);
  const at = normalizeAxis(op, axis, input);
  return moveAxis(apply(argsortOp, [moveAxis(input, at, -1)], descending), -1, at);
}

/**
 * The elements in order along an axis, and their former places; equals stay in their order, NaN comes last.
 *
 * @example
 * ```ts
 * sort([3, 1, 2]).values; // [1, 2, 3]
 * sort([3, 1, 2]).indices; // [1, 2, 0]
 * ```
 */
export function sort(x: TensorLike, options: SortOptions = {}): { values: Tensor; indices: Tensor } {
  const input = asTensor(x);
  const indices = ordered("sort", input, options);
  return { values: takeAlongAxis(input, indices, options.axis ?? -1), indices };
}

/**
 * The k largest elements along an axis, largest first, and their places.
 *
 * @param options.largest false for the smallest, smallest first. Default: true.
 * @throws {ArgumentError} when there are fewer than k.
 *
 * @example
 * ```ts
 * topK([3, 1, 2], 2).values; // [3, 2]
 * ```
 */
export function topK(
  x: TensorLike,
  k: number,
  options: { readonly axis?: number; readonly largest?: boolean } = {},
): { values: Tensor; indices: Tensor } {
  const { axis = -1, largest = true } = checkOptions("topK", options, ["axis", "largest"]);
  const input = asTensor(x);
  const at = normalizeAxis("topK", axis, input);
  if (!Number.isInteger(k) || k < 0 || k > input.shape[at]!) {
    throw new ArgumentError({
      op: "topK",
      message: `there are no ${shown(k)} elements along axis ${at}`,
      operands: [input],
    });
  }
  const order = argsort(input, { axis: at, descending: largest });
  const indices = slice(order, [...Array<null>(at).fill(null), { stop: k }]);
  return { values: takeAlongAxis(input, indices, at), indices };
}

/** Whether a comes before b in the order of {@link sort}, in which NaN comes last. */
const isBefore = (a: number, b: number): boolean => a < b || (Number.isNaN(b) && !Number.isNaN(a));

/**
 * Where each value would be inserted into a sorted vector to keep it sorted (int32).
 *
 * @param sorted a vector, in ascending order.
 * @param options.side before (`"left"`) or after (`"right"`) equal elements. Default: `"left"`.
 *
 * @example
 * ```ts
 * searchSorted([1, 3, 5], [3, 4]); // [1, 2]
 * ```
 */
export function searchSorted(
  sorted: TensorLike,
  values: TensorLike,
  options: { readonly side?: "left" | "right" } = {},
): Tensor {
  const { side = "left" } = checkOptions("searchSorted", options, ["side"]);
  const [given, wanted] = [asTensor(sorted), asTensor(values)];
  if (given.rank !== 1) {
    throw new ShapeError({ op: "searchSorted", message: "the sorted values are no vector", operands: [given, wanted] });
  }
  if (side !== "left" && side !== "right") throw unknownOption("searchSorted", "side", side, ["left", "right"]);
  const { data } = given;
  const found = Int32Array.from(wanted.data, (v) => {
    let [low, high] = [0, data.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (side === "left" ? isBefore(data[middle]!, v) : !isBefore(v, data[middle]!)) low = middle + 1;
      else high = middle;
    }
    return low;
  });
  return fromArray(found, wanted.shape);
}

/**
 * The different elements in ascending order, with how often each occurs, and which of them each element is.
 *
 * @example
 * ```ts
 * unique([3, 1, 3]).values; // [1, 3]
 * unique([3, 1, 3]).counts; // [1, 2]
 * ```
 */
export function unique(x: TensorLike): { values: Tensor; counts: Tensor; inverse: Tensor } {
  const input = asTensor(x);
  const values = Array.from(new Set(input.data)).sort((a, b) => (isBefore(a, b) ? -1 : Number(isBefore(b, a))));
  const place = new Map(values.map((v, i) => [v, i]));
  const counts = new Int32Array(values.length);
  const inverse = Int32Array.from(input.data, (v) => place.get(v)!);
  for (const i of inverse) counts[i]!++;
  const array = input.data.slice(0, values.length);
  array.set(values);
  return {
    values: fromArray(array, [values.length], input.dtype),
    counts: fromArray(counts, [values.length]),
    inverse: fromArray(inverse, input.shape),
  };
}
