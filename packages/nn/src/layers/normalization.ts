import {
  ArgumentError,
  type Generator,
  mean,
  noGrad,
  rsqrt,
  square,
  standardize,
  sum,
  type Tensor,
  variance,
} from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { LayerInputError } from "../errors.ts";
import { Ones, TruncatedNormal } from "../initializers/initializer.ts";
import { type BatchShape, type CallContext, Layer, type LayerOptions, layerConfig, type Weight } from "../module.ts";
import { Affine, lengthAt, type NormalizationOptions } from "./scaled-normalization.ts";

/** Options of {@link LayerNormalization}. */
export interface LayerNormalizationOptions extends NormalizationOptions {
  /**
   * Divide by the standard deviation without taking off the mean, and have no offset: what Keras did before it had
   * `RMSNormalization`. Default: false.
   */
  readonly rmsScaling?: boolean;
}

/** Brings every sample to mean 0 and variance 1 along `axis` (default: the last). Weights: gamma, beta. */
export class LayerNormalization extends Affine {
  static override readonly className = "LayerNormalization";
  override readonly supportsMasking = true;
  readonly axis: number | readonly number[];
  readonly rmsScaling: boolean;

  constructor(options: LayerNormalizationOptions = {}) {
    const { rmsScaling = false } = options;
    super(rmsScaling ? { ...options, scale: true, center: false } : options);
    this.axis = options.axis ?? -1;
    this.rmsScaling = rmsScaling;
  }

  private axes(rank: number): number[] {
    const list = typeof this.axis === "number" ? [this.axis] : this.axis;
    return list.map((a) => (a < 0 ? rank + a : a)).sort((a, b) => a - b);
  }

  protected override build(shape: BatchShape, generator: Generator): void {
    this.addAffine(
      this.axes(shape.length).map((a) => lengthAt(this.name, shape, a)),
      generator,
    );
  }

  call(x: Tensor): Tensor {
    const input = this.asFloat(x);
    const axis = this.axes(input.rank);
    const wide = input.shape.map((n, i) => (axis.includes(i) ? n : 1));
    if (!this.rmsScaling) return this.affine(standardize(input, { axis, epsilon: this.epsilon }).result, wide);
    const spread = variance(input, { axis, keepDims: true });
    return this.affine(input.mul(rsqrt(spread.add(this.epsilon))), wide);
  }

  override getConfig(): Config {
    const { axis, rmsScaling } = this;
    return { ...super.getConfig(), axis, ...(rmsScaling ? { rms_scaling: true } : {}) };
  }
}

/** Brings groups of channels (32) of every sample to mean 0 and variance 1 (Wu and He, 2018). Weights: gamma, beta. */
export class GroupNormalization extends Affine {
  static override readonly className = "GroupNormalization";
  override readonly supportsMasking = true;
  readonly groups: number;
  readonly axis: number;

  constructor(options: NormalizationOptions & { readonly groups?: number } = {}) {
    super(options);
    this.groups = options.groups ?? 32;
    const { axis = -1 } = options;
    this.axis = typeof axis === "number" ? axis : axis[0]!;
  }

  protected override build(shape: BatchShape, generator: Generator): void {
    const channels = lengthAt(this.name, shape, this.axis);
    if (channels % (this.groups === -1 ? channels : this.groups) !== 0) {
      throw new LayerInputError(this.name, `with a number of channels that ${this.groups} groups divide`, shape);
    }
    this.addAffine([channels], generator);
  }

  call(x: Tensor): Tensor {
    const input = this.asFloat(x);
    const at = this.axis < 0 ? input.rank + this.axis : this.axis;
    const channels = input.shape[at]!;
    const groups = this.groups === -1 ? channels : this.groups;
    const split = input.reshape(input.shape.toSpliced(at, 1, groups, channels / groups));
    const axis = split.shape.flatMap((_, i) => (i === 0 || i === at ? [] : [i]));
    const wide = input.shape.map((n, i) => (i === at ? n : 1));
    return this.affine(standardize(split, { axis, epsilon: this.epsilon }).result.reshape(input.shape), wide);
  }

  override getConfig(): Config {
    return { ...super.getConfig(), groups: this.groups, axis: this.axis };
  }
}

/** Divides by the norm along `axis` (default: the last). */
export class UnitNormalization extends Layer {
  static override readonly className = "UnitNormalization";
  override readonly supportsMasking = true;
  readonly axis: number | readonly number[];
  constructor(options: LayerOptions & { readonly axis?: number | readonly number[] } = {}) {
    super(options);
    this.axis = options.axis ?? -1;
  }
  call(x: Tensor): Tensor {
    const input = this.asFloat(x);
    return input.mul(rsqrt(sum(square(input), { axis: this.axis, keepDims: true }).maximum(1e-12)));
  }
  override getConfig(): Config {
    return { ...super.getConfig(), axis: this.axis };
  }
}

