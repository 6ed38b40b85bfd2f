/**
 * Windows that slide over the spatial axes of tensors `[...batch, n, ...space, channels]`: what convolution and pooling
 * compute from. Nothing here is recorded.
 */
import { copyKernel, fillKernel } from "../backend/copy.ts";
import { backend } from "../backend/current.ts";
import type { DType } from "../dtype.ts";
import { allocate, viewOf } from "../launch.ts";
import { contiguousStrides, type Shape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";

/** The lengths of a convolution or pooling along its spatial axes, of which all lists have one entry each. */
export interface Geometry {
  /** Rank of the batch of convolutions, which each have a kernel of their own; 0 for pooling. */
  readonly batch: number;
  readonly input: readonly number[];
  /** Of the kernel, or of windows. */
  readonly kernel: readonly number[];
  readonly output: readonly number[];
  readonly strides: readonly number[];
  readonly dilation: readonly number[];
  /** What is added before the input; behind it there is as much as the output needs. */
  readonly before: readonly number[];
}

/** Strides of a tensor whose batch axes lie in memory before the last axis, as groups of channels do. */
function groupedStrides(shape: Shape, batch: number): number[] {
  const last = shape.length - 1;
  const stored = contiguousStrides([...shape.slice(batch, last), ...shape.slice(0, batch), shape[last]!]);
  return [...stored.slice(last - batch, last), ...stored.slice(0, last - batch), stored[last]!];
}

/** A view with its batch axes before the last one, as {@link grouped} tensors lie: the order in which copies are fast. */
function inMemoryOrder(x: Tensor, batch: number): Tensor {
  if (batch === 0) return x;
  const last = x.rank - 1;
  const turn = (list: readonly number[]): number[] => [
    ...list.slice(batch, last),
    ...list.slice(0, batch),
    list[last]!,
  ];
  return viewOf(x, turn(x.shape), turn(x.strides));
}

/** A tensor to be filled, its batch axes lying before the last one. */
export function grouped(dtype: DType, shape: Shape, batch: number): Tensor {
  return viewOf(allocate(dtype, shape), shape, groupedStrides(shape, batch));
}

/**
 * What `use` makes of the axes from `first` on of `x`, from `from` on and `length` long, with `fill` where `x` is not.
 * Where that reaches beyond `x` it is a copy, which lives until `use` returns.
 */
export function framed(
  x: Tensor,
  batch: number,
  first: number,
  from: readonly number[],
  length: readonly number[],
  use: (frame: Tensor) => void,
  fill = 0,
): void {
  const isInside = from.every((start, i) => start >= 0 && start + length[i]! <= x.shape[first + i]!);
  const shift = (by: readonly number[], strides: readonly number[]): number =>
    by.reduce((sum, n, i) => sum + n * strides[first + i]!, 0);
  const shape = [...x.shape.slice(0, first), ...length, ...x.shape.slice(first + from.length)];
  if (isInside) {
    use(viewOf(x, shape, x.strides, x.offset + shift(from, x.strides)));
    return;
  }
  const frame = grouped(x.dtype, shape, batch);
  const { strides } = frame;
  const start = from.map((n, i) => Math.min(length[i]!, Math.max(0, -n)));
  const kept = from.map((n, i) => Math.max(0, Math.min(length[i]!, x.shape[first + i]! - n) - start[i]!));
  const within = (starts: readonly number[], counts: readonly number[]): Tensor =>
    viewOf(
      frame,
      [...shape.slice(0, first), ...counts, ...shape.slice(first + counts.length)],
      strides,
      shift(starts, strides),
    );
  // The border, axis by axis: before and after what is kept, along axes that have had their turn only as far as that.
  for (const [i, n] of length.entries()) {
    const end = start[i]! + kept[i]!;
    for (const [at, count] of [
      [0, start[i]!],
      [end, n - end],
    ] as const) {
      const border = within(
        [...start.slice(0, i), at, ...length.slice(i + 1).fill(0)],
        [...kept.slice(0, i), count, ...length.slice(i + 1)],
      );
      if (sizeOf(border.shape) > 0) backend().run(fillKernel(x.dtype), [], [inMemoryOrder(border, batch)], [fill]);
    }
  }
  const target = within(start, kept);
  const source = shift(
    from.map((n) => Math.max(0, n)),
    x.strides,
  );
  if (target.size > 0) {
    const inside = viewOf(x, target.shape, x.strides, x.offset + source);
    backend().run(copyKernel(x.dtype), [inMemoryOrder(inside, batch)], [inMemoryOrder(target, batch)]);
  }
  use(frame);
  backend().free(frame.storage);
}

/** The windows of a frame, whose shape is `[...before, ...count, ...size, channels]`. */
export function slide(
  x: Tensor,
  first: number,
  count: readonly number[],
  size: readonly number[],
  strides: readonly number[],
  dilation: readonly number[],
): Tensor {
  const slid = x.strides.slice(first, first + size.length);
  return viewOf(
    x,
    [...x.shape.slice(0, first), ...count, ...size, x.shape.at(-1)!],
    [
      ...x.strides.slice(0, first),
      ...slid.map((s, i) => s * strides[i]!),
      ...slid.map((s, i) => s * dilation[i]!),
      x.strides.at(-1)!,
    ],
  );
}

/** What `use` makes of all the windows that make the output, `fill` being around the input. */
export function overWindows(x: Tensor, geometry: Geometry, use: (windows: Tensor) => void, fill = 0): void {
  const { batch, kernel: size, output: count, strides, dilation, before } = geometry;
  const length = count.map((n, i) => Math.max(0, (n - 1) * strides[i]! + dilation[i]! * (size[i]! - 1) + 1));
  const from = before.map((n) => -n);
  const slid = (frame: Tensor): void => use(slide(frame, batch + 1, count, size, strides, dilation));
  framed(x, batch, batch + 1, from, length, slid, fill);
}
