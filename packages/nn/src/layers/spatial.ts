import { ArgumentError, type Padding, pad, repeat, slice, type Tensor } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { LayerInputError, unknownName } from "../errors.ts";
import { type BatchShape, Layer, type LayerOptions } from "../module.ts";
import { sizes } from "./convolution.ts";
import { type Interpolation, interpolations, resizeImages } from "./resizing.ts";

/** One number for all ends; or for each axis a number, or a pair for its start and its end. */
export type Amounts = number | readonly (number | readonly [number, number])[];

/** One pair per axis. A list of two numbers is a pair where there is one axis. */
function pairs(op: string, amounts: Amounts, rank: number): readonly Padding[] {
  if (typeof amounts === "number") return Array.from({ length: rank }, () => [amounts, amounts] as const);
  if (!Array.isArray(amounts)) {
    throw new ArgumentError({
      op,
      message: `the amounts are ${JSON.stringify(amounts)}`,
      hint: "give one number, or for each axis a number or a pair",
    });
  }
  if (rank === 1 && amounts.length === 2) return [amounts as unknown as Padding];
  return amounts.map((a) => (typeof a === "number" ? ([a, a] as const) : a));
}

/** What layers that change the lengths of the axes between samples and channels share. */
abstract class Spatial extends Layer {
  /** Number of spatial axes. */
  static readonly rank: number = 0;

  protected get rank(): number {
    return (this.constructor as typeof Spatial).rank;
  }

  /** The length of the spatial axis `i` (from 0) in the output. */
  protected abstract lengthAfter(n: number, i: number): number;

  override getConfig(): Config {
    // Sequences have no order of axes to choose, where nothing is added to them.
    const free = this.rank > 1 || this.className === "ZeroPadding1D";
    return { ...super.getConfig(), ...(free ? { data_format: "channels_last" } : {}) };
  }

  override computeOutputShape(shape: BatchShape): BatchShape {
    if (shape.length !== this.rank + 2) throw new LayerInputError(this.name, `of ${this.rank + 2} axes`, shape);
    return shape.map((n, i) => {
      if (n === null || i === 0 || i > this.rank) return n;
      const length = this.lengthAfter(n, i - 1);
      if (length < 1) throw new LayerInputError(this.name, "longer than what is cut off", shape);
      return length;
    });
  }
}

/** Zeros around the axes between samples and channels. */
abstract class ZeroPadding extends Spatial {
  readonly padding: readonly Padding[];
  constructor(padding: Amounts = 1, options: LayerOptions = {}) {
    super(options);
    this.padding = pairs(this.className, padding, this.rank);
  }
  protected lengthAfter(n: number, i: number): number {
    return n + this.padding[i]![0] + this.padding[i]![1];
  }
  call(x: Tensor): Tensor {
    return pad(x, [[0, 0], ...this.padding, [0, 0]]);
  }
  override getConfig(): Config {
    return { ...super.getConfig(), padding: this.padding.length === 1 ? this.padding[0]! : this.padding };
  }
}

/** Takes elements off the ends of the axes between samples and channels. */
abstract class Cropping extends Spatial {
  readonly cropping: readonly Padding[];
  constructor(cropping: Amounts, options: LayerOptions) {
    super(options);
    this.cropping = pairs(this.className, cropping, this.rank);
  }
  protected lengthAfter(n: number, i: number): number {
    return n - this.cropping[i]![0] - this.cropping[i]![1];
  }
  call(x: Tensor): Tensor {
    this.computeOutputShape(x.shape);
    const ends = this.cropping.map(([before, after], i) => ({ start: before, stop: x.shape[i + 1]! - after }));
    return slice(x, [null, ...ends]);
  }
  override getConfig(): Config {
    return { ...super.getConfig(), cropping: this.cropping.length === 1 ? this.cropping[0]! : this.cropping };
  }
}

