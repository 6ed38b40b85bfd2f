import type { AccumulateKernel, ExtremeGradientKernel, ReduceKernel } from "../backend/backend.ts";
import { fillKernel } from "../backend/copy.ts";
import { backend } from "../backend/current.ts";
import { type DType, defaultDType, isFloat } from "../dtype.ts";
import { ArgumentError, checkOptions, ShapeError } from "../errors.ts";
import { allocate, viewOf } from "../launch.ts";
import { type Op, savesInput } from "../op.ts";
import { checkShape, type Shape } from "../shape.ts";
import { apply } from "../tape.ts";
import type { Tensor } from "../tensor.ts";
import { div, mul } from "./arithmetic.ts";
import { asBatch } from "./broadcast.ts";
import { cast } from "./cast.ts";
import { equal } from "./comparison.ts";
import { perAxis, resolvePadding, type WindowOptions } from "./conv.ts";
import { ones } from "./create.ts";
import { defineLinear } from "./linear.ts";
import { type Padding, pad } from "./pad.ts";
import { max, mean, sum } from "./reduction.ts";
import { reshape } from "./reshape.ts";
import { concatenate } from "./shape.ts";
import { type Geometry, overWindows, slide } from "./sliding.ts";
import { asTensor, type TensorLike } from "./tensor-like.ts";
import { slice } from "./view.ts";
import { windowCount, windows } from "./windows.ts";

/** Options of {@link maxPool}. */
export interface PoolOptions extends WindowOptions {
  /** Size of the windows: one for all spatial axes, or one per axis. */
  readonly size: number | readonly number[];
}

const optionNames: readonly (keyof PoolOptions | "countPadding")[] = ["size", "strides", "padding", "dilation"];

/** Checks the options for `x`: `[batch, ...space, channels]`. */
function geometryOf(op: string, x: Tensor, options: PoolOptions, names = optionNames): Geometry {
  checkOptions<PoolOptions & { readonly countPadding?: boolean }>(op, options, names);
  const rank = x.rank - 2;
  if (rank < 1) {
    throw new ShapeError({ op, message: "the tensor is not [batch, ...space, channels]", operands: [x] });
  }
  const size = perAxis(op, "size", options.size, rank);
  const strides = perAxis(op, "strides", options.strides ?? size, rank);
  const dilation = perAxis(op, "dilation", options.dilation ?? 1, rank);
  const input = x.shape.slice(1, -1);
  const padding = resolvePadding(op, options.padding ?? "valid", input, { size, strides, dilation });
  const output = input.map((n, i) =>
    windowCount(n + padding[i]![0] + padding[i]![1], size[i]!, strides[i]!, dilation[i]!),
  );
  return { batch: 0, input, kernel: size, output, strides, dilation, before: padding.map(([n]) => n) };
}

const pooledShape = (x: Tensor, { output }: Geometry): Shape => [x.shape[0]!, ...output, x.shape.at(-1)!];

/** The view of a pooled tensor's windows that shows every one its own element. */
function spread(y: Tensor, { kernel }: Geometry): Tensor {
  const [last, ones] = [y.rank - 1, kernel.map(() => 0)];
  return viewOf(
    y,
    [...y.shape.slice(0, last), ...kernel, y.shape[last]!],
    [...y.strides.slice(0, last), ...ones, y.strides[last]!],
  );
}

/** The axes of windows `[n, ...output, ...size, channels]` in the order of reductions: those within windows last. */
function tapsLast(windows: Tensor, { kernel }: Geometry): Tensor {
  const [first, last] = [windows.rank - 1 - kernel.length, windows.rank - 1];
  const turn = (list: readonly number[]): number[] => [
    ...list.slice(0, first),
    list[last]!,
    ...list.slice(first, last),
  ];
  return viewOf(windows, turn(windows.shape), turn(windows.strides));
}

/** An operation on images of one size, done to every member of a batch. */
function eachImage(x: Tensor, size: number, f: (images: Tensor) => Tensor): Tensor {
  const y = f(reshape(x, [size * x.shape[1]!, ...x.shape.slice(2)]));
  return reshape(y, [size, x.shape[1]!, ...y.shape.slice(1)]);
}

const reduceKernels: Readonly<Record<"sum" | "max", ReduceKernel>> = {
  sum: { kind: "reduce", reduction: "sum" },
  max: { kind: "reduce", reduction: "max" },
};

function reduceWindows(reduction: "sum" | "max", x: Tensor, geometry: Geometry, fill: number): Tensor {
  const y = allocate(x.dtype, pooledShape(x, geometry));
  const kernel = reduceKernels[reduction];
  overWindows(x, geometry, (windows) => backend().run(kernel, [tapsLast(windows, geometry)], [y]), fill);
  return y;
}

/**
 * A tensor of the input's shape, after `use` has added into its windows. Around it there is room for what windows reach
 * beyond, which is not part of the result.
 */
function addInWindows(like: Tensor, geometry: Geometry, use: (windows: Tensor) => void): Tensor {
  const { input, kernel, output, strides, dilation, before } = geometry;
  const after = output.map((n, i) => (n - 1) * strides[i]! + dilation[i]! * (kernel[i]! - 1) + 1 - before[i]!);
  const lengths = input.map((n, i) => before[i]! + Math.max(n, output[i] === 0 ? 0 : after[i]!));
  const room = allocate(like.dtype, [like.shape[0]!, ...lengths, like.shape.at(-1)!]);
  backend().run(fillKernel(room.dtype), [], [room], [0]);
  use(slide(room, 1, output, kernel, strides, dilation));
  const start = before.reduce((sum, n, i) => sum + n * room.strides[i + 1]!, 0);
  return viewOf(room, [like.shape[0]!, ...input, like.shape.at(-1)!], room.strides, start);
}

