import { adaptiveAvgPool, adaptiveMaxPool, avgPool, max, maxPool, mean, type Tensor, where } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { LayerInputError, unknownName } from "../errors.ts";
import { maskOf } from "../masks.ts";
import { type BatchShape, Layer, type LayerOptions } from "../module.ts";
import { type PerAxis, sizes, windows } from "./convolution.ts";

/** Options of pooling layers. */
export interface PoolingOptions extends LayerOptions {
  /** Default: 2. */
  readonly poolSize?: PerAxis;
  /** Default: the pool's size. */
  readonly strides?: PerAxis | null;
  /** Default: "valid". */
  readonly padding?: "valid" | "same";
}

abstract class Pooling extends Layer {
  /** Number of spatial axes. */
  static readonly rank: number = 0;
  readonly poolSize: readonly number[];
  readonly strides: readonly number[];
  readonly padding: "valid" | "same";

  /** @param poolSize default: 2. It may also be given among the options. */
  constructor(poolSize: PerAxis | PoolingOptions = 2, options: PoolingOptions = {}) {
    const both: PoolingOptions = isSize(poolSize) ? { ...options, poolSize } : poolSize;
    super(both);
    this.poolSize = sizes(this.className, "poolSize", both.poolSize ?? 2, this.rank);
    this.strides = sizes(this.className, "strides", both.strides ?? this.poolSize, this.rank);
    this.padding = both.padding ?? "valid";
    if (!["valid", "same"].includes(this.padding)) {
      throw unknownName(this.className, "padding", this.padding, ["valid", "same"]);
    }
  }

  private get rank(): number {
    return (this.constructor as typeof Pooling).rank;
  }

  override computeOutputShape(shape: BatchShape): BatchShape {
    if (shape.length !== this.rank + 2) throw new LayerInputError(this.name, `of ${this.rank + 2} axes`, shape);
    return shape.map((n, i) => {
      const size = this.poolSize[i - 1];
      const count = i === 0 || size === undefined ? n : windows(n, size, this.strides[i - 1]!, this.padding);
      if (count === null || i === 0 || count > 0) return count;
      throw new LayerInputError(this.name, `at least as large as its pool (${this.poolSize.join(", ")})`, shape);
    });
  }

  protected get options(): {
    readonly size: readonly number[];
    readonly strides: readonly number[];
    readonly padding: "valid" | "same";
  } {
    return { size: this.poolSize, strides: this.strides, padding: this.padding };
  }

  override getConfig(): Config {
    const { poolSize, strides, padding } = this;
    return { ...super.getConfig(), pool_size: poolSize, padding, strides, data_format: "channels_last" };
  }
}

abstract class MaxPooling extends Pooling {
  call(x: Tensor): Tensor {
    return maxPool(x, this.options);
  }
}
abstract class AveragePooling extends Pooling {
  call(x: Tensor): Tensor {
    return avgPool(this.asFloat(x), this.options);
  }
}

/** The largest element of every window of sequences (None, steps, channels). */
export class MaxPooling1D extends MaxPooling {
  static override readonly className = "MaxPooling1D";
  static override readonly rank = 1;
}
/** The largest element of every window of images (None, rows, columns, channels). */
export class MaxPooling2D extends MaxPooling {
  static override readonly className = "MaxPooling2D";
  static override readonly rank = 2;
}
/** The largest element of every window of volumes (None, …space, channels). */
export class MaxPooling3D extends MaxPooling {
  static override readonly className = "MaxPooling3D";
  static override readonly rank = 3;
}
/** The mean of every window of sequences (None, steps, channels). */
export class AveragePooling1D extends AveragePooling {
  static override readonly className = "AveragePooling1D";
  static override readonly rank = 1;
}
/** The mean of every window of images (None, rows, columns, channels). */
export class AveragePooling2D extends AveragePooling {
  static override readonly className = "AveragePooling2D";
  static override readonly rank = 2;
}
/** The mean of every window of volumes (None, …space, channels). */
export class AveragePooling3D extends AveragePooling {
  static override readonly className = "AveragePooling3D";
  static override readonly rank = 3;
}

function isSize(given: PerAxis | PoolingOptions): given is PerAxis {
  return typeof given === "number" || Array.isArray(given);
}

abstract class AdaptivePooling extends Layer {
  /** Number of spatial axes. */
  static readonly rank: number = 0;
  readonly outputSize: readonly number[];