/** Divides by the root of the mean square along `axis` (default: the last; Zhang and Sennrich, 2019). Weight: scale. */
export class RMSNormalization extends Layer {
  static override readonly className = "RMSNormalization";
  readonly axis: readonly number[];
  readonly epsilon: number;
  private factor: Weight | null = null;
  constructor(options: LayerOptions & { readonly axis?: number | readonly number[]; readonly epsilon?: number } = {}) {
    super(options);
    const { axis = -1 } = options;
    this.axis = typeof axis === "number" ? [axis] : axis;
    this.epsilon = options.epsilon ?? 1e-6;
  }
  private axes(rank: number): readonly number[] {
    return this.axis.map((a) => (a < 0 ? rank + a : a)).sort((a, b) => a - b);
  }
  protected override build(shape: BatchShape, generator: Generator): void {
    const lengths = this.axes(shape.length).map((a) => lengthAt(this.name, shape, a));
    this.factor = this.addWeight({ name: "scale", shape: lengths, initializer: new Ones() }, generator);
  }
  call(x: Tensor): Tensor {
    const input = this.asFloat(x);
    const axis = this.axes(input.rank);
    const factor = rsqrt(mean(square(input), { axis, keepDims: true }).add(this.epsilon));
    const wide = input.shape.map((n, i) => (axis.includes(i) ? n : 1));
    return input.mul(factor).mul(this.factor!.value.reshape(wide));
  }
  override getConfig(): Config {
    return { ...super.getConfig(), axis: this.axis, epsilon: this.epsilon };
  }
}

/**
 * A layer whose kernel (or embeddings) is divided by its largest singular value at every step of training (Miyato et al.,
 * 2018), found by `powerIterations` (1) each time.
 *
 * Weights: the layer's kernel, vector_u (1, outputs), which is not trainable, then the layer's others.
 */
export class SpectralNormalization extends Layer {
  static override readonly className = "SpectralNormalization";
  readonly layer: Layer;
  readonly powerIterations: number;
  private vector: Weight | null = null;

  constructor(layer: Layer, options: LayerOptions & { readonly powerIterations?: number } = {}) {
    super(options);
    if (!(layer instanceof Layer)) {
      throw new ArgumentError({
        op: "SpectralNormalization",
        message: `the layer is ${typeof layer === "object" ? "an object" : String(layer)}, not a layer`,
        hint: "write new SpectralNormalization(new Dense(4))",
      });
    }
    this.layer = layer;
    this.powerIterations = options.powerIterations ?? 1;
    if (!Number.isInteger(this.powerIterations) || this.powerIterations < 1) {
      const message = `powerIterations is ${this.powerIterations}, expected 1 or more`;
      throw new ArgumentError({ op: "SpectralNormalization", message });
    }
  }

  override sublayers(): readonly Layer[] {
    return [this.layer];
  }

  private get kernel(): Weight {
    const found = this.layer.weights.find((w) => w.name === "kernel" || w.name === "embeddings");
    if (found !== undefined) return found;
    throw new ArgumentError({
      op: this.name,
      message: `the layer "${this.layer.name}" has no kernel and no embeddings`,
    });
  }

  protected override build(shape: BatchShape, generator: Generator): void {
    this.layer.ensureBuilt(shape, generator.split());
    // As in Keras, the kernel is among the wrapper's own weights.
    this.ownWeights.push(this.kernel);
    const length = this.kernel.value.shape.at(-1)!;
    const initializer = new TruncatedNormal({ stddev: 0.02 });
    this.vector = this.addWeight({ name: "vector_u", shape: [1, length], initializer, trainable: false }, generator);
  }

  override computeOutputShape(shape: BatchShape): BatchShape {
    return this.layer.computeOutputShape(shape);
  }

  call(x: Tensor, context: CallContext): Tensor {
    if (context.training) noGrad(() => this.normalise());
    return this.layer.run(x, context);
  }

  private normalise(): void {
    const kernel = this.kernel.value;
    const matrix = kernel.reshape([-1, kernel.shape.at(-1)!]);
    const unit = (v: Tensor): Tensor => v.mul(rsqrt(sum(square(v)).maximum(1e-12)));
    let u: Tensor = this.vector!.value;
    let v = u;
    for (let i = 0; i < this.powerIterations; i++) {
      v = unit(u.matmul(matrix.transpose()));
      u = unit(v.matmul(matrix));
    }
    const largest = v.matmul(matrix).matmul(u.transpose()).item();
    if (largest === 0) return;
    this.vector!.value.assign(u);
    kernel.assign(kernel.div(largest));
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      layer: layerConfig(this.layer),
      power_iterations: this.powerIterations,
    };
  }
}
