import { type Generator, matmul, type Tensor } from "@gradiente/autograd";
import { softmax } from "../activations/activation.ts";
import type { Config } from "../config.ts";
import { LayerInputError } from "../errors.ts";
import { type InitializerLike, initializerConfig, resolveInitializer } from "../initializers/resolve.ts";
import { type BatchShape, type CallContext, Layer, type LayerOptions, type Weight } from "../module.ts";
import { Dropout } from "./core.ts";
import { Merge } from "./merge.ts";

/** Options of {@link MultiHeadAttention}. */
export interface MultiHeadAttentionOptions extends LayerOptions {
  readonly numHeads: number;
  /** Length of queries and keys of each head. */
  readonly keyDim: number;
  /** Length of values of each head. Default: `keyDim`. */
  readonly valueDim?: number | null;
  /** Of the attention weights. Default: 0. */
  readonly dropout?: number;
  /** Default: true. */
  readonly useBias?: boolean;
  /** Default: glorot_uniform. */
  readonly kernelInitializer?: InitializerLike;
}

/**
 * Attention of several heads: `apply([query, value])` or `apply([query, value, key])`, each (None, steps, features);
 * `apply(x)` is self-attention.
 *
 * Weights: query, key, value and output projections, each kernel (features, heads, dim) then bias, as in Keras.
 */
export class MultiHeadAttention extends Merge {
  static override readonly className = "MultiHeadAttention";
  private readonly options: MultiHeadAttentionOptions;
  private readonly valueDim: number;
  private readonly dropout: Dropout;
  private parts: { kernel: Weight; bias: Weight | null }[] = [];

  constructor(options: MultiHeadAttentionOptions) {
    super(options);
    this.options = options;
    this.valueDim = options.valueDim ?? options.keyDim;
    this.dropout = new Dropout(options.dropout ?? 0);
  }

  protected override build(shape: BatchShape, generator: Generator): void {
    const features = shape.at(-1);
    if (shape.length !== 3 || features === null || features === undefined) {
      throw new LayerInputError(this.name, "(None, steps, features)", shape);
    }
    const { numHeads, keyDim, useBias = true } = this.options;
    const initializer = resolveInitializer("MultiHeadAttention", this.options.kernelInitializer ?? "glorot_uniform");
    const project = (name: string, kernel: readonly number[], bias: readonly number[]) => ({
      kernel: this.addWeight({ name: `${name}/kernel`, shape: kernel, initializer }, generator),
      bias: useBias
        ? this.addWeight(
            { name: `${name}/bias`, shape: bias, initializer: resolveInitializer("MultiHeadAttention", "zeros") },
            generator,
          )
        : null,
    });
    this.parts = [
      project("query", [features, numHeads, keyDim], [numHeads, keyDim]),
      project("key", [features, numHeads, keyDim], [numHeads, keyDim]),
      project("value", [features, numHeads, this.valueDim], [numHeads, this.valueDim]),
      project("attention_output", [numHeads, this.valueDim, features], [features]),
    ];
  }

  protected override mergedShape(shapes: readonly BatchShape[]): BatchShape {
    return shapes[0]!;
  }

  protected override callMany(inputs: readonly Tensor[], context: CallContext): readonly Tensor[] {
    const [query, value = query, key = value] = inputs.map((x) => this.asFloat(x)) as [Tensor, Tensor?, Tensor?];
    return [this.attend(query, key!, value!, context)];
  }

  protected merge(inputs: readonly Tensor[]): Tensor {
    return this.attend(inputs[0]!, inputs[0]!, inputs[0]!, { training: false, generator: null as never, losses: [] });
  }

  private attend(query: Tensor, key: Tensor, value: Tensor, context: CallContext): Tensor {
    const { keyDim } = this.options;
    const heads = [query, key, value].map((x, i) => this.split(x, i)) as [Tensor, Tensor, Tensor];
    const scores = matmul(heads[0].mul(1 / Math.sqrt(keyDim)), heads[1].permute([0, 1, 3, 2]));
    const weights = this.dropout.call(softmax(scores), context);
    const mixed = matmul(weights, heads[2]).permute([0, 2, 1, 3]);
    const [batch, steps, count, dim] = mixed.shape as readonly [number, number, number, number];
    const { kernel, bias } = this.parts[3]!;
    const flat = matmul(mixed.reshape([batch, steps, count * dim]), kernel.value.reshape([count * dim, -1]));
    return bias === null ? flat : flat.add(bias.value);
  }

  /** (batch, heads, steps, dim) of one projection. */
  private split(x: Tensor, part: number): Tensor {
    const { kernel, bias } = this.parts[part]!;
    const [features, count, dim] = kernel.value.shape as readonly [number, number, number];
    const flat = matmul(x, kernel.value.reshape([features, count * dim])).reshape([
      x.shape[0]!,
      x.shape[1]!,
      count,
      dim,
    ]);
    return (bias === null ? flat : flat.add(bias.value)).permute([0, 2, 1, 3]);
  }

  override getConfig(): Config {
    const { numHeads, keyDim, dropout = 0, useBias = true, kernelInitializer = "glorot_uniform" } = this.options;
    return {
      ...Layer.prototype.getConfig.call(this),
      num_heads: numHeads,
      key_dim: keyDim,
      value_dim: this.valueDim,
      dropout,
      use_bias: useBias,
      kernel_initializer: initializerConfig(resolveInitializer("MultiHeadAttention", kernelInitializer)),
    };
  }
}
