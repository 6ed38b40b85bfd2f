import {
  addcmul,
  type Generator,
  rsqrt,
  type Standardized,
  square,
  standardize,
  sum,
  type Tensor,
  where,
} from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { type ConstraintLike, constraintConfig, resolveConstraint } from "../constraints/constraint.ts";
import { LayerInputError } from "../errors.ts";
import { type InitializerLike, initializerConfig, resolveInitializer } from "../initializers/resolve.ts";
import { type BatchShape, Layer, type LayerOptions, type Weight } from "../module.ts";
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

/** What layers share that normalise, then scale and move. */
export abstract class Affine extends Layer {
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

  /** x·gamma + beta, as far as there are such; they are given the shape `wide` to broadcast. */
  protected affine(x: Tensor, wide: readonly number[]): Tensor {
    const gamma = this.gamma?.value.reshape(wide) ?? null;
    const beta = this.beta?.value.reshape(wide) ?? null;
    if (gamma !== null && beta !== null) return addcmul(beta, x, gamma);
    return gamma !== null ? x.mul(gamma) : beta !== null ? x.add(beta) : x;
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
      beta_constraint: constraintConfig(resolveConstraint(className, given.betaConstraint)),
      gamma_constraint: constraintConfig(resolveConstraint(className, given.gammaConstraint)),
    };
  }
}

/** The length at `axis`, which must be known. */
export function lengthAt(layer: string, shape: BatchShape, axis: number): number {
  const n = shape.at(axis);
  if (n === null || n === undefined) throw new LayerInputError(layer, `with a known length at axis ${axis}`, shape);
  return n;
}

/** {@link standardize} along axes; over the steps that count, where there is a mask. */
export function standardizeCounted(
  x: Tensor,
  { axis, epsilon }: { readonly axis: readonly number[]; readonly epsilon: number },
  mask: Tensor | null,
): Standardized {
  if (mask === null) return standardize(x, { axis, epsilon });
  const options = { axis, keepDims: true };
  const counts = mask.unsqueeze(-1).broadcastTo(x.shape);
  const total = sum(counts.cast(x.dtype), options).add(1e-7);
  const mean = sum(where(counts, x, 0), options).div(total);
  const centred = x.sub(mean);
  const variance = sum(where(counts, square(centred), 0), options).div(total);
  return { result: centred.mul(rsqrt(variance.add(epsilon))), mean, variance };
}
