import { promoteTypes } from "../dtype.ts";
import { ArgumentError, checkOptions, ShapeError, shown } from "../errors.ts";
import { checkShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { cast } from "./cast.ts";
import { convolution, transposedConvolution } from "./convolve.ts";
import type { Padding } from "./pad.ts";
import { permute, reshape } from "./reshape.ts";
import { asTensor, type TensorLike } from "./tensor-like.ts";
import { type Sliding, splitAxis, windowCount } from "./windows.ts";

/**
 * Around each spatial axis: nothing (`valid`), as much as keeps ⌈length / stride⌉ outputs (`same`, the odd one after),
 * or given numbers of zeros: one for all, one per axis, or `[before, after]` per axis.
 */
export type WindowPadding = "valid" | "same" | number | readonly (number | Padding)[];

/** Options of convolutions and of pooling. */
export interface WindowOptions {
  /** From one window to the next: one for all axes, or one per axis. */
  readonly strides?: number | readonly number[];
  /** Default: `"valid"`. */
  readonly padding?: WindowPadding;
  /** Distance between neighbours within a window. Default: 1. */
  readonly dilation?: number | readonly number[];
}

/** Options of convolutions. */
export interface ConvOptions extends WindowOptions {
  /** Into how many groups the channels are divided, each convolved by itself. Default: 1. */
  readonly groups?: number;
}

/** One positive integer per axis, or one from `least` on. */
export function perAxis(
  op: string,
  name: string,
  value: number | readonly number[],
  rank: number,
  least = 1,
): readonly number[] {
  const list = typeof value === "number" ? Array<number>(rank).fill(value) : value;
  if (!Array.isArray(list) || list.length !== rank || !list.every((n) => Number.isInteger(n) && n >= least)) {
    throw new ArgumentError({
      op,
      message: `${name} is ${shown(value)}`,
      hint: `give ${least > 0 ? "a positive integer" : `an integer from ${least} on`}, or a list of ${rank}`,
    });
  }
  return list;
}

/** Zeros before and after each axis. */
export function resolvePadding(
  op: string,
  padding: WindowPadding,
  lengths: readonly number[],
  { size, strides, dilation }: Omit<Sliding, "first">,
): readonly Padding[] {
  if (padding === "valid") return lengths.map(() => [0, 0]);
  if (padding === "same") {
    return lengths.map((length, i) => {
      const span = dilation[i]! * (size[i]! - 1) + 1;
      const total = Math.max(0, (Math.ceil(length / strides[i]!) - 1) * strides[i]! + span - length);
      return [Math.floor(total / 2), Math.ceil(total / 2)];
    });
  }
  const list = typeof padding === "number" ? lengths.map(() => padding) : padding;
  const pairs = Array.isArray(list) ? list.map((p): Padding => (typeof p === "number" ? [p, p] : p)) : [];
  const isPair = (pair: Padding): boolean =>
    Array.isArray(pair) && pair.length === 2 && pair.every((n) => Number.isInteger(n) && n >= 0);
  if (pairs.length !== lengths.length || !pairs.every(isPair)) {
    throw new ArgumentError({
      op,
      message: `padding is ${shown(padding)}`,
      hint: `"valid", "same", a number, or a list of ${lengths.length} numbers or pairs`,
    });
  }
  return pairs;
}

const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

interface Operands {
  readonly input: Tensor;
  readonly kernel: Tensor;
  readonly groups: number;
  readonly sliding: Sliding;
}

const optionNames = ["strides", "padding", "dilation", "groups"] as const;
const transposedLayout = "[...size, out per group, in]";

/** Checks ranks and channels; `layout` describes the kernel. */
function prepare(
  op: string,
  rank: number,
  x: TensorLike,
  w: TensorLike,
  options: ConvOptions & { readonly outputPadding?: number | readonly number[] },
  layout: string,
  inChannels: (kernel: Tensor) => number,
): Operands {
  const {
    strides = 1,
    dilation = 1,
    groups = 1,
  } = checkOptions<ConvTransposeOptions>(
    op,
    options,
    layout === transposedLayout ? [...optionNames, "outputPadding"] : optionNames,
  );
  const [a, b] = [asTensor(x), asTensor(w)];
  const dtype = promoteTypes(a.dtype, b.dtype);
  const [input, kernel] = [cast(a, dtype), cast(b, dtype)];
  if (input.rank !== rank + 2 || kernel.rank !== rank + 2) {
    throw new ShapeError({
      op,
      message: `the input and the kernel must have ${rank + 2} axes`,
      operands: [input, kernel],
      hint: `they are [batch, ...space, channels] and ${layout}`,
    });
  }
  const channels = input.shape[rank + 1]!;
  if (!Number.isInteger(groups) || groups < 1 || kernel.shape[rank + 1]! % groups !== 0 || channels % groups !== 0) {
    throw new ArgumentError({
      op,
      message: `groups is ${shown(groups)}`,
      operands: [input, kernel],
      hint: "it divides both numbers of channels",
    });
  }
  if (inChannels(kernel) * (layout.includes("/") ? groups : 1) !== channels) {
    throw new ShapeError({
      op,
      message: `the input has ${channels} channels, which the kernel does not fit in ${groups} groups`,
      operands: [input, kernel],
      hint: `the kernel is ${layout}`,
    });
  }
  const sliding = {
    first: 1,
    size: kernel.shape.slice(0, rank),
    strides: perAxis(op, "strides", strides, rank),
    dilation: perAxis(op, "dilation", dilation, rank),
  };
  return { input, kernel, groups, sliding };
}

/** Channels as `[groups, ..., channels / groups]`; the last axis of kernels is divided, too. */
function divided(x: Tensor, groups: number): Tensor {
  if (groups === 1) return x;
  const last = x.rank - 1;
  return permute(splitAxis(x, last, [groups, x.shape[last]! / groups]), [last, ...range(0, last), last + 1]);
}

/** The transpose of {@link divided}. */
function joined(x: Tensor, groups: number): Tensor {
  if (groups === 1) return x;
  const last = x.rank - 1;
  const turned = permute(x, [...range(1, last - 1), 0, last]);
  return reshape(turned, [...turned.shape.slice(0, last - 1), groups * x.shape[last]!]);
}

function convolve(op: string, rank: number, x: TensorLike, w: TensorLike, options: ConvOptions): Tensor {
  const layout = "[...size, in / groups, out]";
  const { input, kernel, groups, sliding } = prepare(op, rank, x, w, options, layout, (k) => k.shape[rank]!);
  const { size, strides, dilation } = sliding;
  const lengths = input.shape.slice(1, -1);
  const padding = resolvePadding(op, options.padding ?? "valid", lengths, sliding);
  const output = lengths.map((length, i) => {
    const count = windowCount(length + padding[i]![0] + padding[i]![1], size[i]!, strides[i]!, dilation[i]!);
    if (count > 0) return count;
    throw new ShapeError({
      op,
      message: `the kernel is longer than the padded input along spatial axis ${i}`,
      operands: [input, kernel],
    });
  });
  const before = padding.map(([n]) => n);
  const geometry = { batch: groups === 1 ? 0 : 1, input: lengths, kernel: size, output, strides, dilation, before };
  return joined(convolution(divided(input, groups), divided(kernel, groups), geometry), groups);
}

/**
 * A convolution (without mirroring the kernel) over one axis, channels last.
 *
 * @param x shape `[batch, length, in]`.
 * @param kernel shape `[size, in / groups, out]`.
 * @returns shape `[batch, outputs, out]`.
 * @throws {ShapeError} when ranks or channels do not fit, or the kernel is longer than the padded input.
 *
 * @example
 * ```ts
 * conv1d([[[1], [2], [3]]], [[[1]], [[10]]]); // [[[21], [32]]]
 * ```
 */
export function conv1d(x: TensorLike, kernel: TensorLike, options: ConvOptions = {}): Tensor {
  return convolve("conv1d", 1, x, kernel, options);
}

/**
 * A convolution over two axes, channels last.
 *
 * @param x shape `[batch, height, width, in]`.
 * @param kernel shape `[rows, columns, in / groups, out]`.
 *
 * @example
 * ```ts
 * conv2d(ones([1, 5, 5, 3]), ones([3, 3, 3, 8]), { padding: "same", strides: 2 }).shape; // [1, 3, 3, 8]
 * ```
 */
export function conv2d(x: TensorLike, kernel: TensorLike, options: ConvOptions = {}): Tensor {
  return convolve("conv2d", 2, x, kernel, options);
}

/**
 * A convolution over three axes, channels last; see {@link conv2d}.
 *
 * @example
 * ```ts
 * conv3d(ones([1, 2, 2, 2, 1]), ones([2, 2, 2, 1, 1])); // [[[[[8]]]]]
 * ```
 */
export function conv3d(x: TensorLike, kernel: TensorLike, options: ConvOptions = {}): Tensor {
  return convolve("conv3d", 3, x, kernel, options);
}

/**
 * Each channel convolved by kernels of its own.
 *
 * @param kernel shape `[rows, columns, in, multiplier]`.
 * @returns channels `in · multiplier`, those of one input channel next to each other.
 *
 * @example
 * ```ts
 * depthwiseConv2d(ones([1, 4, 4, 2]), ones([3, 3, 2, 3])).shape; // [1, 2, 2, 6]
 * ```
 */
export function depthwiseConv2d(x: TensorLike, kernel: TensorLike, options: WindowOptions = {}): Tensor {
  const w = asTensor(kernel);
  if (w.rank !== 4) {
    throw new ShapeError({ op: "depthwiseConv2d", message: "the kernel must have 4 axes", operands: [w] });
  }
  const [rows, columns, channels, multiplier] = w.shape as readonly [number, number, number, number];
  const flat = reshape(w, [rows, columns, 1, channels * multiplier]);
  checkOptions("depthwiseConv2d", options, ["strides", "padding", "dilation"]);
  return convolve("depthwiseConv2d", 2, x, flat, { ...options, groups: channels });
}

/** Options of transposed convolutions. */
export interface ConvTransposeOptions extends ConvOptions {
  /** Elements added after each axis, to tell apart input lengths that convolve to the same. Default: 0. */
  readonly outputPadding?: number | readonly number[];
}

function convolveTransposed(
  op: string,
  rank: number,
  x: TensorLike,
  w: TensorLike,
  options: ConvTransposeOptions,
): Tensor {
  const { input, kernel, groups, sliding } = prepare(
    op,
    rank,
    x,
    w,
    options,
    transposedLayout,
    (k) => k.shape[rank + 1]!,
  );
  const { size, strides, dilation } = sliding;
  const added = perAxis(op, "outputPadding", options.outputPadding ?? 0, rank, 0);
  const output = input.shape.slice(1, -1);
  const full = output.map((n, i) => (n === 0 ? 0 : (n - 1) * strides[i]! + dilation[i]! * (size[i]! - 1) + 1));
  const { padding = "valid" } = options;
  const crop =
    padding === "same"
      ? size.map((s, i): Padding => {
          const total = Math.max(0, dilation[i]! * (s - 1) + 1 - strides[i]!);
          return [Math.floor(total / 2), Math.ceil(total / 2)];
        })
      : resolvePadding(op, padding, output, sliding);
  const lengths = output.map((n, i) =>
    padding === "same" ? n * strides[i]! + added[i]! : full[i]! - crop[i]![0] - crop[i]![1] + added[i]!,
  );
  if (lengths.some((n) => n < 0)) {
    throw new ShapeError({ op, message: "padding removes more than there is", operands: [input, kernel] });
  }
  checkShape(op, [input.shape[0]!, ...lengths, kernel.shape[rank]!]);
  const before = crop.map(([n]) => n);
  const geometry = { batch: groups === 1 ? 0 : 1, input: lengths, kernel: size, output, strides, dilation, before };
  // The kernel is that of the convolution it transposes, whose output channels are this input's.
  return joined(transposedConvolution(divided(input, groups), divided(kernel, groups), geometry), groups);
}

/**
 * The transpose of {@link conv1d} with respect to its input, which makes sequences longer.
 *
 * @param x shape `[batch, length, in]`.
 * @param kernel shape `[size, out / groups, in]`.
 * @param options `padding` is what the convolution it transposes would have; with `"same"` lengths multiply by the stride.
 *
 * @example
 * ```ts
 * convTranspose1d([[[1], [2]]], [[[1]], [[10]]]); // [[[1], [12], [20]]]
 * ```
 */
export function convTranspose1d(x: TensorLike, kernel: TensorLike, options: ConvTransposeOptions = {}): Tensor {
  return convolveTransposed("convTranspose1d", 1, x, kernel, options);
}

/**
 * The transpose of {@link conv2d} with respect to its input, which makes images larger.
 *
 * @param kernel shape `[rows, columns, out / groups, in]`.
 *
 * @example
 * ```ts
 * convTranspose2d(ones([1, 4, 4, 3]), ones([3, 3, 8, 3]), { strides: 2, padding: "same" }).shape; // [1, 8, 8, 8]
 * ```
 */
export function convTranspose2d(x: TensorLike, kernel: TensorLike, options: ConvTransposeOptions = {}): Tensor {
  return convolveTransposed("convTranspose2d", 2, x, kernel, options);
}

/**
 * The transpose of {@link conv3d} with respect to its input; see {@link convTranspose2d}.
 *
 * @example
 * ```ts
 * convTranspose3d(ones([1, 1, 1, 1, 1]), ones([1, 1, 2, 1, 1])); // [[[[[1], [1]]]]]
 * ```
 */
export function convTranspose3d(x: TensorLike, kernel: TensorLike, options: ConvTransposeOptions = {}): Tensor {
  return convolveTransposed("convTranspose3d", 3, x, kernel, options);
}
