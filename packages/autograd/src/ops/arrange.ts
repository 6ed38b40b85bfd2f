import { allocateArray } from "../dtype.ts";
import { ArgumentError, checkInteger, checkOptions, inOperation, shown } from "../errors.ts";
import { viewOf } from "../launch.ts";
import { type Op, savesNothing } from "../op.ts";
import { checkShape, listOf, normalizeAxis, type Shape, twoAxes } from "../shape.ts";
import { applyAll } from "../tape.ts";
import type { Tensor } from "../tensor.ts";
import { broadcastTo } from "./broadcast.ts";
import { take } from "./indexing.ts";
import { reshape } from "./reshape.ts";
import { concatenate, flatten, squeeze, swapAxes } from "./shape.ts";
import { asTensor, fromArray, type TensorLike } from "./tensor-like.ts";
import { flip, slice } from "./view.ts";

/**
 * {@link flatten} of all axes.
 *
 * @example
 * ```ts
 * ravel([[1, 2], [3, 4]]); // [1, 2, 3, 4]
 * ```
 */
export function ravel(x: TensorLike): Tensor {
  return flatten(asTensor(x));
}

/**
 * {@link broadcastTo}, where -1 keeps the length of an axis.
 *
 * @example
 * ```ts
 * expand([[1], [2]], [-1, 2]); // [[1, 1], [2, 2]]
 * ```
 */
export function expand(x: TensorLike, shape: Shape): Tensor {
  return inOperation("expand", () => {
    const input = asTensor(x);
    const lead = listOf("expand", "lengths", shape).length - input.rank;
    return broadcastTo(
      input,
      shape.map((n, i) => (n === -1 && i >= lead ? input.shape[i - lead]! : n)),
    );
  });
}

/**
 * The whole tensor repeated along each axis.
 *
 * @param counts one per axis, counted from the last; missing ones are 1.
 *
 * @example
 * ```ts
 * tile([1, 2], [2, 2]); // [[1, 2, 1, 2], [1, 2, 1, 2]]
 * ```
 */
export function tile(x: TensorLike, counts: number | readonly number[]): Tensor {
  return inOperation("tile", () => {
    const given = asTensor(x);
    const list = typeof counts === "number" ? [counts] : listOf("tile", "counts", counts);
    if (!list.every((n) => Number.isInteger(n) && n >= 0)) {
      throw new ArgumentError({ op: "tile", message: `counts are ${shown(counts)}`, operands: [given] });
    }
    const rank = Math.max(given.rank, list.length);
    const shape = [...Array<number>(rank - given.rank).fill(1), ...given.shape];
    const times = [...Array<number>(rank - list.length).fill(1), ...list];
    const input = reshape(
      given,
      shape.flatMap((n) => [1, n]),
    );
    const repeated = broadcastTo(
      input,
      shape.flatMap((n, i) => [times[i]!, n]),
    );
    return reshape(
      repeated,
      shape.map((n, i) => n * times[i]!),
    );
  });
}

/**
 * Each element repeated along an axis.
 *
 * @param count how often; or a list, one number per element of the axis.
 * @param options.axis default: all elements, as a vector.
 *
 * @example
 * ```ts
 * repeat([1, 2], 2); // [1, 1, 2, 2]
 * ```
 */
export function repeat(
  x: TensorLike,
  count: number | readonly number[],
  options: { readonly axis?: number } = {},
): Tensor {
  const { axis } = checkOptions("repeat", options, ["axis"]);
  const input = axis === undefined ? ravel(x) : asTensor(x);
  const at = normalizeAxis("repeat", axis ?? 0, input);
  const counts =
    typeof count === "number" ? Array<number>(input.shape[at]!).fill(count) : listOf("repeat", "counts", count);
  if (counts.length !== input.shape[at] || !counts.every((n) => Number.isInteger(n) && n >= 0)) {
    throw new ArgumentError({ op: "repeat", message: `counts are ${shown(count)}`, operands: [input] });
  }
  const total = counts.reduce((a, b) => a + b, 0);
  checkShape("repeat", input.shape.with(at, total));
  const indices = allocateArray("int32", total);
  let end = 0;
  counts.forEach((n, i) => {
    indices.fill(i, end, end + n);
    end += n;
  });
  return take(input, fromArray(indices, [total]), { axis: at });
}

