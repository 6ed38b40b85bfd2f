import { ArgumentError, flip, type Generator, rand, slice, type Tensor, where } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { unknownName } from "../errors.ts";
import type { BatchShape, CallContext } from "../module.ts";
import { affineTransform, type FillMode, fillModes, rotations, translations, zooms } from "./affine.ts";
import { positive } from "./convolution.ts";
import { NoiseLayer, type NoiseOptions } from "./core.ts";
import { checkImages, fittedMiddle } from "./resizing.ts";

/** A layer that changes every image (samples, rows, columns, channels) in training, by amounts drawn for each. */
abstract class Augmentation extends NoiseLayer {
  override readonly supportsMasking = false;

  override call(x: Tensor, context: CallContext): Tensor {
    checkImages(this.name, x.shape);
    return super.call(this.asFloat(x), context);
  }

  override getConfig(): Config {
    return { ...super.getConfig(), data_format: "channels_last" };
  }

  /** One number between `low` and `high` for each image, with axes to broadcast. */
  protected draw(x: Tensor, [low, high]: readonly [number, number], generator: Generator): Tensor {
    return rand([x.shape[0]!, 1, 1, 1], { dtype: this.dtype, generator })
      .mul(high - low)
      .add(low);
  }
}

/** A factor's bounds: a number f stands for −f to f. */
export type Factor = number | readonly [number, number];

/** @throws {ArgumentError} for factors outside `limits`. */
function bounds(
  op: string,
  option: string,
  factor: Factor,
  limits: readonly [number, number],
): readonly [number, number] {
  const pair = Array.isArray(factor) ? factor : [Number.NaN, Number.NaN];
  const [low, high] = typeof factor === "number" ? [-Math.abs(factor), Math.abs(factor)] : pair;
  if (!(low <= high && low >= limits[0] && high <= limits[1])) {
    throw new ArgumentError({
      op,
      message: `${option} is ${JSON.stringify(factor)}`,
      hint: `give a number or [low, high], between ${limits[0]} and ${limits[1]}`,
    });
  }
  return [low, high];
}

const flipModes = ["horizontal", "vertical", "horizontal_and_vertical"] as const;

/** Which way images are mirrored. */
export type FlipMode = (typeof flipModes)[number];

/** In training, mirrors every image with probability one half. */
export class RandomFlip extends Augmentation {
  static override readonly className = "RandomFlip";
  readonly mode: FlipMode;
  constructor(mode: FlipMode = "horizontal_and_vertical", options: NoiseOptions = {}) {
    super(options);
    if (!flipModes.includes(mode)) throw unknownName("RandomFlip", "mode", mode, flipModes);
    this.mode = mode;
  }
  protected disturb(x: Tensor, generator: Generator): Tensor {
    const chosen = () => this.draw(x, [0, 1], generator).less(0.5);
    let y = x;
    if (this.mode !== "vertical") y = where(chosen(), flip(y, 2), y);
    if (this.mode !== "horizontal") y = where(chosen(), flip(y, 1), y);
    return y;
  }
  override getConfig(): Config {
    return { ...super.getConfig(), mode: this.mode };
  }
}

/** Options of {@link RandomBrightness} and {@link RandomContrast}. */
export interface ColorOptions extends NoiseOptions {
  /** The least and the largest value of a pixel. Default: 0 to 255. */
  readonly valueRange?: readonly [number, number];
}

/** In training, adds to every image a number drawn from `factor` times the values' range. */
export class RandomBrightness extends Augmentation {
  static override readonly className = "RandomBrightness";
  readonly factor: readonly [number, number];
  readonly valueRange: readonly [number, number];
  constructor(factor: Factor, options: ColorOptions = {}) {
    super(options);
    this.factor = bounds("RandomBrightness", "factor", factor, [-1, 1]);
    this.valueRange = options.valueRange ?? [0, 255];
  }
  protected disturb(x: Tensor, generator: Generator): Tensor {
    const [least, most] = this.valueRange;
    const amount = this.draw(x, this.factor, generator).mul(most - least);
    return x.add(amount).maximum(least).minimum(most);
  }
  override getConfig(): Config {
    return { ...super.getConfig(), factor: this.factor, value_range: this.valueRange };
  }
}

