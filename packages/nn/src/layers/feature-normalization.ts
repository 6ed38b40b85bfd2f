import { ArgumentError, asTensor, type Generator, sqrt, type Tensor, type TensorLike } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { LayerInputError, NotReadyError } from "../errors.ts";
import { Ones, Zeros } from "../initializers/initializer.ts";
import { type BatchShape, Layer, type LayerOptions, type Weight } from "../module.ts";

/** Options of {@link Normalization}. */
export interface NormalizationLayerOptions extends LayerOptions {
  /** The axes along which features differ; null for one mean and variance of all. Default: the last. */
  readonly axis?: number | readonly number[] | null;
  /** Means of the features, where they are known already. */
  readonly mean?: TensorLike | null;
  /** Variances of the features. */
  readonly variance?: TensorLike | null;
  /** Back from normalised to original values. Default: false. */
  readonly invert?: boolean;
}

/**
 * Brings every feature to mean 0 and variance 1, by statistics of data shown to it beforehand.
 *
 * Weights, where statistics are not given: mean, variance (of the axes' lengths) and count, none of them trainable.
 *
 * @example
 * ```ts
 * const layer = new Normalization();
 * layer.adapt([[0, 10], [2, 30]]);
 * layer.apply(tensor([[2, 10]])); // [[1, -1]]
 * ```
 */
export class Normalization extends Layer {
  static override readonly className = "Normalization";
  override readonly supportsMasking = true;
  readonly axis: readonly number[];
  readonly invert: boolean;
  private readonly given: { readonly mean: Tensor; readonly variance: Tensor } | null;
  private learned: { readonly mean: Weight; readonly variance: Weight } | null = null;

  constructor(options: NormalizationLayerOptions = {}) {
    super(options);
    const { axis = -1, mean = null, variance = null } = options;
    this.axis = axis === null ? [] : typeof axis === "number" ? [axis] : axis;
    this.invert = options.invert ?? false;
    if ((mean === null) !== (variance === null)) {
      throw new ArgumentError({ op: "Normalization", message: "mean and variance are given together, or neither" });
    }
    this.given =
      mean === null || variance === null
        ? null
        : { mean: asTensor(mean).cast(this.dtype), variance: asTensor(variance).cast(this.dtype) };
  }

  /** The axes that statistics have, ascending. */
  private kept(rank: number): readonly number[] {
    return this.axis.map((a) => (a < 0 ? a + rank : a)).sort((a, b) => a - b);
  }

  protected override build(shape: BatchShape, generator: Generator): void {
    if (this.given !== null) return;
    const lengths = this.kept(shape.length).map((a) => {
      const n = shape[a];
      if (n === null || n === undefined)
        throw new LayerInputError(this.name, `with a known length at axis ${a}`, shape);
      return n;
    });
    const statistic = (name: string, shape: readonly number[], ones: boolean) =>
      this.addWeight({ name, shape, initializer: ones ? new Ones() : new Zeros(), trainable: false }, generator);
    this.learned = { mean: statistic("mean", lengths, false), variance: statistic("variance", lengths, true) };
    statistic("count", [], false);
  }

  /** Takes mean and variance from data: samples along the first axis. */
  adapt(data: TensorLike): void {
    if (this.given !== null) {
      throw new ArgumentError({ op: this.name, message: "mean and variance were given, so there is nothing to adapt" });
    }
    const x = asTensor(data).cast("float64");
    this.ensureBuilt([null, ...x.shape.slice(1)]);
    const kept = this.kept(x.rank);
    const axis = x.shape.flatMap((_, i) => (kept.includes(i) ? [] : [i]));
    const mean = x.mean({ axis, keepDims: true });
    const variance = x.sub(mean).square().mean({ axis });
    const { learned } = this;
    learned!.mean.value.write(mean.reshape(learned!.mean.value.shape).cast(this.dtype).data);
    learned!.variance.value.write(variance.reshape(learned!.variance.value.shape).cast(this.dtype).data);
  }

  /** Mean and variance with axes to broadcast. */
  private statistics(x: Tensor): readonly [Tensor, Tensor] {
    const kept = this.kept(x.rank);
    const { given, learned } = this;
    if (given !== null) {
      // A few given lengths belong to the last of the kept axes.
      const wide = (t: Tensor): Tensor => {
        const own = kept.slice(kept.length - t.rank);
        return t.reshape(x.shape.map((_, i) => (own.includes(i) ? t.shape[own.indexOf(i)]! : 1)));
      };
      return [wide(given.mean), wide(given.variance)];
    }
    const [mean, variance] = [learned!.mean.value, learned!.variance.value];
    if (mean.data.every((v) => v === 0) && variance.data.every((v) => v === 1)) {
      throw new NotReadyError({
        op: this.name,
        message: "no statistics are known",
        hint: "call adapt(data) first, or give mean and variance",
      });
    }
    const shape = x.shape.map((n, i) => (kept.includes(i) ? n : 1));
    return [mean.reshape(shape), variance.reshape(shape)];
  }

  call(x: Tensor): Tensor {
    const [mean, variance] = this.statistics(x);
    const spread = sqrt(variance).maximum(1e-7);
    const input = this.asFloat(x);
    return this.invert ? input.mul(spread).add(mean) : input.sub(mean).div(spread);
  }

  override getConfig(): Config {
    const list = (t: Tensor | undefined) => (t === undefined ? null : (t.toArray() as number[]));
    return {
      ...super.getConfig(),
      axis: this.axis,
      mean: list(this.given?.mean),
      variance: list(this.given?.variance),
      invert: this.invert,
    };
  }
}
