import { ArgumentError, addcmul, type Generator, noGrad, relu, rsqrt, sqrt, type Tensor } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { unknownName } from "../errors.ts";
import type { Initializer } from "../initializers/initializer.ts";
import { type InitializerLike, initializerConfig, resolveInitializer } from "../initializers/resolve.ts";
import { maskOf } from "../masks.ts";
import type { BatchShape, CallContext, Weight } from "../module.ts";
import { Affine, lengthAt, type NormalizationOptions, standardizeCounted } from "./scaled-normalization.ts";

/** How far batch renormalization may go, in Keras' names. Default: anywhere. */
export interface RenormClipping {
  /** Largest factor. */
  readonly rmax?: number;
  /** Smallest factor. */
  readonly rmin?: number;
  /** Largest offset, up or down. */
  readonly dmax?: number;
}

/** Options of {@link BatchNormalization}. */
export interface BatchNormalizationOptions extends NormalizationOptions {
  /** How slowly the running averages follow. Default: 0.99. */
  readonly momentum?: number;
  /** Default: zeros. */
  readonly movingMeanInitializer?: InitializerLike;
  /** Default: ones. */
  readonly movingVarianceInitializer?: InitializerLike;
  /** Whether training normalises by running averages too (Ioffe, 2017). Default: false. */
  readonly renorm?: boolean;
  readonly renormClipping?: RenormClipping | null;
  /** How slowly the averages of `renorm` follow. Default: 0.99. */
  readonly renormMomentum?: number;
}

/** What batch renormalization keeps besides the averages for inference. */
interface Renorm {
  readonly stddev: Weight;
  readonly mean: Weight;
  readonly spread: Weight;
}

/**
 * Brings every feature to mean 0 and variance 1 over the batch; outside training by running averages.
 *
 * Weights: gamma, beta, moving_mean, moving_variance (the last two not trainable); with `renorm` also moving_stddev,
 * renorm_mean and renorm_stddev.
 *
 * @throws {ArgumentError} for a clipping that is empty.
 *
 * @example
 * ```ts
 * new BatchNormalization().apply(tensor([[1], [3]]), { training: true }); // [[-0.9995], [0.9995]]
 * ```
 */
export class BatchNormalization extends Affine {
  static override readonly className = "BatchNormalization";
  override readonly supportsMasking = true;
  readonly momentum: number;
  readonly axis: number;
  readonly renorm: boolean;
  readonly renormClipping: RenormClipping;
  readonly renormMomentum: number;
  private readonly running: { readonly mean: Initializer; readonly variance: Initializer };
  private movingMean: Weight | null = null;
  private movingVariance: Weight | null = null;
  private ofRenorm: Renorm | null = null;

  constructor(options: BatchNormalizationOptions = {}) {
    super(options);
    this.momentum = options.momentum ?? 0.99;
    const { axis = -1 } = options;
    this.axis = typeof axis === "number" ? axis : axis[0]!;
    this.renorm = options.renorm ?? false;
    this.renormClipping = checkedClipping(this.className, options.renormClipping ?? {});
    this.renormMomentum = options.renormMomentum ?? 0.99;
    this.running = {
      mean: resolveInitializer(this.className, options.movingMeanInitializer ?? "zeros"),
      variance: resolveInitializer(this.className, options.movingVarianceInitializer ?? "ones"),
    };
  }

  protected override build(shape: BatchShape, generator: Generator): void {
    const n = [lengthAt(this.name, shape, this.axis)];
    this.addAffine(n, generator);
    const { mean, variance } = this.running;
    const add = (name: string, initializer: Initializer): Weight =>
      this.addWeight({ name, shape: n, initializer, trainable: false }, generator);
    this.movingMean = add("moving_mean", mean);
    this.movingVariance = add("moving_variance", variance);
    if (!this.renorm) return;
    this.ofRenorm = {
      stddev: add("moving_stddev", variance),
      mean: add("renorm_mean", mean),
      spread: add("renorm_stddev", variance),
    };
    for (const { value } of [this.ofRenorm.stddev, this.ofRenorm.spread]) noGrad(() => value.assign(sqrt(value)));
  }

