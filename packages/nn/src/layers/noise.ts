import { ArgumentError, type Generator, noGrad, rand, randn, type Tensor, zeros } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { type BatchShape, Layer, type LayerOptions } from "../module.ts";
import { checkRate, Dropout, type DropoutOptions, NoiseLayer, type NoiseOptions } from "./core.ts";

/** {@link Dropout} of whole channels. */
abstract class SpatialDropout extends Dropout {
  override getConfig(): Config {
    // What Keras' layers do not take.
    const { noise_shape: _, trainable: __, ...config } = super.getConfig();
    return config;
  }
}

/** {@link Dropout} of whole channels of sequences. */
export class SpatialDropout1D extends SpatialDropout {
  static override readonly className = "SpatialDropout1D";
  constructor(rate: number, options: NoiseOptions = {}) {
    super(rate, { ...options, noiseShape: [null, 1, null] });
  }
}

/** {@link Dropout} of whole channels of images. */
export class SpatialDropout2D extends SpatialDropout {
  static override readonly className = "SpatialDropout2D";
  constructor(rate: number, options: NoiseOptions = {}) {
    super(rate, { ...options, noiseShape: [null, 1, 1, null] });
  }
}

/** {@link Dropout} of whole channels of volumes. */
export class SpatialDropout3D extends SpatialDropout {
  static override readonly className = "SpatialDropout3D";
  constructor(rate: number, options: NoiseOptions = {}) {
    super(rate, { ...options, noiseShape: [null, 1, 1, 1, null] });
  }
}

/** In training, adds normally distributed noise of the given standard deviation. */
export class GaussianNoise extends NoiseLayer {
  static override readonly className = "GaussianNoise";
  readonly stddev: number;
  constructor(stddev: number, options: NoiseOptions = {}) {
    super(options);
    this.stddev = checkRate("GaussianNoise", stddev);
  }
  protected disturb(x: Tensor, generator: Generator): Tensor {
    return x.add(randn(x.shape, { dtype: this.dtype, generator }).mul(this.stddev));
  }
  override getConfig(): Config {
    return { ...super.getConfig(), stddev: this.stddev };
  }
}

/** In training, multiplies with noise of mean 1 and variance rate / (1 − rate). */
export class GaussianDropout extends NoiseLayer {
  static override readonly className = "GaussianDropout";
  readonly rate: number;
  constructor(rate: number, options: NoiseOptions = {}) {
    super(options);
    this.rate = checkRate("GaussianDropout", rate);
  }
  protected disturb(x: Tensor, generator: Generator): Tensor {
    const spread = Math.sqrt(this.rate / (1 - this.rate));
    return x.mul(randn(x.shape, { dtype: this.dtype, generator }).mul(spread).add(1));
  }
  override getConfig(): Config {
    return { ...super.getConfig(), rate: this.rate };
  }
}

/** {@link Dropout} that keeps mean and variance of selu's outputs (Klambauer et al., 2017). */
export class AlphaDropout extends NoiseLayer {
  static override readonly className = "AlphaDropout";
  readonly rate: number;
  readonly noiseShape: readonly (number | null)[] | null;
  constructor(rate: number, options: DropoutOptions = {}) {
    super(options);
    this.rate = checkRate("AlphaDropout", rate);
    this.noiseShape = options.noiseShape ?? null;
  }
  protected disturb(x: Tensor, generator: Generator): Tensor {
    if (this.rate === 0) return x;
    // The value selu approaches far left.
    const low = -1.6732632423543772 * 1.0507009873554805;
    const shape = this.noiseShape?.map((n, i) => n ?? x.shape[i]!) ?? x.shape;
    const kept = rand(shape, { dtype: this.dtype, generator }).greaterEqual(this.rate).cast(this.dtype);
    const a = 1 / Math.sqrt((1 - this.rate) * (1 + this.rate * low ** 2));
    const b = -a * low * this.rate;
    return x.mul(kept).add(kept.neg().add(1).mul(low)).mul(a).add(b);
  }
  override getConfig(): Config {
    return { ...super.getConfig(), rate: this.rate, noise_shape: this.noiseShape };
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
    if (typeof scale !== "number") {
      throw new ArgumentError({ op: "Rescaling", message: `scale is ${JSON.stringify(scale)}, expected a number` });
    }
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
  private readonly maskOf: ((mask: Tensor) => Tensor) | null;
  /** @param options.mask gives the mask of the output from that of the input. Default: masks end here. */
  constructor(
    fn: (x: Tensor) => Tensor,
    options: LayerOptions & { readonly mask?: ((mask: Tensor) => Tensor) | null } = {},
  ) {
    super(options);
    if (typeof fn !== "function") {
      throw new ArgumentError({
        op: "Lambda",
        message: `the function is ${String(fn)}`,
        hint: "new Lambda((x) => x.mul(2))",
      });
    }
    this.fn = fn;
    this.maskOf = options.mask ?? null;
  }
  override computeMask([mask]: readonly (Tensor | null)[]): Tensor | null {
    return mask && this.maskOf ? this.maskOf(mask) : null;
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
