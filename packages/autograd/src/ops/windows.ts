import { ArgumentError, checkOptions, shown } from "../errors.ts";
import { checkShape, normalizeAxis } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { asTensor, type TensorLike } from "./tensor-like.ts";
import { type See, unview, view } from "./view.ts";

/** Windows that slide over some of the axes, from `first` on. */
export interface Sliding {
  readonly first: number;
  readonly size: readonly number[];
  readonly strides: readonly number[];
  readonly dilation: readonly number[];
}

/** How many windows of a dilated size fit on an axis. */
export function windowCount(length: number, size: number, stride: number, dilation: number): number {
  const span = dilation * (size - 1) + 1;
  return length < span ? 0 : Math.floor((length - span) / stride) + 1;
}

/** The view whose shape is `[...before, ...count, ...size, ...after]`: each window along axes of its own. */
function slide({ first, size, strides: steps, dilation }: Sliding): See {
  const end = first + size.length;
  return ({ shape, strides, offset }) => {
    const slid = strides.slice(first, end);
    const count = size.map((s, i) => windowCount(shape[first + i]!, s, steps[i]!, dilation[i]!));
    return {
      shape: [...shape.slice(0, first), ...count, ...size, ...shape.slice(end)],
      strides: [
        ...strides.slice(0, first),
        ...slid.map((s, i) => s * steps[i]!),
        ...slid.map((s, i) => s * dilation[i]!),
        ...strides.slice(end),
      ],
      offset,
    };
  };
}

/** Every window, without copying: `[...before, ...count, ...size, ...after]`. */
export function windows(x: Tensor, sliding: Sliding): Tensor {
  return view(x, slide(sliding));
}

/** One axis seen as several, row-major; no element is copied. */
export function splitAxis(x: Tensor, axis: number, lengths: readonly number[]): Tensor {
  return view(x, ({ shape, strides, offset }) => {
    const steps = lengths.map((_, i) => lengths.slice(i + 1).reduce((a, b) => a * b, strides[axis]!));
    return { shape: shape.toSpliced(axis, 1, ...lengths), strides: strides.toSpliced(axis, 1, ...steps), offset };
  });
}

function checkWindow(op: string, x: Tensor, axis: number, size: number, step: number): number {
  const at = normalizeAxis(op, axis, x);
  if (!(Number.isInteger(size) && size > 0 && Number.isInteger(step) && step > 0)) {
    throw new ArgumentError({
      op,
      message: `size is ${shown(size)} and step ${shown(step)}`,
      hint: "both are positive integers",
    });
  }
  return at;
}

/**
 * Sliding windows along one axis, as a view: the axis counts the windows, and a new last axis runs within one.
 *
 * @param options.axis default: the last.
 * @param options.step from one window to the next. Default: 1.
 *
 * @example
 * ```ts
 * unfold([1, 2, 3, 4], 2); // [[1, 2], [2, 3], [3, 4]]
 * ```
 */
export function unfold(
  x: TensorLike,
  size: number,
  options: { readonly axis?: number; readonly step?: number } = {},
): Tensor {
  const { axis = -1, step = 1 } = checkOptions("unfold", options, ["axis", "step"]);
  const input = asTensor(x);
  const at = checkWindow("unfold", input, axis, size, step);
  if (size > input.shape[at]!) {
    throw new ArgumentError({
      op: "unfold",
      message: `windows of ${size} are longer than axis ${at}`,
      operands: [input],
    });
  }
  return view(input, unfoldedAxis(at, size, step));
}

function unfoldedAxis(at: number, size: number, step: number): See {
  return ({ shape, strides, offset }) => ({
    shape: [...shape.with(at, windowCount(shape[at]!, size, step, 1)), size],
    strides: [...strides.with(at, strides[at]! * step), strides[at]!],
    offset,
  });
}

/**
 * The transpose of {@link unfold}: windows along the last axis are added up where they overlap.
 *
 * @param options.length of the axis in the result. Default: just long enough.
 *
 * @example
 * ```ts
 * fold([[1, 2], [10, 20], [100, 200]]); // [1, 12, 120, 200]
 * ```
 */
export function fold(
  x: TensorLike,
  options: { readonly axis?: number; readonly step?: number; readonly length?: number } = {},
): Tensor {
  const { axis = -1, step = 1, length } = checkOptions("fold", options, ["axis", "step", "length"]);
  const input = asTensor(x);
  const size = input.shape.at(-1) ?? 0;
  const operand = { shape: input.shape.slice(0, -1), dtype: input.dtype };
  const at = normalizeAxis("fold", axis, operand);
  checkWindow("fold", input, at, size, step);
  const count = operand.shape[at]!;
  const needed = count === 0 ? 0 : (count - 1) * step + size;
  const total = length ?? needed;
  checkShape("fold", operand.shape.with(at, total));
  if (windowCount(total, size, step, 1) !== count) {
    throw new ArgumentError({
      op: "fold",
      message: `${count} windows of ${size} do not fill a length of ${total}`,
      operands: [input],
      hint: `they need ${needed}`,
    });
  }
  return unview(input, unfoldedAxis(at, size, step), operand.shape.with(at, total));
}