  call(x: Tensor, context: CallContext): Tensor {
    const input = this.asFloat(x);
    const at = this.axis < 0 ? input.rank + this.axis : this.axis;
    const wide = input.shape.map((n, i) => (i === at ? n : 1));
    const [m, v] = [this.movingMean!.value, this.movingVariance!.value];
    if (!context.training || !this.trainable) {
      return this.fixed(input, m, rsqrt(v.add(this.epsilon)), wide);
    }
    const axis = input.shape.flatMap((_, i) => (i === at ? [] : [i]));
    const { result, mean, variance } = standardizeCounted(input, { axis, epsilon: this.epsilon }, maskOf(x));
    if (this.ofRenorm !== null) return this.renormalised(this.ofRenorm, mean, result, variance, wide);
    noGrad(() => {
      follow(m, mean, this.momentum);
      follow(v, variance, this.momentum);
    });
    return this.affine(result, wide);
  }

  /** (x − mean)·factor·gamma + beta, in one pass over x. */
  private fixed(x: Tensor, mean: Tensor, factor: Tensor, wide: readonly number[]): Tensor {
    const slope = this.gamma === null ? factor : factor.mul(this.gamma.value);
    const offset = this.beta === null ? mean.mul(slope).neg() : this.beta.value.sub(mean.mul(slope));
    return addcmul(offset.reshape(wide), x, slope.reshape(wide));
  }

  /** (normal · r + d) · gamma + beta, where r and d lead from the batch's to the running averages, as constants. */
  private renormalised(own: Renorm, average: Tensor, normal: Tensor, spread: Tensor, wide: readonly number[]): Tensor {
    const [factor, offset] = noGrad(() => {
      const { rmin = 0, rmax = Number.POSITIVE_INFINITY, dmax = Number.POSITIVE_INFINITY } = this.renormClipping;
      const stddev = sqrt(spread.add(this.epsilon));
      const least = own.spread.value.maximum(Math.sqrt(this.epsilon)).reshape(wide);
      const r = stddev.div(least).maximum(rmin).minimum(rmax);
      const d = average.sub(own.mean.value.reshape(wide)).div(least).maximum(-dmax).minimum(dmax);
      follow(own.mean.value, average, this.renormMomentum);
      follow(own.spread.value, stddev, this.renormMomentum);
      follow(this.movingMean!.value, average, this.momentum);
      const kept = follow(own.stddev.value, stddev, this.momentum);
      this.movingVariance!.value.assign(relu(kept.mul(kept).sub(this.epsilon)));
      return [r, d] as const;
    });
    return this.affine(normal.mul(factor).add(offset), wide);
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      axis: this.axis,
      momentum: this.momentum,
      moving_mean_initializer: initializerConfig(this.running.mean),
      moving_variance_initializer: initializerConfig(this.running.variance),
      synchronized: false,
      // Only some versions of Keras know these.
      ...(this.renorm
        ? { renorm: true, renorm_clipping: { ...this.renormClipping }, renorm_momentum: this.renormMomentum }
        : {}),
    };
  }
}

/** Moves a running average towards a batch's. */
function follow(running: Weight["value"], now: Tensor, momentum: number): Weight["value"] {
  running.assign(running.mul(momentum).add(now.reshape(running.shape).mul(1 - momentum)));
  return running;
}

function checkedClipping(op: string, clipping: RenormClipping): RenormClipping {
  const known = ["rmax", "rmin", "dmax"];
  for (const name of Object.keys(clipping)) {
    if (!known.includes(name)) throw unknownName(op, "renormClipping", name, known);
  }
  const { rmax = Number.POSITIVE_INFINITY, rmin = 0, dmax = 0 } = clipping;
  if (rmax >= rmin && dmax >= 0) return clipping;
  throw new ArgumentError({ op, message: `renormClipping ${JSON.stringify(clipping)} leaves nothing` });
}
