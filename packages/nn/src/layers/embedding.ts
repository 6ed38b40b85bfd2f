import { embedding, type Generator, notEqual, type Tensor, where } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { type ConstraintLike, constraintConfig, resolveConstraint } from "../constraints/constraint.ts";
import { type InitializerLike, initializerConfig, resolveInitializer } from "../initializers/resolve.ts";
import { attachMask } from "../masks.ts";
import { type BatchShape, Layer, type LayerOptions, type Weight } from "../module.ts";
import { type RegularizerLike, regularizerConfig, resolveRegularizer } from "../regularizers/regularizer.ts";
import { positive } from "./convolution.ts";

/** Options of {@link Embedding}. */
export interface EmbeddingOptions extends LayerOptions {
  /** Default: uniform. */
  readonly embeddingsInitializer?: InitializerLike;
  readonly embeddingsRegularizer?: RegularizerLike | null;
  readonly embeddingsConstraint?: ConstraintLike | null;
  /** Whether 0 stands for no word, so that the output carries a mask of what is not 0. Default: false. */
  readonly maskZero?: boolean;
}

/**
 * A row of a matrix (inputDim, outputDim) for every whole number of the input.
 *
 * Weights: embeddings (inputDim, outputDim).
 * @throws {BoundsError} for numbers outside [0, inputDim).
 *
 * @example
 * ```ts
 * new Embedding(1000, 8).apply(tensor([[4, 7, 0]])).shape; // [1, 3, 8]
 * ```
 */
export class Embedding extends Layer {
  static override readonly className = "Embedding";
  readonly inputDim: number;
  readonly outputDim: number;
  readonly maskZero: boolean;
  private readonly options: EmbeddingOptions;
  private table: Weight | null = null;
  constructor(inputDim: number, outputDim: number, options: EmbeddingOptions = {}) {
    super(options);
    this.inputDim = positive(this.className, "inputDim", inputDim);
    this.outputDim = positive(this.className, "outputDim", outputDim);
    this.maskZero = options.maskZero ?? false;
    this.options = options;
  }
  protected override build(_shape: BatchShape, generator: Generator): void {
    const { options: o, className: op } = this;
    this.table = this.addWeight(
      {
        name: "embeddings",
        shape: [this.inputDim, this.outputDim],
        initializer: resolveInitializer(op, o.embeddingsInitializer ?? "uniform"),
        regularizer: resolveRegularizer(op, o.embeddingsRegularizer),
        constraint: resolveConstraint(op, o.embeddingsConstraint),
      },
      generator,
    );
  }
  override computeOutputShape(shape: BatchShape): BatchShape {
    return [...shape, this.outputDim];
  }
  call(x: Tensor): Tensor {
    const rows = embedding(this.table!.value, x.dtype === "int32" ? x : x.cast("int32"));
    if (this.maskZero) attachMask(rows, notEqual(x, 0));
    return rows;
  }
  override getConfig(): Config {
    const { options: o, className: op } = this;
    return {
      ...super.getConfig(),
      input_dim: this.inputDim,
      output_dim: this.outputDim,
      embeddings_initializer: initializerConfig(resolveInitializer(op, o.embeddingsInitializer ?? "uniform")),
      embeddings_regularizer: regularizerConfig(resolveRegularizer(op, o.embeddingsRegularizer)),
      embeddings_constraint: constraintConfig(resolveConstraint(op, o.embeddingsConstraint)),
      mask_zero: this.maskZero,
    };
  }
}

/**
 * Masks the steps of (samples, steps, features) all of whose features are `maskValue` (default 0): the output carries
 * the mask, and is 0 there.
 *
 * @example
 * ```ts
 * const x = new Masking({ maskValue: -1 }).apply(tensor([[[3, -1], [-1, -1]]]));
 * x; // [[[3, -1], [0, 0]]]
 * maskOf(x); // [[true, false]]
 * ```
 */
export class Masking extends Layer {
  static override readonly className = "Masking";
  override readonly supportsMasking = true;
  readonly maskValue: number;
  constructor(options: LayerOptions & { readonly maskValue?: number } = {}) {
    super(options);
    this.maskValue = options.maskValue ?? 0;
  }
  call(x: Tensor): Tensor {
    const kept = notEqual(x, this.maskValue).any({ axis: -1, keepDims: true });
    const y = where(kept, x, 0);
    attachMask(y, kept.squeeze(-1));
    return y;
  }
  override getConfig(): Config {
    return { ...super.getConfig(), mask_value: this.maskValue };
  }
}
