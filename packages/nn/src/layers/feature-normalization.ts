import { ArgumentError, asTensor, sqrt, type Tensor, type TensorLike, tensor } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { NotReadyError } from "../errors.ts";
import { Layer, type LayerOptions } from "../module.ts";

/** Options of {@link Normalization}. */
export interface NormalizationLayerOptions extends LayerOptions {
  /** Means of the features, where they are known already. */
  readonly mean?: TensorLike | null;
  /** Variances of the features. */
  readonly variance?: TensorLike | null;
}

/**
 * Brings every feature (along the last axis) to mean 0 and variance 1, by statistics of data shown to it beforehand.
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
  private mean: Tensor | null = null;
  private variance: Tensor | null = null;

  constructor(options: NormalizationLayerOptions = {}) {
    super(options);
    const { mean = null, variance = null } = options;
    if ((mean === null) !== (variance === null)) {
      throw new ArgumentError({ op: "Normalization", message: "mean and variance are given together, or neither" });
    }
    if (mean !== null && variance !== null) {
      this.mean = asTensor(mean, this.dtype);
      this.variance = asTensor(variance, this.dtype);
    }
  }

  /** Takes mean and variance from data: samples along the first axis, features along the last. */
  adapt(data: TensorLike): void {
    const x = asTensor(data);
    const features = x.shape.at(-1) ?? 1;
    const values = x.data;
    const count = values.length / features;
    const [mean, variance] = [new Float64Array(features), new Float64Array(features)];
    for (let i = 0; i < values.length; i++) mean[i % features]! += values[i]! / count;
    for (let i = 0; i < values.length; i++) variance[i % features]! += (values[i]! - mean[i % features]!) ** 2 / count;
    this.mean = tensor(mean, { dtype: this.dtype });
    this.variance = tensor(variance, { dtype: this.dtype });
  }

  /** @internal Mean, variance and count, as Keras' files contain those of data shown to the layer. */
  override takeState([mean, variance]: Parameters<Layer["takeState"]>[0]): boolean {
    if (mean === undefined || variance === undefined) return false;
    this.mean = asTensor(mean, this.dtype).reshape([-1]);
    this.variance = asTensor(variance, this.dtype).reshape([-1]);
    return true;
  }

  call(x: Tensor): Tensor {
    if (this.mean === null || this.variance === null) {
      throw new NotReadyError({
        op: this.name,
        message: "no statistics are known",
        hint: "call adapt(data) first, or give mean and variance",
      });
    }
    return this.asFloat(x).sub(this.mean).div(sqrt(this.variance).maximum(1e-7));
  }

  override getConfig(): Config {
    const list = (t: Tensor | null) => (t === null ? null : (t.toArray() as number[]));
    return { ...super.getConfig(), axis: -1, mean: list(this.mean), variance: list(this.variance) };
  }
}