/** In training, scales every image's distance from its channels' means by a factor from 1 − f to 1 + f. */
export class RandomContrast extends Augmentation {
  static override readonly className = "RandomContrast";
  readonly factor: Factor;
  readonly valueRange: readonly [number, number];
  constructor(factor: Factor, options: ColorOptions = {}) {
    super(options);
    if (typeof factor !== "number" && !Array.isArray(factor)) {
      throw new ArgumentError({
        op: "RandomContrast",
        message: `factor is ${JSON.stringify(factor)}`,
        hint: "give a number or [below, above]",
      });
    }
    this.factor = factor;
    this.valueRange = options.valueRange ?? [0, 255];
  }
  protected disturb(x: Tensor, generator: Generator): Tensor {
    const [below, above] = typeof this.factor === "number" ? [this.factor, this.factor] : this.factor;
    const average = x.mean({ axis: [1, 2], keepDims: true });
    const [least, most] = this.valueRange;
    const scale = this.draw(x, [1 - below, 1 + above], generator);
    return x.sub(average).mul(scale).add(average).maximum(least).minimum(most);
  }
  override getConfig(): Config {
    return { ...super.getConfig(), factor: this.factor, value_range: this.valueRange };
  }
}

/** Options of layers that move pixels. */
export interface SpatialAugmentationOptions extends NoiseOptions {
  /** What lies outside images. Default: "reflect". */
  readonly fillMode?: FillMode;
  /** Default: "bilinear". */
  readonly interpolation?: "nearest" | "bilinear";
  /** With the fill mode "constant". Default: 0. */
  readonly fillValue?: number;
}

abstract class SpatialAugmentation extends Augmentation {
  readonly fillMode: FillMode;
  readonly interpolation: "nearest" | "bilinear";
  readonly fillValue: number;

  constructor(options: SpatialAugmentationOptions) {
    super(options);
    this.fillMode = options.fillMode ?? "reflect";
    this.interpolation = options.interpolation ?? "bilinear";
    this.fillValue = options.fillValue ?? 0;
    if (!fillModes.includes(this.fillMode)) throw unknownName(this.className, "fillMode", this.fillMode, fillModes);
    if (!["nearest", "bilinear"].includes(this.interpolation)) {
      throw unknownName(this.className, "interpolation", this.interpolation, ["nearest", "bilinear"]);
    }
  }

  /** @internal Images seen through one map each: see `affineTransform`. */
  transform(images: Tensor, maps: Float64Array): Tensor {
    return affineTransform(images, maps, this);
  }

  /** Six numbers for each image, drawn. */
  protected abstract maps(x: Tensor, generator: Generator): Float64Array;

  protected disturb(x: Tensor, generator: Generator): Tensor {
    return this.transform(x, this.maps(x, generator));
  }

  override getConfig(): Config {
    const { fillMode, interpolation, fillValue } = this;
    return {
      ...super.getConfig(),
      fill_mode: fillMode,
      interpolation,
      fill_value: fillValue,
    };
  }
}

/**
 * In training, turns every image about its middle, by an angle drawn from `factor` times a full turn: 0.1 means up to 36°
 * either way.
 */
export class RandomRotation extends SpatialAugmentation {
  static override readonly className = "RandomRotation";
  readonly factor: readonly [number, number];
  constructor(factor: Factor, options: SpatialAugmentationOptions = {}) {
    super(options);
    this.factor = bounds("RandomRotation", "factor", factor, [-1, 1]);
  }
  protected maps(x: Tensor, generator: Generator): Float64Array {
    const angles = this.draw(x, this.factor, generator).mul(2 * Math.PI);
    return rotations(angles.data, x.shape[1]!, x.shape[2]!);
  }
  override getConfig(): Config {
    return { ...super.getConfig(), factor: this.factor };
  }
}

