import type { DType } from "./dtype.ts";
import { ArgumentError, AxisError, type Operand, ShapeError, shown } from "./errors.ts";

/** Lengths of the axes, outermost first. A scalar's shape is `[]`. */
export type Shape = readonly number[];

/** Where the elements of a tensor lie in its storage: element `i` is at `offset + Σ iₖ·stridesₖ`. */
export interface Layout {
  readonly shape: Shape;
  /** Steps in elements, not bytes; 0 on a broadcast axis, negative on a flipped one. */
  readonly strides: readonly number[];
  readonly offset: number;
}

/** Number of elements. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (let i = 0; i < shape.length; i++) size *= shape[i]!;
  return size;
}

/** Strides of a row-major array without gaps. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  for (let i = shape.length - 1, step = 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i]!;
  }
  return strides;
}

/** Whether the elements lie row-major without gaps (axes of length 1 may have any stride). */
export function isContiguous({ shape, strides }: Layout): boolean {
  for (let i = shape.length - 1, step = 1; i >= 0; i--) {
    const length = shape[i]!;
    if (length === 0) return true;
    if (length !== 1) {
      if (strides[i] !== step) return false;
      step *= length;
    }
  }
  return true;
}

/**
 * Strides that read `layout` as if it had `shape`, of the same size, in the same row-major order; null where there are
 * none and elements have to be copied. Axes that are walked as one can be divided anew.
 */
export function reshapedStrides(layout: Layout, shape: Shape): number[] | null {
  if (isContiguous(layout)) return contiguousStrides(shape);
  const strides = new Array<number>(shape.length);
  let to = shape.length - 1;
  let from = layout.shape.length - 1;
  while (from >= 0) {
    // Axes `from` and outwards that are walked as one, their size, and the step along them.
    while (from > 0 && layout.shape[from] === 1) from--;
    const step = layout.strides[from]!;
    let size = layout.shape[from--]!;
    while (from >= 0 && (layout.shape[from] === 1 || layout.strides[from] === size * step))
      size *= layout.shape[from--]!;
    let covered = 1;
    for (; to >= 0 && (covered < size || shape[to] === 1); to--) {
      strides[to] = covered * step;
      covered *= shape[to]!;
    }
    if (covered !== size) return null;
  }
  return to < 0 ? strides : null;
}

/** Whether no two indices of a view meet the same element, as far as strides in order of size tell. */
export function isInjective({ shape, strides }: Layout): boolean {
  const axes = shape.map((n, k) => [Math.abs(strides[k]!), n] as const).filter(([, n]) => n !== 1);
  let reach = 0;
  for (const [stride, n] of axes.sort((a, b) => a[0] - b[0])) {
    if (stride <= reach) return false;
    reach += stride * (n - 1);
  }
  return true;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/**
 * The shape two or more shapes broadcast to by NumPy's rule: aligned at the last axis, lengths are equal or one is 1.
 * @throws {ShapeError} naming the first axis that does not fit.
 */
export function broadcastShapes(op: string, operands: readonly Operand[]): Shape {
  let result = operands[0]!.shape;
  for (let k = 1; k < operands.length; k++) {
    const shape = operands[k]!.shape;
    if (sameShape(result, shape)) continue;
    const rank = Math.max(result.length, shape.length);
    const merged = new Array<number>(rank);
    for (let i = 1; i <= rank; i++) {
      const a = i > result.length ? 1 : result[result.length - i]!;
      const b = i > shape.length ? 1 : shape[shape.length - i]!;
      if (a !== b && a !== 1 && b !== 1) {
        throw new ShapeError({
          op,
          message: `shapes do not broadcast: lengths ${a} and ${b} at axis -${i}`,
          operands,
          hint: "axes are aligned from the last one, and lengths must be equal or one of them 1",
        });
      }
      merged[rank - i] = a === 1 ? b : a;
    }
    result = merged;
  }
  return result;
}

/** Strides that read `layout` as if it had `shape`, to which it must broadcast. */
export function broadcastStrides(layout: Layout, shape: Shape): readonly number[] {
  if (sameShape(layout.shape, shape)) return layout.strides;
  const lead = shape.length - layout.shape.length;
  const strides = new Array<number>(shape.length);
  for (let i = 0; i < shape.length; i++) {
    const k = i - lead;
    strides[i] = k < 0 || (layout.shape[k] === 1 && shape[i] !== 1) ? 0 : layout.strides[k]!;
  }
  return strides;
}

/**
 * An axis counted from the front.
 * @throws {AxisError} when `axis` is not an integer in [-rank, rank).
 */
export function normalizeAxis(op: string, axis: number, operand: Operand, rank: number = operand.shape.length): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    const range = rank === 0 ? "a rank-0 tensor has no axes" : `valid axes are ${-rank} to ${rank - 1}`;
    throw new AxisError({ op, message: `axis ${shown(axis)} is out of range`, operands: [operand], hint: range });
  }
  return axis < 0 ? axis + rank : axis;
}