  constructor(outputSize: PerAxis, options: LayerOptions = {}) {
    super(options);
    this.outputSize = sizes(
      this.className,
      "outputSize",
      outputSize,
      (this.constructor as typeof AdaptivePooling).rank,
    );
  }
  override computeOutputShape(shape: BatchShape): BatchShape {
    if (shape.length !== this.outputSize.length + 2) {
      throw new LayerInputError(this.name, `of ${this.outputSize.length + 2} axes`, shape);
    }
    return [shape[0]!, ...this.outputSize, shape.at(-1)!];
  }
  override getConfig(): Config {
    return { ...super.getConfig(), output_size: this.outputSize, data_format: "channels_last" };
  }
}

abstract class AdaptiveMaxPooling extends AdaptivePooling {
  call(x: Tensor): Tensor {
    return adaptiveMaxPool(x, this.outputSize);
  }
}
abstract class AdaptiveAveragePooling extends AdaptivePooling {
  call(x: Tensor): Tensor {
    return adaptiveAvgPool(this.asFloat(x), this.outputSize);
  }
}
/** The largest element of nearly equal parts of sequences, as many as asked for. */
export class AdaptiveMaxPooling1D extends AdaptiveMaxPooling {
  static override readonly className = "AdaptiveMaxPooling1D";
  static override readonly rank = 1;
}
/** The largest element of nearly equal parts of images, as many as asked for. */
export class AdaptiveMaxPooling2D extends AdaptiveMaxPooling {
  static override readonly className = "AdaptiveMaxPooling2D";
  static override readonly rank = 2;
}
/** The largest element of nearly equal parts of volumes, as many as asked for. */
export class AdaptiveMaxPooling3D extends AdaptiveMaxPooling {
  static override readonly className = "AdaptiveMaxPooling3D";
  static override readonly rank = 3;
}
/** The mean of nearly equal parts of sequences, as many as asked for. */
export class AdaptiveAveragePooling1D extends AdaptiveAveragePooling {
  static override readonly className = "AdaptiveAveragePooling1D";
  static override readonly rank = 1;
}
/** The mean of nearly equal parts of images, as many as asked for. */
export class AdaptiveAveragePooling2D extends AdaptiveAveragePooling {
  static override readonly className = "AdaptiveAveragePooling2D";
  static override readonly rank = 2;
}
/** The mean of nearly equal parts of volumes, as many as asked for. */
export class AdaptiveAveragePooling3D extends AdaptiveAveragePooling {
  static override readonly className = "AdaptiveAveragePooling3D";
  static override readonly rank = 3;
}

/** Options of global pooling. */
export interface GlobalPoolingOptions extends LayerOptions {
  /** Keep the axes with length 1. Default: false. */
  readonly keepdims?: boolean;
}

abstract class GlobalPooling extends Layer {
  readonly keepdims: boolean;
  constructor(options: GlobalPoolingOptions = {}) {
    super(options);
    this.keepdims = options.keepdims ?? false;
  }
  override computeOutputShape(shape: BatchShape): BatchShape {
    const kept = this.keepdims ? shape.slice(1, -1).map(() => 1) : [];
    return [shape[0]!, ...kept, shape.at(-1)!];
  }
  protected reduction(x: Tensor): { readonly axis: readonly number[]; readonly keepDims: boolean } {
    return { axis: x.shape.slice(1, -1).map((_, i) => i + 1), keepDims: this.keepdims };
  }
  override getConfig(): Config {
    return { ...super.getConfig(), data_format: "channels_last", keepdims: this.keepdims };
  }
}
abstract class GlobalAverage extends GlobalPooling {
  call(x: Tensor): Tensor {
    return mean(this.asFloat(x), this.reduction(x));
  }
}
abstract class GlobalMax extends GlobalPooling {
  call(x: Tensor): Tensor {
    return max(x, this.reduction(x));
  }
}
/** The mean over the steps of sequences: over those that count, where the input carries a mask. */
export class GlobalAveragePooling1D extends GlobalAverage {
  static override readonly className = "GlobalAveragePooling1D";
  override call(x: Tensor): Tensor {
    const mask = maskOf(x);
    if (mask === null) return super.call(x);
    const counts = mask.unsqueeze(-1);
    const axis = { axis: 1, keepDims: this.keepdims };
    return where(counts, this.asFloat(x), 0).sum(axis).div(counts.cast(this.dtype).sum(axis));
  }
}
export class GlobalAveragePooling2D extends GlobalAverage {
  static override readonly className = "GlobalAveragePooling2D";
}
export class GlobalAveragePooling3D extends GlobalAverage {
  static override readonly className = "GlobalAveragePooling3D";
}
export class GlobalMaxPooling1D extends GlobalMax {
  static override readonly className = "GlobalMaxPooling1D";
}
export class GlobalMaxPooling2D extends GlobalMax {
  static override readonly className = "GlobalMaxPooling2D";
}
export class GlobalMaxPooling3D extends GlobalMax {
  static override readonly className = "GlobalMaxPooling3D";
}
