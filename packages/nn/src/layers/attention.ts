import { type Generator, matmul, softmax, type Tensor, tanh, where } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { LayerInputError, unknownName } from "../errors.ts";
import { Ones } from "../initializers/initializer.ts";
import { resolveInitializer } from "../initializers/resolve.ts";
import { maskOf } from "../masks.ts";
import type { BatchShape, CallContext, LayerOptions, Weight } from "../module.ts";
import type { CallOptions } from "../symbolic.ts";
import { type AttentionCallOptions, AttentionLayer, allOf, notAfter, pairsWhere } from "./attention-layer.ts";

/** Attention by one score for every pair of a query and a key. */
abstract class PairAttention extends AttentionLayer {
  protected abstract scores(query: Tensor, key: Tensor): Tensor;

  override computeOutputShapes(
    shapes: readonly BatchShape[],
    options: AttentionCallOptions = {},
  ): readonly BatchShape[] {
    const [query, value] = this.checkShapes(shapes);
    const output = [...query.slice(0, -1), value[2]!];
    return options.returnAttentionScores ? [output, [query[0]!, query[1]!, value[1]!]] : [output];
  }

  protected override callMany(
    inputs: readonly Tensor[],
    context: CallContext,
    options: CallOptions,
  ): readonly Tensor[] {
    if (inputs.length < 2)
      throw new LayerInputError(this.name, "[query, value] or [query, value, key]", [inputs.length]);
    const [ofQuery, ofValue] = inputs.map(maskOf) as [Tensor | null, Tensor | null];
    const [query, value, key] = this.roles(inputs.map((x) => this.asFloat(x)));
    const mask = allOf([
      ofValue?.unsqueeze(-2) ?? null,
      options.useCausalMask ? pairsWhere(query, value, notAfter) : null,
      options.attentionMask ?? null,
    ]);
    const scores = this.scores(query, key);
    const weights = softmax(mask === null ? scores : where(mask, scores, scores.sub(1e9)));
    const dropped = this.dropout.call(weights, context);
    const mixed = matmul(dropped, value);
    const output = ofQuery === null ? mixed : where(ofQuery.unsqueeze(-1), mixed, 0);
    return options.returnAttentionScores ? [output, dropped] : [output];
  }
}

const scoreModes = ["dot", "concat"] as const;

/** Options of {@link Attention}. */
export interface AttentionOptions extends LayerOptions {
  /** Whether scores have a factor that is learned. Default: false. */
  readonly useScale?: boolean;
  /** Products of queries and keys ("dot", default), or sums of tanh(query + key) ("concat"). */
  readonly scoreMode?: (typeof scoreModes)[number];
  /** Of the attention weights. Default: 0. */
  readonly dropout?: number;
  /** Fixes the noise of dropout, whatever the model's seed. */
  readonly seed?: number | null;
}

/**
 * Dot-product attention (Luong et al., 2015) without projections: `apply([query, value])` or `apply([query, value, key])`.
 *
 * Weights: scale with `useScale`, then concat_score_weight with the score mode "concat".
 */
export class Attention extends PairAttention {
  static override readonly className = "Attention";
  private readonly options: Required<AttentionOptions>;
  private scale: Weight | null = null;
  private concatWeight: Weight | null = null;

  constructor(options: AttentionOptions = {}) {
    super(options);
    const { useScale = false, scoreMode = "dot", dropout = 0, seed = null } = options;
    if (!scoreModes.includes(scoreMode)) throw unknownName("Attention", "scoreMode", scoreMode, scoreModes);
    this.options = { ...(options as Required<AttentionOptions>), useScale, scoreMode, dropout, seed };
  }

  protected override buildMany(shapes: readonly BatchShape[], generator: Generator): void {
    this.checkShapes(shapes);
    const scalar = (name: string) => this.addWeight({ name, shape: [], initializer: new Ones() }, generator);
    if (this.options.useScale) this.scale = scalar("scale");
    if (this.options.scoreMode === "concat") this.concatWeight = scalar("concat_score_weight");
  }

  protected scores(query: Tensor, key: Tensor): Tensor {
    if (this.concatWeight === null) {
      const products = matmul(query, key.permute([0, 2, 1]));
      return this.scale === null ? products : products.mul(this.scale.value);
    }
    const sums = query.unsqueeze(2).add(key.unsqueeze(1));
    return tanh(this.scale === null ? sums : sums.mul(this.scale.value))
      .sum({ axis: -1 })
      .mul(this.concatWeight.value);
  }

  override getConfig(): Config {
    const { useScale, scoreMode, dropout, seed } = this.options;
    return { ...super.getConfig(), use_scale: useScale, score_mode: scoreMode, dropout, seed };
  }
}

/**
 * Additive attention (Bahdanau et al., 2015) without projections: scores are Σ scale·tanh(query + key).
 *
 * Weights: scale (features), with `useScale`.
 */
export class AdditiveAttention extends PairAttention {
  static override readonly className = "AdditiveAttention";
  readonly useScale: boolean;
  private readonly rate: number;
  private scale: Weight | null = null;

  constructor(options: LayerOptions & { readonly useScale?: boolean; readonly dropout?: number } = {}) {
    super(options);
    this.useScale = options.useScale ?? true;
    this.rate = options.dropout ?? 0;
  }

  protected override buildMany(shapes: readonly BatchShape[], generator: Generator): void {
    const [query] = this.checkShapes(shapes);
    if (!this.useScale) return;
    const initializer = resolveInitializer("AdditiveAttention", "glorot_uniform");
    this.scale = this.addWeight({ name: "scale", shape: [query[2]!], initializer }, generator);
  }

  protected scores(query: Tensor, key: Tensor): Tensor {
    const sums = tanh(query.unsqueeze(2).add(key.unsqueeze(1)));
    return (this.scale === null ? sums : sums.mul(this.scale.value)).sum({ axis: -1 });
  }

  override getConfig(): Config {
    return { ...super.getConfig(), use_scale: this.useScale, dropout: this.rate };
  }
}
