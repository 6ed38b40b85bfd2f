import { avgPool, max, maxPool, mean, type Tensor } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { LayerInputError } from "../errors.ts";
import { type BatchShape, Layer, type LayerOptions } from "../module.ts";
import { type PerAxis, perAxis, windows } from "./convolution.ts";

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
  readonly poolSize: readonly number[];
  readonly strides: readonly number[];
  readonly padding: "valid" | "same";
  private readonly spaceRank: number;

  constructor(rank: number, poolSize: PerAxis | PoolingOptions, options: PoolingOptions) {
    const both =
      typeof poolSize === "object" && !Array.isArray(poolSize)
        ? (poolSize as PoolingOptions)
        : { poolSize: poolSize as PerAxis, ...options };
    super(both);
    this.spaceRank = rank;
    this.poolSize = perAxis(both.poolSize ?? 2, rank);
    this.strides = perAxis(both.strides ?? this.poolSize, rank);
    this.padding = both.padding ?? "valid";
  }

  override computeOutputShape(shape: BatchShape): BatchShape {
    if (shape.length !== this.spaceRank + 2)
      throw new LayerInputError(this.name, `of ${this.spaceRank + 2} axes`, shape);
    return shape.map((n, i) => {
      const size = this.poolSize[i - 1];
      return i === 0 || size === undefined ? n : windows(n, size, this.strides[i - 1]!, this.padding);
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

/** The largest element of every window of a sequence. */
export class MaxPooling1D extends MaxPooling {
  static override readonly className = "MaxPooling1D";
  constructor(poolSize: PerAxis | PoolingOptions = 2, options: PoolingOptions = {}) {
    super(1, poolSize, options);
  }
}
/** The largest element of every window of an image. */
export class MaxPooling2D extends MaxPooling {
  static override readonly className = "MaxPooling2D";
  constructor(poolSize: PerAxis | PoolingOptions = 2, options: PoolingOptions = {}) {
    super(2, poolSize, options);
  }
}
export class MaxPooling3D extends MaxPooling {
  static override readonly className = "MaxPooling3D";
  constructor(poolSize: PerAxis | PoolingOptions = 2, options: PoolingOptions = {}) {
    super(3, poolSize, options);
  }
}
/** The mean of every window of a sequence. */
export class AveragePooling1D extends AveragePooling {
  static override readonly className = "AveragePooling1D";
  constructor(poolSize: PerAxis | PoolingOptions = 2, options: PoolingOptions = {}) {
    super(1, poolSize, options);
  }
}
/** The mean of every window of an image. */
export class AveragePooling2D extends AveragePooling {
  static override readonly className = "AveragePooling2D";
  constructor(poolSize: PerAxis | PoolingOptions = 2, options: PoolingOptions = {}) {
    super(2, poolSize, options);
  }
}
export class AveragePooling3D extends AveragePooling {
  static override readonly className = "AveragePooling3D";
  constructor(poolSize: PerAxis | PoolingOptions = 2, options: PoolingOptions = {}) {
    super(3, poolSize, options);
  }
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
export class GlobalAveragePooling1D extends GlobalAverage {
  static override readonly className = "GlobalAveragePooling1D";
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
