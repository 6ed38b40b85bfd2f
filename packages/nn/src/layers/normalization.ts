import { type Generator, mean, noGrad, ones, rsqrt, square, sum, type Tensor } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { type ConstraintLike, resolveConstraint } from "../constraints/constraint.ts";
import { LayerInputError } from "../errors.ts";
import { Ones, Zeros } from "../initializers/initializer.ts";
import { type InitializerLike, initializerConfig, resolveInitializer } from "../initializers/resolve.ts";
import { type BatchShape, type CallContext, Layer, type LayerOptions, type Weight } from "../module.ts";
import { type RegularizerLike, regularizerConfig, resolveRegularizer } from "../regularizers/regularizer.ts";

/** Options that normalising layers share. */
export interface NormalizationOptions extends LayerOptions {
  /** Default: the last axis. */
  readonly axis?: number | readonly number[];
  /** Added to the variance. Default: 1e-3. */
  readonly epsilon?: number;
  /** Whether there is an offset, beta. Default: true. */
  readonly center?: boolean;
  /** Whether there is a factor, gamma. Default: true. */
  readonly scale?: boolean;
  readonly betaInitializer?: InitializerLike;
  readonly gammaInitializer?: InitializerLike;
  readonly betaRegularizer?: RegularizerLike | null;
  readonly gammaRegularizer?: RegularizerLike | null;
  readonly betaConstraint?: ConstraintLike | null;
  readonly gammaConstraint?: ConstraintLike | null;
}

abstract class Affine extends Layer {
  readonly epsilon: number;
  protected readonly given: NormalizationOptions;
  protected gamma: Weight | null = null;
  protected beta: Weight | null = null;

  constructor(options: NormalizationOptions) {
    super(options);
    this.given = options;
    this.epsilon = options.epsilon ?? 1e-3;
  }

  protected addAffine(shape: readonly number[], generator: Generator): void {
    const { given, className } = this;
    if (given.scale ?? true) {
      this.gamma = this.addWeight(
        {
          name: "gamma",
          shape,
          initializer: resolveInitializer(className, given.gammaInitializer ?? "ones"),
          regularizer: resolveRegularizer(className, given.gammaRegularizer),
          constraint: resolveConstraint(className, given.gammaConstraint),
        },
        generator,
      );
    }
    if (given.center ?? true) {
      this.beta = this.addWeight(
        {
          name: "beta",
          shape,
          initializer: resolveInitializer(className, given.betaInitializer ?? "zeros"),
          regularizer: resolveRegularizer(className, given.betaRegularizer),
          constraint: resolveConstraint(className, given.betaConstraint),
        },
        generator,
      );
    }
  }

  /** (x − average)·factor, scaled and moved; weights are given the shape `wide` to broadcast. */
  protected affine(centred: Tensor, factor: Tensor, wide: readonly number[]): Tensor {
    const scaled = this.gamma === null ? factor : factor.mul(this.gamma.value.reshape(wide));
    const product = centred.mul(scaled);
    return this.beta === null ? product : product.add(this.beta.value.reshape(wide));
  }

  override getConfig(): Config {
    const { given, className } = this;
    return {
      ...super.getConfig(),
      epsilon: this.epsilon,
      center: given.center ?? true,
      scale: given.scale ?? true,
      beta_initializer: initializerConfig(resolveInitializer(className, given.betaInitializer ?? "zeros")),
      gamma_initializer: initializerConfig(resolveInitializer(className, given.gammaInitializer ?? "ones")),
      beta_regularizer: regularizerConfig(resolveRegularizer(className, given.betaRegularizer)),
      gamma_regularizer: regularizerConfig(resolveRegularizer(className, given.gammaRegularizer)),
    };
  }
}

function lengthAt(layer: string, shape: BatchShape, axis: number): number {
  const n = shape.at(axis);
  if (n === null || n === undefined) throw new LayerInputError(layer, `with a known length at axis ${axis}`, shape);
  return n;
}

/** Options of {@link BatchNormalization}. */
export interface BatchNormalizationOptions extends NormalizationOptions {
  /** How slowly the running averages follow. Default: 0.99. */
  readonly momentum?: number;
}

/**
 * Brings every feature to mean 0 and variance 1 over the batch; outside training by running averages.
 * Weights: gamma, beta, moving_mean, moving_variance (the last two not trainable).
 */
export class BatchNormalization extends Affine {
  static override readonly className = "BatchNormalization";
  override readonly supportsMasking = true;
  readonly momentum: number;
  readonly axis: number;
  private movingMean: Weight | null = null;
  private movingVariance: Weight | null = null;

  constructor(options: BatchNormalizationOptions = {}) {
    super(options);
    this.momentum = options.momentum ?? 0.99;
    const { axis = -1 } = options;
    this.axis = typeof axis === "number" ? axis : axis[0]!;
  }

