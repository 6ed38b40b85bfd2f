import { flip, rand, type Tensor, where } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { unknownName } from "../errors.ts";
import { type CallContext, Layer, type LayerOptions } from "../module.ts";

/** Which way images are mirrored. */
export type FlipMode = "horizontal" | "vertical" | "horizontal_and_vertical";

/** In training, mirrors every image (None, rows, columns, channels) with probability one half. */
export class RandomFlip extends Layer {
  static override readonly className = "RandomFlip";
  readonly mode: FlipMode;
  constructor(mode: FlipMode = "horizontal_and_vertical", options: LayerOptions = {}) {
    super(options);
    const modes = ["horizontal", "vertical", "horizontal_and_vertical"];
    if (!modes.includes(mode)) throw unknownName("RandomFlip", "mode", mode, modes);
    this.mode = mode;
  }
  call(x: Tensor, context: CallContext): Tensor {
    if (!context.training) return x;
    let y = x;
    if (this.mode !== "vertical") y = where(this.chosen(y, context), flip(y, 2), y);
    if (this.mode !== "horizontal") y = where(this.chosen(y, context), flip(y, 1), y);
    return y;
  }
  private chosen(x: Tensor, context: CallContext): Tensor {
    return rand([x.shape[0]!, 1, 1, 1], { generator: context.generator }).less(0.5);
  }
  override getConfig(): Config {
    return { ...super.getConfig(), mode: this.mode, seed: null };
  }
}

/** A factor's bounds: `f` stands for −f to f. */
type Range = number | readonly [number, number];

function bounds(factor: Range): readonly [number, number] {
  return typeof factor === "number" ? [-factor, factor] : factor;
}

/** In training, adds to every image a number drawn from `factor` times the values' range (default 0 to 255). */
export class RandomBrightness extends Layer {
  static override readonly className = "RandomBrightness";
  readonly factor: readonly [number, number];
  readonly valueRange: readonly [number, number];
  constructor(factor: Range, options: LayerOptions & { readonly valueRange?: readonly [number, number] } = {}) {
    super(options);
    this.factor = bounds(factor);
    this.valueRange = options.valueRange ?? [0, 255];
  }
  call(x: Tensor, context: CallContext): Tensor {
    const input = this.asFloat(x);
    if (!context.training) return input;
    const [low, high] = this.factor;
    const [least, most] = this.valueRange;
    const shape = [input.shape[0]!, 1, 1, 1];
    const amount = rand(shape, { dtype: this.dtype, generator: context.generator })
      .mul(high - low)
      .add(low);
    return input
      .add(amount.mul(most - least))
      .maximum(least)
      .minimum(most);
  }
  override getConfig(): Config {
    return { ...super.getConfig(), factor: this.factor, value_range: this.valueRange, seed: null };
  }
}

/** In training, scales every image's distance from its channels' means by a factor from 1 − f to 1 + f. */
export class RandomContrast extends Layer {
  static override readonly className = "RandomContrast";
  readonly factor: number | readonly [number, number];
  readonly valueRange: readonly [number, number];
  constructor(
    factor: number | readonly [number, number],
    options: LayerOptions & { readonly valueRange?: readonly [number, number] } = {},
  ) {
    super(options);
    this.factor = factor;
    this.valueRange = options.valueRange ?? [0, 255];
  }
  call(x: Tensor, context: CallContext): Tensor {
    const input = this.asFloat(x);
    if (!context.training) return input;
    const [below, above] = typeof this.factor === "number" ? [this.factor, this.factor] : this.factor;
    const shape = [input.shape[0]!, 1, 1, 1];
    const scale = rand(shape, { dtype: this.dtype, generator: context.generator })
      .mul(above + below)
      .add(1 - below);
    const average = input.mean({ axis: [1, 2], keepDims: true });
    const [least, most] = this.valueRange;
    return input.sub(average).mul(scale).add(average).maximum(least).minimum(most);
  }
  override getConfig(): Config {
    return { ...super.getConfig(), factor: this.factor, value_range: this.valueRange, seed: null };
  }
}