/**
 * Parts along an axis.
 *
 * @param sections how many equal parts; or where to cut.
 * @throws {ArgumentError} when the length is no multiple of the number of parts; {@link chunk} allows that.
 *
 * @example
 * ```ts
 * split([1, 2, 3, 4], 2); // [[1, 2], [3, 4]]
 * split([1, 2, 3, 4], [1, 3]); // [[1], [2, 3], [4]]
 * ```
 */
export function split(
  x: TensorLike,
  sections: number | readonly number[],
  options: { readonly axis?: number } = {},
): Tensor[] {
  const { axis = 0 } = checkOptions("split", options, ["axis"]);
  const input = asTensor(x);
  const at = normalizeAxis("split", axis, input);
  const length = input.shape[at]!;
  if (typeof sections === "number" && (!Number.isInteger(sections) || sections < 1 || length % sections !== 0)) {
    throw new ArgumentError({
      op: "split",
      message: `${length} elements cannot be divided into ${sections} equal parts`,
      operands: [input],
      hint: "chunk() makes the last part shorter",
    });
  }
  const cuts =
    typeof sections === "number"
      ? Array.from({ length: sections - 1 }, (_, i) => ((i + 1) * length) / sections)
      : listOf("split", "cuts", sections).map((cut) => checkInteger("split", "a cut", cut));
  const clip = (cut: number): number => Math.min(Math.max(cut < 0 ? cut + length : cut, 0), length);
  const bounds = [0, ...cuts.map(clip), length];
  if (bounds.every((b, i) => i === 0 || b >= bounds[i - 1]!)) return parts(input, at, bounds);
  // Cuts that go backwards leave parts out, or take them twice.
  const lead = Array<null>(at).fill(null);
  return bounds.slice(1).map((stop, i) => slice(input, [...lead, { start: bounds[i]!, stop }]));
}

interface SplitParams {
  readonly axis: number;
  /** Where parts begin, and the end. */
  readonly bounds: readonly number[];
}

/** Views of parts along an axis. The cotangents of all parts together are that of the whole, in one pass. */
const splitOp: Op<SplitParams> = {
  name: "split",
  forward: ([x], { axis, bounds }) =>
    bounds.slice(1).map((stop, i) => {
      const start = bounds[i]!;
      const offset = x!.offset + start * x!.strides[axis]!;
      return viewOf(x!, x!.shape.with(axis, stop - start), x!.strides, offset);
    }),
  saves: () => savesNothing,
  vjp: (cotangents, { params }) => concatenate(cotangents, { axis: params.axis }),
  jvp: ([tangent], { params }) => (tangent ? applyAll(splitOp, [tangent], params) : null),
  batch: ([x], _, { axis, bounds }) => applyAll(splitOp, [x!], { axis: axis + 1, bounds }),
};

function parts(x: Tensor, axis: number, bounds: readonly number[]): Tensor[] {
  return [...applyAll(splitOp, [x], { axis, bounds })];
}

/**
 * At most `count` parts of equal length along an axis, the last one shorter where it must be.
 *
 * @example
 * ```ts
 * chunk([1, 2, 3], 2); // [[1, 2], [3]]
 * ```
 */
export function chunk(x: TensorLike, count: number, options: { readonly axis?: number } = {}): Tensor[] {
  const { axis = 0 } = checkOptions("chunk", options, ["axis"]);
  const input = asTensor(x);
  const length = input.shape[normalizeAxis("chunk", axis, input)]!;
  checkInteger("chunk", "count", count, 1);
  const each = Math.max(1, Math.ceil(length / count));
  const cuts = Array.from({ length: Math.max(0, Math.ceil(length / each) - 1) }, (_, i) => (i + 1) * each);
  return split(input, cuts, { axis });
}