/**
 * The two axes that an option names, counted from the front.
 * @throws {ArgumentError} when it is no pair.
 * @throws {AxisError} when one is out of range.
 */
export function twoAxes(op: string, axes: readonly [number, number], operand: Operand): [number, number] {
  if (listOf(op, "axes", axes).length !== 2) {
    throw new ArgumentError({ op, message: `axes are ${shown(axes)}`, operands: [operand], hint: "give two" });
  }
  return [normalizeAxis(op, axes[0], operand), normalizeAxis(op, axes[1], operand)];
}

/** One axis, several, or (when left out) all of them. */
export type AxisArgument = number | readonly number[] | undefined | null;

/**
 * The axes named by an `axis` option, counted from the front, in ascending order.
 * @throws {AxisError} when one is out of range or named twice.
 */
export function normalizeAxes(op: string, axis: AxisArgument, operand: Operand): readonly number[] {
  const rank = operand.shape.length;
  if (axis === undefined || axis === null) return Array.from({ length: rank }, (_, i) => i);
  const axes = (typeof axis === "number" ? [axis] : listOf(op, "axes", axis)).map((a) => normalizeAxis(op, a, operand));
  if (new Set(axes).size !== axes.length) {
    throw new AxisError({ op, message: `axis [${axes.join(", ")}] names an axis twice`, operands: [operand] });
  }
  return axes.toSorted((a, b) => a - b);
}

/** Largest number of elements a tensor may have: indices stay exact in 32-bit kernels. */
export const maximumSize: number = 2 ** 31 - 1;

/**
 * Checks a shape given by a user.
 * @throws {ArgumentError} when a length is negative or not an integer, or the size exceeds {@link maximumSize}.
 */
export function checkShape(op: string, shape: Shape): Shape {
  if (!Array.isArray(shape)) {
    throw new ArgumentError({
      op,
      message: `shape is ${shown(shape)}`,
      hint: "give an array of lengths, as in [2, 3]",
    });
  }
  for (const length of shape) {
    if (!Number.isInteger(length) || length < 0) {
      throw new ArgumentError({
        op,
        message: `shape ${shown(shape)} has the length ${shown(length)}`,
        hint: "lengths are integers, 0 or more",
      });
    }
  }
  if (sizeOf(shape) > maximumSize) {
    throw new ArgumentError({
      op,
      message: `shape [${shape.join(", ")}] has ${sizeOf(shape)} elements`,
      hint: `a tensor holds at most ${maximumSize}`,
    });
  }
  return shape;
}

/**
 * A list given by a user, as it is.
 * @throws {ArgumentError} when it is something else.
 */
export function listOf<T>(op: string, what: string, list: readonly T[]): readonly T[] {
  if (Array.isArray(list)) return list;
  throw new ArgumentError({ op, message: `${what} are ${shown(list)}`, hint: "give an array" });
}

/** Shape and dtype of a tensor-like, for error facts. */
export function operand(shape: Shape, dtype: DType): Operand {
  return { shape, dtype };
}