// Sums over windows, and their transpose, which adds each cotangent to all elements of its window.

const sumPoolOp: Op<Geometry> = defineLinear(
  "sumPool",
  (x, geometry) => reduceWindows("sum", x, geometry, 0),
  (cotangent, geometry) => apply(sumUnpoolOp, [cotangent], geometry),
  (x, geometry) => eachImage(x, x.shape[0]!, (images) => apply(sumPoolOp, [images], geometry)),
);

const accumulate: AccumulateKernel = { kind: "accumulate" };

const sumUnpoolOp: Op<Geometry> = defineLinear(
  "sumUnpool",
  (y, geometry) => addInWindows(y, geometry, (windows) => backend().run(accumulate, [spread(y, geometry)], [windows])),
  (cotangent, geometry) => apply(sumPoolOp, [cotangent], geometry),
  (y, geometry) => eachImage(y, y.shape[0]!, (images) => apply(sumUnpoolOp, [images], geometry)),
);

/** What never wins. */
const lowest = (dtype: DType): number =>
  isFloat(dtype) ? Number.NEGATIVE_INFINITY : dtype === "int32" ? -(2 ** 31) : 0;

/**
 * The transpose of {@link maxUnpoolOp}: of each window, the mean of `t` over the elements of `x` that are its largest.
 * Both are linear in the tangent and constant in `x` and `y` between ties.
 */
function meanOfLargest(t: Tensor, x: Tensor, y: Tensor, geometry: Geometry): Tensor {
  const { input, kernel: size, output, strides, dilation, before } = geometry;
  const sliding = { first: 1, size, strides, dilation };
  const padding = input.map((n, i): Padding => {
    const needed = (output[i]! - 1) * strides[i]! + dilation[i]! * (size[i]! - 1) + 1;
    return [before[i]!, Math.max(0, needed - before[i]! - n)];
  });
  const seen = (of: Tensor, value: number): Tensor => windows(pad(of, [[0, 0], ...padding], { value }), sliding);
  const axis = size.map((_, i) => 1 + size.length + i);
  const ones = size.map(() => 1);
  const largest = reshape(y, [...y.shape.slice(0, -1), ...ones, y.shape.at(-1)!]);
  const hit = cast(equal(seen(x, lowest(x.dtype)), largest), t.dtype);
  return sum(mul(div(hit, sum(hit, { axis, keepDims: true })), seen(t, 0)), { axis });
}

const maxPoolOp: Op<Geometry> = {
  name: "maxPool",
  forward: ([x], geometry) => reduceWindows("max", x!, geometry, lowest(x!.dtype)),
  saves: () => ({ inputs: [0], output: true }),
  vjp: ([cotangent], call) => apply(maxUnpoolOp, [cotangent!, call.input(0), call.output()], call.params),
  jvp: ([tangent], call) => meanOfLargest(tangent!, call.input(0), call.output(), call.params),
  batch: ([x], _, geometry, size) => eachImage(x!, size, (images) => apply(maxPoolOp, [images], geometry)),
};

const extremeGradient: ExtremeGradientKernel = { kind: "extremeGradient" };

/** Adds each cotangent, in equal shares, to the largest elements of its window. */
const maxUnpoolOp: Op<Geometry> = {
  name: "maxUnpool",
  forward: ([cotangent, x, y], geometry) =>
    addInWindows(x!, geometry, (added) => {
      const run = (seen: Tensor): void =>
        backend().run(extremeGradient, [tapsLast(seen, geometry), y!, cotangent!], [tapsLast(added, geometry)]);
      overWindows(x!, geometry, run, lowest(x!.dtype));
    }),
  saves: () => savesInput(1, 2),
  vjp: ([cotangent], call, index) =>
    index === 0 ? meanOfLargest(cotangent!, call.input(1), call.input(2), call.params) : null,
  jvp: ([tangent], call) => (tangent ? apply(maxUnpoolOp, [tangent, call.input(1), call.input(2)], call.params) : null),
  batch: (inputs, batched, geometry, size) => {
    const [cotangent, x, y] = inputs.map((t, i) => {
      const all = asBatch(t, batched[i]!, size);
      return reshape(all, [size * all.shape[1]!, ...all.shape.slice(2)]);
    });
    const result = apply(maxUnpoolOp, [cotangent!, x!, y!], geometry);
    return reshape(result, [size, result.shape[0]! / size, ...result.shape.slice(1)]);
  },
};

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
  return apply(maxPoolOp, [input], geometryOf("maxPool", input, options));
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
  const given = asTensor(x);
  const input = isFloat(given.dtype) ? given : cast(given, defaultDType());
  const geometry = geometryOf("avgPool", input, options, [...optionNames, "countPadding"]);
  const sums = apply(sumPoolOp, [input], geometry);
  if (options.countPadding || (options.padding ?? "valid") === "valid") {
    return div(
      sums,
      geometry.kernel.reduce((a, b) => a * b, 1),
    );
  }
  const space = ones([1, ...geometry.input, 1], { dtype: input.dtype });
  return div(sums, apply(sumPoolOp, [space], geometry));
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
  const counts = perAxis(op, "outputSize", outputSize, input.rank - 2);
  checkShape(op, [input.shape[0]!, ...counts, input.shape.at(-1)!]);
  return counts.reduce((y, count, i) => {
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
