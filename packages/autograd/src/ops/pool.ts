import { isFloat } from "../dtype.ts";
import { ArgumentError, ShapeError } from "../errors.ts";
import type { Tensor } from "../tensor.ts";
import { div } from "./arithmetic.ts";
import { perAxis, resolvePadding, type WindowOptions } from "./conv.ts";
import { asTensor, ones, type TensorLike } from "./create.ts";
import { pad } from "./pad.ts";
import { max, mean, sum } from "./reduction.ts";
import { concatenate } from "./shape.ts";
import { slice } from "./view.ts";
import { type Sliding, windows } from "./windows.ts";

/** Options of {@link maxPool}. */
export interface PoolOptions extends WindowOptions {
  /** Size of the windows: one for all spatial axes, or one per axis. */
  readonly size: number | readonly number[];
}

/** The windows of a padded tensor, and the axes within them. */
function pooled(op: string, x: Tensor, options: PoolOptions, fill: number): { seen: Tensor; axis: number[] } {
  const rank = x.rank - 2;
  if (rank < 1) {
    throw new ShapeError({ op, message: "the tensor is not [batch, ...space, channels]", operands: [x] });
  }
  const size = perAxis(op, "size", options.size, rank);
  const sliding: Sliding = {
    first: 1,
    size,
    strides: perAxis(op, "strides", options.strides ?? size, rank),
    dilation: perAxis(op, "dilation", options.dilation ?? 1, rank),
  };
  const padding = resolvePadding(op, options.padding ?? "valid", x.shape.slice(1, -1), sliding);
  const padded = pad(x, [[0, 0], ...padding], { value: fill });
  return { seen: windows(padded, sliding), axis: size.map((_, i) => 1 + rank + i) };
}

/**
 * The largest element of each window, channels last. Padding never wins.
 *
 * @param x shape `[batch, ...space, channels]` with one to three spatial axes.
 * @param options.strides default: the size of the windows.
 * @throws {ShapeError} when there is no spatial axis.
 *
 * @example
 * ```ts
 * maxPool([[[1], [5], [3], [2]]], { size: 2 }); // [[[5], [3]]]
 * ```
 */
export function maxPool(x: TensorLike, options: PoolOptions): Tensor {
  const input = asTensor(x);
  const lowest = isFloat(input.dtype) ? Number.NEGATIVE_INFINITY : input.dtype === "int32" ? -(2 ** 31) : 0;
  const { seen, axis } = pooled("maxPool", input, options, lowest);
  return max(seen, { axis });
}

/**
 * The mean of each window, channels last.
 *
 * @param options.strides default: the size of the windows.
 * @param options.countPadding whether padding counts as zeros. Default: false, as in Keras.
 *
 * @example
 * ```ts
 * avgPool([[[1], [5], [3], [2]]], { size: 2 }); // [[[3], [2.5]]]
 * ```
 */
export function avgPool(x: TensorLike, options: PoolOptions & { readonly countPadding?: boolean }): Tensor {
  const input = asTensor(x);
  const { seen, axis } = pooled("avgPool", input, options, 0);
  const { padding = "valid" } = options;
  if (options.countPadding || padding === "valid") return mean(seen, { axis });
  const space = ones([1, ...input.shape.slice(1, -1), 1], { dtype: isFloat(input.dtype) ? input.dtype : "float32" });
  const counted = pooled("avgPool", space, options, 0);
  return div(sum(seen, { axis }), sum(counted.seen, { axis }));
}

/** Each spatial axis in turn divided into nearly equal parts, [⌊i·n/m⌋, ⌈(i+1)·n/m⌉). */
function adaptive(
  op: string,
  x: TensorLike,
  outputSize: number | readonly number[],
  reduce: (x: Tensor, options: { axis: number; keepDims: true }) => Tensor,
): Tensor {
  const input = asTensor(x);
  if (input.rank < 3) {
    throw new ShapeError({ op, message: "the tensor is not [batch, ...space, channels]", operands: [input] });
  }
  return perAxis(op, "outputSize", outputSize, input.rank - 2).reduce((y, count, i) => {
    const axis = i + 1;
    const length = y.shape[axis]!;
    if (length === 0) throw new ArgumentError({ op, message: `axis ${axis} is empty`, operands: [input] });
    const parts = Array.from({ length: count }, (_, k) => {
      const bounds = { start: Math.floor((k * length) / count), stop: Math.ceil(((k + 1) * length) / count) };
      return reduce(slice(y, [...Array<null>(axis).fill(null), bounds]), { axis, keepDims: true });
    });
    return parts.length === 1 ? parts[0]! : concatenate(parts, { axis });
  }, input);
}

/**
 * The mean of nearly equal parts, as many as asked for, channels last.
 *
 * @example
 * ```ts
 * adaptiveAvgPool([[[1], [2], [3], [4]]], 2); // [[[1.5], [3.5]]]
 * ```
 */
export function adaptiveAvgPool(x: TensorLike, outputSize: number | readonly number[]): Tensor {
  return adaptive("adaptiveAvgPool", x, outputSize, mean);
}

/**
 * The largest element of nearly equal parts, as many as asked for, channels last.
 *
 * @example
 * ```ts
 * adaptiveMaxPool([[[1], [2], [3], [4]]], 2); // [[[2], [4]]]
 * ```
 */
export function adaptiveMaxPool(x: TensorLike, outputSize: number | readonly number[]): Tensor {
  return adaptive("adaptiveMaxPool", x, outputSize, max);
}
