import { noGrad, rand, randn, type Tensor, zeros } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { type BatchShape, type CallContext, Layer, type LayerOptions } from "../module.ts";
import { Dropout } from "./core.ts";

/** {@link Dropout} of whole channels of sequences. */
export class SpatialDropout1D extends Dropout {
  static override readonly className = "SpatialDropout1D";
  constructor(rate: number, options: LayerOptions & { readonly seed?: number | null } = {}) {
    super(rate, { ...options, noiseShape: [null, 1, null] });
  }
  override getConfig(): Config {
    const { noise_shape: _, ...config } = super.getConfig();
    return config;
  }
}

/** {@link Dropout} of whole channels of images. */
export class SpatialDropout2D extends Dropout {
  static override readonly className = "SpatialDropout2D";
  constructor(rate: number, options: LayerOptions & { readonly seed?: number | null } = {}) {
    super(rate, { ...options, noiseShape: [null, 1, 1, null] });
  }
  override getConfig(): Config {
    const { noise_shape: _, ...config } = super.getConfig();
    return config;
  }
}

/** In training, adds normally distributed noise of the given standard deviation. */
export class GaussianNoise extends Layer {
  static override readonly className = "GaussianNoise";
  override readonly supportsMasking = true;
  readonly stddev: number;
  constructor(stddev: number, options: LayerOptions = {}) {
    super(options);
    this.stddev = stddev;
  }
  call(x: Tensor, context: CallContext): Tensor {
    if (!context.training || this.stddev === 0) return x;
    const input = this.asFloat(x);
    return input.add(randn(input.shape, { dtype: this.dtype, generator: context.generator }).mul(this.stddev));
  }
  override getConfig(): Config {
    return { ...super.getConfig(), stddev: this.stddev, seed: null };
  }
}

/** In training, multiplies with noise of mean 1 and variance rate / (1 − rate). */
export class GaussianDropout extends Layer {
  static override readonly className = "GaussianDropout";
  override readonly supportsMasking = true;
  readonly rate: number;
  constructor(rate: number, options: LayerOptions = {}) {
    super(options);
    this.rate = rate;
  }
  call(x: Tensor, context: CallContext): Tensor {
    if (!context.training || this.rate === 0) return x;
    const input = this.asFloat(x);
    const spread = Math.sqrt(this.rate / (1 - this.rate));
    const noise = randn(input.shape, { dtype: this.dtype, generator: context.generator });
    return input.mul(noise.mul(spread).add(1));
  }
  override getConfig(): Config {
    return { ...super.getConfig(), rate: this.rate, seed: null };
  }
}

/** {@link Dropout} that keeps mean and variance of selu's outputs. */
export class AlphaDropout extends Layer {
  static override readonly className = "AlphaDropout";
  override readonly supportsMasking = true;
  readonly rate: number;
  constructor(rate: number, options: LayerOptions = {}) {
    super(options);
    this.rate = rate;
  }
  call(x: Tensor, context: CallContext): Tensor {
    if (!context.training || this.rate === 0) return x;
    const input = this.asFloat(x);
    // The value selu approaches far left.
    const low = -1.6732632423543772 * 1.0507009873554805;
    const kept = rand(input.shape, { dtype: this.dtype, generator: context.generator })
      .greaterEqual(this.rate)
      .cast(this.dtype);
    const a = 1 / Math.sqrt((1 - this.rate) * (1 + this.rate * low ** 2));
    const b = -a * low * this.rate;
    return input.mul(kept).add(kept.neg().add(1).mul(low)).mul(a).add(b);
  }
  override getConfig(): Config {
    return { ...super.getConfig(), rate: this.rate, seed: null, noise_shape: null };
  }
}

/** Gives its input on, and adds l1·Σ|x| + l2·Σx² (over the samples' number) to the loss. */
export class ActivityRegularization extends Layer {
  static override readonly className = "ActivityRegularization";
  override readonly supportsMasking = true;
  readonly l1: number;
  readonly l2: number;
  constructor({ l1 = 0, l2 = 0, ...options }: LayerOptions & { readonly l1?: number; readonly l2?: number } = {}) {
    super({ ...options, activityRegularizer: { class_name: "L1L2", config: { l1, l2 } } });
    this.l1 = l1;
    this.l2 = l2;
  }
  call(x: Tensor): Tensor {
    return x;
  }
  override getConfig(): Config {
    const { activity_regularizer: _, ...config } = super.getConfig();
    return { ...config, l1: this.l1, l2: this.l2 };
  }
}

/** x·scale + offset. */
export class Rescaling extends Layer {
  static override readonly className = "Rescaling";
  override readonly supportsMasking = true;
  readonly scale: number;
  readonly offset: number;
  constructor(scale: number, options: LayerOptions & { readonly offset?: number } = {}) {
    super(options);
    this.scale = scale;
    this.offset = options.offset ?? 0;
  }
  call(x: Tensor): Tensor {
    const scaled = this.asFloat(x).mul(this.scale);
    return this.offset === 0 ? scaled : scaled.add(this.offset);
  }
  override getConfig(): Config {
    return { ...super.getConfig(), scale: this.scale, offset: this.offset };
  }
}

/** Any function of a tensor. It is given in code and never written to or read from a file. */
export class Lambda extends Layer {
  static override readonly className = "Lambda";
  private readonly fn: (x: Tensor) => Tensor;
  constructor(fn: (x: Tensor) => Tensor, options: LayerOptions = {}) {
    super(options);
    this.fn = fn;
  }
  override computeOutputShape(shape: BatchShape): BatchShape {
    const y = noGrad(() =>
      this.fn(
        zeros(
          shape.map((n) => n ?? 1),
          { dtype: this.dtype },
        ),
      ),
    );
    return [shape[0] ?? null, ...y.shape.slice(1)];
  }
  call(x: Tensor): Tensor {
    return this.fn(x);
  }
}
