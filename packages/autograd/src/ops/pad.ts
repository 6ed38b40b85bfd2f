import { allocateArray, isFloat } from "../dtype.ts";
import { ArgumentError, checkOptions, inOperation, shown, unknownOption } from "../errors.ts";
import { checkShape, listOf, type Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { full } from "./create.ts";
import { take } from "./indexing.ts";
import { concatenate } from "./shape.ts";
import { asTensor, fromArray, type TensorLike } from "./tensor-like.ts";
import { type See, slice, unview } from "./view.ts";

/** How many elements to add before and after an axis; negative ones are removed. */
export type Padding = readonly [before: number, after: number];

const modes = ["constant", "reflect", "replicate", "circular"] as const;

/** Options of {@link pad}. */
export interface PadOptions {
  /**
   * `constant`; `reflect`, mirrored at the outermost element; `replicate`, which repeats it; `circular`, from the other
   * end. Default: `constant`.
   */
  readonly mode?: (typeof modes)[number];
  /** For `constant`. Default: 0. */
  readonly value?: number;
}

/**
 * More elements around the edges.
 *
 * @param padding `[before, after]` for each axis, from the first; axes without one stay as they are.
 * @throws {ArgumentError} for more pairs than axes, lengths that are not integers, unknown modes, and padding that is
 *   longer than `reflect` or `circular` can fill.
 *
 * @example
 * ```ts
 * pad([1, 2, 3], [[1, 2]]); // [0, 1, 2, 3, 0, 0]
 * pad([1, 2, 3], [[2, 1]], { mode: "reflect" }); // [3, 2, 1, 2, 3, 2]
 * ```
 */
export function pad(x: TensorLike, padding: readonly Padding[], options: PadOptions = {}): Tensor {
  const given = asTensor(x);
  const { mode = "constant", value = 0 } = checkOptions("pad", options, ["mode", "value"]);
  if (!modes.includes(mode)) throw unknownOption("pad", "mode", mode, modes);
  if (listOf("pad", "pairs", padding).length > given.rank || !padding.every(isPair)) {
    throw new ArgumentError({
      op: "pad",
      message: `padding ${shown(padding)} does not fit ${given.rank} axes`,
      operands: [given],
      hint: "give a pair of integers for each axis",
    });
  }
  if (mode === "reflect" || mode === "replicate") {
    const extended = padding.reduce((y, [before, after], axis) => {
      return extend(y, axis, [Math.max(0, before), Math.max(0, after)], mode);
    }, given);
    return cropped(extended, padding);
  }
  const input = cropped(given, padding);
  const added = input.shape.map((_, axis): Padding => {
    const [before, after] = padding[axis] ?? [0, 0];
    return [Math.max(0, before), Math.max(0, after)];
  });
  if (added.every(([before, after]) => before === 0 && after === 0)) return input;
  if (mode === "circular") return added.reduce((y, pair, axis) => extend(y, axis, pair, mode), input);
  if (value === 0 && isFloat(input.dtype)) return padZeros(input, added);
  return added.reduce((y, [before, after], axis) => {
    const block = (length: number): Tensor[] =>
      length === 0 ? [] : [inOperation("pad", () => full(y.shape.with(axis, length), value, { dtype: y.dtype }))];
    const parts = [...block(before), y, ...block(after)];
    return parts.length === 1 ? y : concatenate(parts, { axis });
  }, input);
}

const isPair = (pair: Padding): boolean => Array.isArray(pair) && pair.length === 2 && pair.every(Number.isInteger);

/** Without what negative padding takes away. */
function cropped(x: Tensor, padding: readonly Padding[]): Tensor {
  const ranges = padding.map(([before, after], axis) => ({
    start: Math.max(0, -before),
    stop: x.shape[axis]! - Math.max(0, -after),
  }));
  return slice(x, ranges);
}

/** Zeros around the edges: what a view of the middle transposes to. */
function padZeros(x: Tensor, padding: readonly Padding[]): Tensor {
  const lengths = x.shape.map((length, axis) => length + padding[axis]![0] + padding[axis]![1]);
  const shape: Shape = checkShape("pad", lengths);
  const middle: See = ({ strides, offset }) => ({
    shape: x.shape,
    strides,
    offset: offset + (x.size === 0 ? 0 : padding.reduce((sum, [before], axis) => sum + before * strides[axis]!, 0)),
  });
  return unview(x, middle, shape);
}

function extend(x: Tensor, axis: number, [before, after]: Padding, mode: (typeof modes)[number]): Tensor {
  if (before === 0 && after === 0) return x;
  const length = x.shape[axis]!;
  const limit = mode === "reflect" ? length - 1 : mode === "circular" ? length : length === 0 ? 0 : Number.MAX_VALUE;
  if (before > limit || after > limit) {
    throw new ArgumentError({
      op: "pad",
      message: `${mode} padding of axis ${axis} by [${before}, ${after}] is longer than ${limit}`,
      operands: [x],
    });
  }
  const source = (i: number): number => {
    if (mode === "replicate") return Math.min(Math.max(i, 0), length - 1);
    if (mode === "circular") return (i + length) % length;
    return i < 0 ? -i : i >= length ? 2 * (length - 1) - i : i;
  };
  const shape = checkShape("pad", x.shape.with(axis, before + length + after));
  const indices = allocateArray("int32", shape[axis]!);
  for (let i = 0; i < indices.length; i++) indices[i] = source(i - before);
  return take(x, fromArray(indices, [indices.length]), { axis });
}