  protected override build(shape: BatchShape, generator: Generator): void {
    const n = [lengthAt(this.name, shape, this.axis)];
    this.addAffine(n, generator);
    this.movingMean = this.addWeight(
      { name: "moving_mean", shape: n, initializer: new Zeros(), trainable: false },
      generator,
    );
    this.movingVariance = this.addWeight(
      { name: "moving_variance", shape: n, initializer: new Ones(), trainable: false },
      generator,
    );
  }

  call(x: Tensor, context: CallContext): Tensor {
    const input = this.asFloat(x);
    const at = this.axis < 0 ? input.rank + this.axis : this.axis;
    const wide = input.shape.map((n, i) => (i === at ? n : 1));
    const [m, v] = [this.movingMean!.value, this.movingVariance!.value];
    if (!context.training || !this.trainable) {
      return this.affine(input.sub(m.reshape(wide)), rsqrt(v.add(this.epsilon)).reshape(wide), wide);
    }
    const axis = input.shape.flatMap((_, i) => (i === at ? [] : [i]));
    const average = mean(input, { axis, keepDims: true });
    const centred = input.sub(average);
    const spread = mean(square(centred), { axis, keepDims: true });
    noGrad(() => {
      const follow = (running: typeof m, now: Tensor) =>
        running.assign(running.mul(this.momentum).add(now.reshape(running.shape).mul(1 - this.momentum)));
      follow(m, average);
      follow(v, spread);
    });
    return this.affine(centred, rsqrt(spread.add(this.epsilon)), wide);
  }

  override getConfig(): Config {
    return { ...super.getConfig(), axis: this.axis, momentum: this.momentum };
  }
}

/** Brings every sample to mean 0 and variance 1 along `axis` (default: the last). Weights: gamma, beta. */
export class LayerNormalization extends Affine {
  static override readonly className = "LayerNormalization";
  override readonly supportsMasking = true;
  readonly axis: number | readonly number[];

  constructor(options: NormalizationOptions = {}) {
    super(options);
    this.axis = options.axis ?? -1;
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
    const centred = input.sub(mean(input, { axis, keepDims: true }));
    const spread = mean(square(centred), { axis, keepDims: true });
    return this.affine(centred, rsqrt(spread.add(this.epsilon)), wide);
  }

  override getConfig(): Config {
    return { ...super.getConfig(), axis: this.axis };
  }
}

/** Brings groups of channels (32) of every sample to mean 0 and variance 1. Weights: gamma, beta. */
export class GroupNormalization extends Affine {
  static override readonly className = "GroupNormalization";
  override readonly supportsMasking = true;
  readonly groups: number;

  constructor(options: NormalizationOptions & { readonly groups?: number } = {}) {
    super(options);
    this.groups = options.groups ?? 32;
  }

  protected override build(shape: BatchShape, generator: Generator): void {
    const channels = lengthAt(this.name, shape, -1);
    if (channels % (this.groups === -1 ? channels : this.groups) !== 0) {
      throw new LayerInputError(this.name, `with a number of channels that ${this.groups} groups divide`, shape);
    }
    this.addAffine([channels], generator);
  }

  call(x: Tensor): Tensor {
    const input = this.asFloat(x);
    const channels = input.shape.at(-1)!;
    const groups = this.groups === -1 ? channels : this.groups;
    const split = input.reshape([...input.shape.slice(0, -1), groups, channels / groups]);
    const axis = split.shape.flatMap((_, i) => (i === 0 || i === split.rank - 2 ? [] : [i]));
    const centred = split.sub(mean(split, { axis, keepDims: true }));
    const factor = rsqrt(mean(square(centred), { axis, keepDims: true }).add(this.epsilon));
    const wide = [...input.shape.slice(0, -1).map(() => 1), channels];
    return this.affine(centred.mul(factor).reshape(input.shape), ones(wide, { dtype: this.dtype }), wide);
  }

  override getConfig(): Config {
    return { ...super.getConfig(), groups: this.groups, axis: -1 };
  }
}

/** Divides by the norm along `axis` (default: the last). */
export class UnitNormalization extends Layer {
  static override readonly className = "UnitNormalization";
  override readonly supportsMasking = true;
  readonly axis: number;
  constructor(options: LayerOptions & { readonly axis?: number } = {}) {
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

/** Divides by the root of the mean square along the last axis. Weight: scale. */
export class RMSNormalization extends Layer {
  static override readonly className = "RMSNormalization";
  readonly epsilon: number;
  private factor: Weight | null = null;
  constructor(options: LayerOptions & { readonly epsilon?: number } = {}) {
    super(options);
    this.epsilon = options.epsilon ?? 1e-6;
  }
  protected override build(shape: BatchShape, generator: Generator): void {
    const n = lengthAt(this.name, shape, -1);
    this.factor = this.addWeight({ name: "scale", shape: [n], initializer: new Ones() }, generator);
  }
  call(x: Tensor): Tensor {
    const input = this.asFloat(x);
    const factor = rsqrt(mean(square(input), { axis: -1, keepDims: true }).add(this.epsilon));
    return input.mul(factor).mul(this.factor!.value);
  }
  override getConfig(): Config {
    return { ...super.getConfig(), axis: -1, epsilon: this.epsilon };
  }
}