/**
 * The slices along an axis, which disappears.
 *
 * @example
 * ```ts
 * unstack([[1, 2], [3, 4]]); // [[1, 2], [3, 4]]
 * ```
 */
export function unstack(x: TensorLike, options: { readonly axis?: number } = {}): Tensor[] {
  const { axis = 0 } = checkOptions("unstack", options, ["axis"]);
  const input = asTensor(x);
  const at = normalizeAxis("unstack", axis, input);
  const bounds = Array.from({ length: input.shape[at]! + 1 }, (_, i) => i);
  return parts(input, at, bounds).map((part) => squeeze(part, at));
}

/**
 * Elements shifted along axes; those that leave at one end come in at the other.
 *
 * @param options.axis default: through the whole tensor in row-major order.
 *
 * @example
 * ```ts
 * roll([1, 2, 3], 1); // [3, 1, 2]
 * ```
 */
export function roll(
  x: TensorLike,
  shift: number | readonly number[],
  options: { readonly axis?: number | readonly number[] } = {},
): Tensor {
  const { axis } = checkOptions("roll", options, ["axis"]);
  const input = asTensor(x);
  const shifts = typeof shift === "number" ? [shift] : listOf("roll", "shifts", shift);
  for (const by of shifts) checkInteger("roll", "a shift", by);
  if (axis === undefined)
    return reshape(
      roll(
        ravel(input),
        shifts.reduce((a, b) => a + b, 0),
        { axis: 0 },
      ),
      input.shape,
    );
  const axes = typeof axis === "number" ? [axis] : listOf("roll", "axes", axis);
  if (axes.length !== shifts.length) {
    throw new ArgumentError({ op: "roll", message: `${shifts.length} shifts for ${axes.length} axes` });
  }
  return axes.reduce((y, a, i) => {
    const at = normalizeAxis("roll", a, y);
    const length = y.shape[at]!;
    const cut = length === 0 ? 0 : ((-shifts[i]! % length) + length) % length;
    if (cut === 0) return y;
    const lead = Array<null>(at).fill(null);
    return concatenate([slice(y, [...lead, { start: cut }]), slice(y, [...lead, { stop: cut }])], { axis: at });
  }, input);
}

/**
 * A quarter turn, `times` times, in the plane of two axes, from the first towards the second.
 *
 * @example
 * ```ts
 * rot90([[1, 2], [3, 4]]); // [[2, 4], [1, 3]]
 * ```
 */
export function rot90(x: TensorLike, times = 1, axes: readonly [number, number] = [0, 1]): Tensor {
  const input = asTensor(x);
  const [a, b] = twoAxes("rot90", axes, input);
  if (a === b) throw new ArgumentError({ op: "rot90", message: "the axes are the same", operands: [input] });
  checkInteger("rot90", "times", times);
  switch (((times % 4) + 4) % 4) {
    case 1:
      return flip(swapAxes(input, a, b), a);
    case 2:
      return flip(input, [a, b]);
    case 3:
      return flip(swapAxes(input, a, b), b);
    default:
      return input;
  }
}

/**
 * Vectors as coordinates of a grid: one tensor per vector, all of the grid's shape.
 *
 * @example
 * ```ts
 * meshgrid([1, 2], [3, 4, 5])[1]; // [[3, 4, 5], [3, 4, 5]]
 * ```
 */
export function meshgrid(...vectors: readonly TensorLike[]): Tensor[] {
  const inputs = vectors.map((v) => ravel(v));
  const shape = inputs.map((v) => v.size);
  return inputs.map((v, i) =>
    broadcastTo(
      reshape(
        v,
        shape.map((n, k) => (k === i ? n : 1)),
      ),
      shape,
    ),
  );
}