/** In training, moves every image, down and to the right by fractions of its size drawn from the two factors. */
export class RandomTranslation extends SpatialAugmentation {
  static override readonly className = "RandomTranslation";
  readonly heightFactor: readonly [number, number];
  readonly widthFactor: readonly [number, number];
  constructor(heightFactor: Factor, widthFactor: Factor, options: SpatialAugmentationOptions = {}) {
    super(options);
    this.heightFactor = bounds("RandomTranslation", "heightFactor", heightFactor, [-1, 1]);
    this.widthFactor = bounds("RandomTranslation", "widthFactor", widthFactor, [-1, 1]);
  }
  protected maps(x: Tensor, generator: Generator): Float64Array {
    const down = this.draw(x, this.heightFactor, generator).mul(x.shape[1]!);
    const right = this.draw(x, this.widthFactor, generator).mul(x.shape[2]!);
    return translations(down.data, right.data);
  }
  override getConfig(): Config {
    return { ...super.getConfig(), height_factor: this.heightFactor, width_factor: this.widthFactor };
  }
}

/**
 * In training, zooms into or out of every image: positive factors show more than there is, negative ones less. Without
 * `widthFactor` (null) proportions stay.
 */
export class RandomZoom extends SpatialAugmentation {
  static override readonly className = "RandomZoom";
  readonly heightFactor: readonly [number, number];
  readonly widthFactor: readonly [number, number] | null;
  constructor(heightFactor: Factor, widthFactor: Factor | null = null, options: SpatialAugmentationOptions = {}) {
    super(options);
    this.heightFactor = bounds("RandomZoom", "heightFactor", heightFactor, [-1, 1]);
    this.widthFactor = widthFactor === null ? null : bounds("RandomZoom", "widthFactor", widthFactor, [-1, 1]);
  }
  protected maps(x: Tensor, generator: Generator): Float64Array {
    const high = this.draw(x, this.heightFactor, generator).add(1);
    const wide = this.widthFactor === null ? high : this.draw(x, this.widthFactor, generator).add(1);
    return zooms(high.data, wide.data, x.shape[1]!, x.shape[2]!);
  }
  override getConfig(): Config {
    return { ...super.getConfig(), height_factor: this.heightFactor, width_factor: this.widthFactor };
  }
}

/**
 * In training, a part of `height` × `width` at a place drawn for each batch. Outside training, and for images that are too
 * small, the largest middle part in these proportions, brought to that size (Keras documents this too, but gives images
 * outside training as they are).
 */
export class RandomCrop extends Augmentation {
  static override readonly className = "RandomCrop";
  readonly height: number;
  readonly width: number;
  constructor(height: number, width: number, options: NoiseOptions = {}) {
    super(options);
    this.height = positive(this.className, "height", height);
    this.width = positive(this.className, "width", width);
  }
  override computeOutputShape(shape: BatchShape): BatchShape {
    checkImages(this.name, shape);
    return [shape[0]!, this.height, this.width, shape[3]!];
  }
  override call(x: Tensor, context: CallContext): Tensor {
    const y = super.call(x, context);
    return y.shape[1] === this.height && y.shape[2] === this.width ? y : fittedMiddle(y, this.height, this.width);
  }
  protected disturb(x: Tensor, generator: Generator): Tensor {
    const [rows, columns] = x.shape.slice(1, 3) as [number, number];
    if (rows < this.height || columns < this.width) return x;
    const start = (room: number): number => Math.floor(rand([], { generator }).item() * (room + 1));
    const [top, left] = [start(rows - this.height), start(columns - this.width)];
    return slice(x, [null, { start: top, stop: top + this.height }, { start: left, stop: left + this.width }]);
  }
  override getConfig(): Config {
    return { ...super.getConfig(), height: this.height, width: this.width };
  }
}
