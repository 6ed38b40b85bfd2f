import { concatenate, matmul, type Padding, pad, slice, type Tensor, tensor } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { LayerInputError } from "../errors.ts";
import { type BatchShape, Layer, type LayerOptions } from "../module.ts";

/** Samples in another shape of equal size; one length may be −1. */
export class Reshape extends Layer {
  static override readonly className = "Reshape";
  readonly targetShape: readonly number[];
  constructor(targetShape: readonly number[], options: LayerOptions = {}) {
    super(options);
    this.targetShape = targetShape;
  }
  override computeOutputShape(shape: BatchShape): BatchShape {
    const open = this.targetShape.indexOf(-1);
    const given = shape.slice(1);
    if (given.includes(null)) return [shape[0]!, ...this.targetShape.map((n) => (n === -1 ? null : n))];
    const size = (given as number[]).reduce((a, b) => a * b, 1);
    const known = this.targetShape.filter((n) => n !== -1).reduce((a, b) => a * b, 1);
    if (open === -1 ? size !== known : size % known !== 0) {
      throw new LayerInputError(this.name, `whose samples have the size of (${this.targetShape.join(", ")})`, shape);
    }
    return [shape[0]!, ...this.targetShape.map((n) => (n === -1 ? size / known : n))];
  }
  call(x: Tensor): Tensor {
    return x.reshape(this.computeOutputShape(x.shape) as number[]);
  }
  override getConfig(): Config {
    return { ...super.getConfig(), target_shape: this.targetShape };
  }
}

/** Axes in another order, counted from 1: `[2, 1]` exchanges the first two. */
export class Permute extends Layer {
  static override readonly className = "Permute";
  readonly dims: readonly number[];
  constructor(dims: readonly number[], options: LayerOptions = {}) {
    super(options);
    this.dims = dims;
  }
  override computeOutputShape(shape: BatchShape): BatchShape {
    return [shape[0]!, ...this.dims.map((d) => shape[d]!)];
  }
  call(x: Tensor): Tensor {
    return x.permute([0, ...this.dims]);
  }
  override getConfig(): Config {
    return { ...super.getConfig(), dims: this.dims };
  }
}

/** (None, features) repeated: (None, n, features). */
export class RepeatVector extends Layer {
  static override readonly className = "RepeatVector";
  readonly n: number;
  constructor(n: number, options: LayerOptions = {}) {
    super(options);
    this.n = n;
  }
  override computeOutputShape(shape: BatchShape): BatchShape {
    return [shape[0]!, this.n, shape[1]!];
  }
  call(x: Tensor): Tensor {
    return x.unsqueeze(1).broadcastTo([x.shape[0]!, this.n, x.shape[1]!]);
  }
  override getConfig(): Config {
    return { ...super.getConfig(), n: this.n };
  }
}

type Amounts = number | readonly (number | readonly [number, number])[];

/** One pair per axis, from a number, numbers, or pairs. */
function pairs(amounts: Amounts, rank: number): readonly Padding[] {
  if (typeof amounts === "number") return Array.from({ length: rank }, () => [amounts, amounts] as const);
  if (rank === 1 && amounts.length === 2) return [amounts as unknown as Padding];
  return amounts.map((a) => (typeof a === "number" ? ([a, a] as const) : a));
}

/** Zeros around the axes between samples and channels. */
abstract class ZeroPadding extends Layer {
  readonly padding: readonly Padding[];
  constructor(rank: number, padding: Amounts, options: LayerOptions) {
    super(options);
    this.padding = pairs(padding, rank);
  }
  override computeOutputShape(shape: BatchShape): BatchShape {
    return shape.map((n, i) => {
      const p = this.padding[i - 1];
      return n === null || p === undefined ? n : n + p[0] + p[1];
    });
  }
  call(x: Tensor): Tensor {
    return pad(x, [[0, 0], ...this.padding, [0, 0]]);
  }
  override getConfig(): Config {
    return { ...super.getConfig(), padding: this.padding.length === 1 ? this.padding[0]! : this.padding };
  }
}
export class ZeroPadding1D extends ZeroPadding {
  static override readonly className = "ZeroPadding1D";
  constructor(padding: Amounts = 1, options: LayerOptions = {}) {
    super(1, padding, options);
  }
}
export class ZeroPadding2D extends ZeroPadding {
  static override readonly className = "ZeroPadding2D";
  constructor(padding: Amounts = 1, options: LayerOptions = {}) {
    super(2, padding, options);
  }
}