/** Every element repeated `size` times along each axis between samples and channels. */
abstract class UpSampling extends Spatial {
  readonly size: readonly number[];
  constructor(size: number | readonly number[] = 2, options: LayerOptions = {}) {
    super(options);
    this.size = sizes(this.className, "size", size, this.rank);
  }
  protected lengthAfter(n: number, i: number): number {
    return n * this.size[i]!;
  }
  call(x: Tensor): Tensor {
    return this.size.reduce((y, times, i) => (times === 1 ? y : repeat(y, times, { axis: i + 1 })), x);
  }
  override getConfig(): Config {
    return { ...super.getConfig(), size: this.size.length === 1 ? this.size[0]! : this.size };
  }
}

/** Zeros around sequences (None, steps, channels): `padding` (1) at each end. */
export class ZeroPadding1D extends ZeroPadding {
  static override readonly className = "ZeroPadding1D";
  static override readonly rank = 1;
}
/** Zeros around images (None, rows, columns, channels): `padding` (1) at each end. */
export class ZeroPadding2D extends ZeroPadding {
  static override readonly className = "ZeroPadding2D";
  static override readonly rank = 2;
}
/** Zeros around volumes (None, …space, channels): `padding` (1) at each end. */
export class ZeroPadding3D extends ZeroPadding {
  static override readonly className = "ZeroPadding3D";
  static override readonly rank = 3;
}
/** Takes `cropping` (1) elements off each end of sequences (None, steps, channels). */
export class Cropping1D extends Cropping {
  static override readonly className = "Cropping1D";
  static override readonly rank = 1;
  constructor(cropping: Amounts = 1, options: LayerOptions = {}) {
    super(cropping, options);
  }
}
/** Takes `cropping` (0) elements off each end of images (None, rows, columns, channels). */
export class Cropping2D extends Cropping {
  static override readonly className = "Cropping2D";
  static override readonly rank = 2;
  constructor(cropping: Amounts = 0, options: LayerOptions = {}) {
    super(cropping, options);
  }
}
/** Takes `cropping` (1) elements off each end of volumes (None, …space, channels). */
export class Cropping3D extends Cropping {
  static override readonly className = "Cropping3D";
  static override readonly rank = 3;
  constructor(cropping: Amounts = 1, options: LayerOptions = {}) {
    super(cropping, options);
  }
}
/** Every step of sequences (None, steps, channels) repeated `size` (2) times. */
export class UpSampling1D extends UpSampling {
  static override readonly className = "UpSampling1D";
  static override readonly rank = 1;
}

/** Options of {@link UpSampling2D}. */
export interface UpSampling2DOptions extends LayerOptions {
  /** Default: "nearest", which repeats pixels. */
  readonly interpolation?: Interpolation;
}

/** Images (None, rows, columns, channels) enlarged by whole factors, `size` (2). */
export class UpSampling2D extends UpSampling {
  static override readonly className = "UpSampling2D";
  static override readonly rank = 2;
  readonly interpolation: Interpolation;
  constructor(size: number | readonly number[] = 2, options: UpSampling2DOptions = {}) {
    super(size, options);
    this.interpolation = options.interpolation ?? "nearest";
    if (!interpolations.includes(this.interpolation)) {
      throw unknownName("UpSampling2D", "interpolation", this.interpolation, interpolations);
    }
  }
  override call(x: Tensor): Tensor {
    if (this.interpolation === "nearest") return super.call(x);
    const [rows, columns] = x.shape.slice(1, 3).map((n, i) => n * this.size[i]!) as [number, number];
    return resizeImages(this.asFloat(x), rows, columns, { interpolation: this.interpolation });
  }
  override getConfig(): Config {
    return { ...super.getConfig(), interpolation: this.interpolation };
  }
}

/** Every element of volumes (None, …space, channels) repeated `size` (2) times along each axis. */
export class UpSampling3D extends UpSampling {
  static override readonly className = "UpSampling3D";
  static override readonly rank = 3;
}