/** Takes elements off the ends of the axes between samples and channels. */
abstract class Cropping extends Layer {
  readonly cropping: readonly Padding[];
  constructor(rank: number, cropping: Amounts, options: LayerOptions) {
    super(options);
    this.cropping = pairs(cropping, rank);
  }
  override computeOutputShape(shape: BatchShape): BatchShape {
    return shape.map((n, i) => {
      const c = this.cropping[i - 1];
      return n === null || c === undefined ? n : n - c[0] - c[1];
    });
  }
  call(x: Tensor): Tensor {
    return slice(x, [
      null,
      ...this.cropping.map(([before, after], i) => ({ start: before, stop: x.shape[i + 1]! - after })),
    ]);
  }
  override getConfig(): Config {
    return { ...super.getConfig(), cropping: this.cropping.length === 1 ? this.cropping[0]! : this.cropping };
  }
}
export class Cropping1D extends Cropping {
  static override readonly className = "Cropping1D";
  constructor(cropping: Amounts = 1, options: LayerOptions = {}) {
    super(1, cropping, options);
  }
}
export class Cropping2D extends Cropping {
  static override readonly className = "Cropping2D";
  constructor(cropping: Amounts = 0, options: LayerOptions = {}) {
    super(2, cropping, options);
  }
}

/** Every step repeated `size` (2) times. */
export class UpSampling1D extends Layer {
  static override readonly className = "UpSampling1D";
  readonly size: number;
  constructor(size: number = 2, options: LayerOptions = {}) {
    super(options);
    this.size = size;
  }
  override computeOutputShape(shape: BatchShape): BatchShape {
    return shape.map((n, i) => (i === 1 && n !== null ? n * this.size : n));
  }
  call(x: Tensor): Tensor {
    return repeat(x, 1, this.size);
  }
  override getConfig(): Config {
    return { ...super.getConfig(), size: this.size };
  }
}

/** Images enlarged by whole factors, by repetition ("nearest") or linearly ("bilinear"). */
export class UpSampling2D extends Layer {
  static override readonly className = "UpSampling2D";
  readonly size: readonly [number, number];
  readonly interpolation: "nearest" | "bilinear";
  constructor(
    size: number | readonly [number, number] = 2,
    options: LayerOptions & { readonly interpolation?: "nearest" | "bilinear" } = {},
  ) {
    super(options);
    this.size = typeof size === "number" ? [size, size] : size;
    this.interpolation = options.interpolation ?? "nearest";
  }
  override computeOutputShape(shape: BatchShape): BatchShape {
    return shape.map((n, i) => (n === null || (i !== 1 && i !== 2) ? n : n * this.size[i - 1]!));
  }
  call(x: Tensor): Tensor {
    if (this.interpolation === "nearest") return repeat(repeat(x, 1, this.size[0]), 2, this.size[1]);
    const input = this.asFloat(x);
    const [batch, height, width, channels] = input.shape as readonly [number, number, number, number];
    const [rows, columns] = [height * this.size[0], width * this.size[1]];
    const tall = matmul(this.weights1D(height, rows), input.reshape([batch, height, width * channels]));
    const wide = matmul(this.weights1D(width, columns), tall.reshape([batch * rows, width, channels]));
    return wide.reshape([batch, rows, columns, channels]);
  }
  /** How much each of `from` points counts for each of `to`, between the centres of pixels. */
  private weights1D(from: number, to: number): Tensor {
    const data = new Float64Array(to * from);
    for (let i = 0; i < to; i++) {
      const at = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1);
      const low = Math.floor(at);
      data[i * from + low]! += 1 - (at - low);
      if (low + 1 < from) data[i * from + low + 1]! += at - low;
    }
    return tensor({ data, shape: [to, from] }, { dtype: this.dtype });
  }
  override getConfig(): Config {
    return { ...super.getConfig(), size: this.size, interpolation: this.interpolation };
  }
}

function repeat(x: Tensor, axis: number, times: number): Tensor {
  if (times === 1) return x;
  const open = x.unsqueeze(axis + 1);
  const wide = concatenate(
    Array.from({ length: times }, () => open),
    { axis: axis + 1 },
  );
  return wide.reshape(x.shape.map((n, i) => (i === axis ? n * times : n)));
}
