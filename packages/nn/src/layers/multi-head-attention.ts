import {
  ArgumentError,
  type Generator,
  matmul,
  repeat,
  sigmoid,
  softmax,
  type Tensor,
  where,
} from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { type ConstraintLike, constraintConfig, resolveConstraint } from "../constraints/constraint.ts";
import { type InitializerLike, initializerConfig, resolveInitializer } from "../initializers/resolve.ts";
import { maskOf } from "../masks.ts";
import type { BatchShape, CallContext, LayerOptions, Weight } from "../module.ts";
import { type RegularizerLike, regularizerConfig, resolveRegularizer } from "../regularizers/regularizer.ts";
import type { CallOptions, SymbolicTensor } from "../symbolic.ts";
import { AttentionAxes } from "./attention-axes.ts";
import { type AttentionCallOptions, AttentionLayer, allOf, notAfter, pairsWhere } from "./attention-layer.ts";

/** What a masked score becomes before softmax, in Keras' layers for dot-product attention. */
const masked = -1e9;

/** Options that attention with several heads shares. */
interface HeadOptions extends LayerOptions {
  /** Of the attention weights. Default: 0. */
  readonly dropout?: number;
  /** Default: true. */
  readonly useBias?: boolean;
  /** How far from its own place a query may attend: keys less than so many steps away. Default: no limit. */
  readonly slidingWindow?: number | null;
  /** Whether what is attended to is multiplied with a sigmoid of the query's projection. Default: false. */
  readonly useGate?: boolean;
  /** Default: glorot_uniform. */
  readonly kernelInitializer?: InitializerLike;
  /** Default: zeros. */
  readonly biasInitializer?: InitializerLike;
  readonly kernelRegularizer?: RegularizerLike | null;
  readonly biasRegularizer?: RegularizerLike | null;
  readonly kernelConstraint?: ConstraintLike | null;
  readonly biasConstraint?: ConstraintLike | null;
  /** Fixes the noise of dropout, whatever the model's seed. */
  readonly seed?: number | null;
}

interface Projection {
  readonly kernel: Weight;
  readonly bias: Weight | null;
}

/** Attention with several heads, of which some may share keys and values. */
abstract class HeadsAttention extends AttentionLayer {
  override readonly spreadsInputs = true;
  protected readonly given: HeadOptions;
  protected abstract readonly queryHeads: number;
  protected abstract readonly valueHeads: number;
  protected abstract readonly keyDim: number;
  protected abstract readonly valueDim: number;
  private parts: { query: Projection; key: Projection; gate: Projection | null; value: Projection } | null = null;
  private out: Projection | null = null;

  constructor(options: HeadOptions) {
    super(options);
    this.given = options;
  }

  /** @internal Self-attention is to queries and values, in Keras' files too. */
  override connect(
    inputs: readonly SymbolicTensor[],
    options: CallOptions<SymbolicTensor> = {},
  ): readonly SymbolicTensor[] {
    return super.connect(inputs.length === 1 ? [inputs[0]!, inputs[0]!] : inputs, options);
  }

  /** Lengths of the output's axes after the steps. */
  protected outputLengths(query: BatchShape): readonly number[] {
    return [query.at(-1)!];
  }

  protected override buildMany(shapes: readonly BatchShape[], generator: Generator): void {
    const [query, value, key] = this.checkShapes(shapes).map((shape) => shape[2]!) as [number, number, number];
    const { queryHeads, valueHeads, keyDim, valueDim } = this;
    const project = (name: string, kernel: readonly number[], bias: readonly number[]) =>
      this.addProjection(name, kernel, bias, generator);
    this.parts = {
      query: project("query", [query, queryHeads, keyDim], [queryHeads, keyDim]),
      key: project("key", [key, valueHeads, keyDim], [valueHeads, keyDim]),
      gate: this.given.useGate ? project("gate", [query, queryHeads, valueDim], [queryHeads, valueDim]) : null,
      value: project("value", [value, valueHeads, valueDim], [valueHeads, valueDim]),
    };
    const lengths = this.outputLengths(shapes[0]!);
    this.out = project("attention_output", [queryHeads, valueDim, ...lengths], lengths);
  }

  private addProjection(
    name: string,
    kernel: readonly number[],
    bias: readonly number[],
    generator: Generator,
  ): Projection {
    const { given: o, className: op } = this;
    return {
      kernel: this.addWeight(
        {
          name: `${name}/kernel`,
          shape: kernel,
          initializer: resolveInitializer(op, o.kernelInitializer ?? "glorot_uniform"),
          regularizer: resolveRegularizer(op, o.kernelRegularizer),
          constraint: resolveConstraint(op, o.kernelConstraint),
        },
        generator,
      ),
      bias:
        (o.useBias ?? true)
          ? this.addWeight(
              {
                name: `${name}/bias`,
                shape: bias,
                initializer: resolveInitializer(op, o.biasInitializer ?? "zeros"),
                regularizer: resolveRegularizer(op, o.biasRegularizer),
                constraint: resolveConstraint(op, o.biasConstraint),
              },
              generator,
            )
          : null,
    };
  }

  override computeOutputShapes(
    shapes: readonly BatchShape[],
    options: AttentionCallOptions = {},
  ): readonly BatchShape[] {
    const [query, value] = this.checkShapes(shapes);
    const output = [...query.slice(0, -1), ...this.outputLengths(query)];
    return options.returnAttentionScores ? [output, [query[0]!, this.queryHeads, query[1]!, value[1]!]] : [output];
  }

  protected override callMany(
    inputs: readonly Tensor[],
    context: CallContext,
    options: CallOptions,
  ): readonly Tensor[] {
    const mask = this.maskFor(inputs, options);
    const [query, value, key] = this.roles(inputs.map((x) => this.asFloat(x)));
    const { parts } = this;
    const q = this.split(query, parts!.query);
    const k = this.shared(this.split(key, parts!.key));
    const v = this.shared(this.split(value, parts!.value));
    let scores = matmul(q.mul(1 / Math.sqrt(this.keyDim)), k.permute([0, 1, 3, 2]));
    if (mask !== null) scores = where(mask, scores, masked);
    let weights = softmax(scores);
    // Where nothing may be attended to, nothing is.
    if (mask !== null) weights = where(mask, weights, 0);
    const dropped = this.dropout.call(weights, context);
    const heads = matmul(dropped, v).permute([0, 2, 1, 3]);
    const gate = parts!.gate === null ? null : sigmoid(this.split(query, parts!.gate)).permute([0, 2, 1, 3]);
    const output = this.join(gate === null ? heads : heads.mul(gate), this.outputLengths(query.shape));
    return options.returnAttentionScores ? [output, dropped] : [output];
  }

  /** Which keys each query may attend to, with an axis for the heads. */
  private maskFor(inputs: readonly Tensor[], options: CallOptions): Tensor | null {
    const { slidingWindow = null } = this.given;
    const [query, value] = this.roles(inputs);
    // The key's own mask counts only where it is given apart from the value.
    const masks = inputs.map(maskOf);
    const [ofQuery = null, ofValue = ofQuery, ofKey = null] = masks;
    const near = (q: Tensor, k: Tensor): Tensor =>
      q
        .sub(k)
        .abs()
        .less(slidingWindow ?? 0);
    const { attentionMask = null } = options;
    return allOf(
      [
        ofQuery?.unsqueeze(-1) ?? null,
        ofValue?.unsqueeze(-2) ?? null,
        ofKey?.unsqueeze(-2) ?? null,
        options.useCausalMask ? pairsWhere(query, value, notAfter) : null,
        slidingWindow === null ? null : pairsWhere(query, value, near),
        attentionMask === null ? null : attentionMask,
      ].map((m) => (m !== null && m.rank === 3 ? m.unsqueeze(1) : m)),
    );
  }

  /** (samples, heads, steps, dim) of one projection. */
  private split(x: Tensor, { kernel, bias }: Projection): Tensor {
    const [features, count, dim] = kernel.value.shape as readonly [number, number, number];
    const flat = matmul(x, kernel.value.reshape([features, count * dim]));
    const heads = flat.reshape([x.shape[0]!, x.shape[1]!, count, dim]);
    return (bias === null ? heads : heads.add(bias.value)).permute([0, 2, 1, 3]);
  }

  /** Keys or values for every head of the queries. */
  private shared(x: Tensor): Tensor {
    const times = this.queryHeads / this.valueHeads;
    return times === 1 ? x : repeat(x, times, { axis: 1 });
  }

  private join(heads: Tensor, lengths: readonly number[]): Tensor {
    const [samples, steps, count, dim] = heads.shape as readonly [number, number, number, number];
    const { kernel, bias } = this.out!;
    const flat = matmul(heads.reshape([samples, steps, count * dim]), kernel.value.reshape([count * dim, -1]));
    const output = flat.reshape([samples, steps, ...lengths]);
    return bias === null ? output : output.add(bias.value);
  }

  override getConfig(): Config {
    const { given: o, className: op } = this;
    return {
      ...super.getConfig(),
      dropout: o.dropout ?? 0,
      use_bias: o.useBias ?? true,
      use_gate: o.useGate ?? false,
      sliding_window: o.slidingWindow ?? null,
      kernel_initializer: initializerConfig(resolveInitializer(op, o.kernelInitializer ?? "glorot_uniform")),
      bias_initializer: initializerConfig(resolveInitializer(op, o.biasInitializer ?? "zeros")),
      kernel_regularizer: regularizerConfig(resolveRegularizer(op, o.kernelRegularizer)),
      bias_regularizer: regularizerConfig(resolveRegularizer(op, o.biasRegularizer)),
      kernel_constraint: constraintConfig(resolveConstraint(op, o.kernelConstraint)),
      bias_constraint: constraintConfig(resolveConstraint(op, o.biasConstraint)),
      seed: o.seed ?? null,
    };
  }
}

/** Options of {@link MultiHeadAttention}. */
export interface MultiHeadAttentionOptions extends HeadOptions {
  readonly numHeads: number;
  /** Length of queries and keys of each head. */
  readonly keyDim: number;
  /** Length of values of each head. Default: `keyDim`. */
  readonly valueDim?: number | null;
  /** Lengths of the output's axes after the steps. Default: as the query's. */
  readonly outputShape?: number | readonly number[] | null;
  /** The axes attended along. Default: all between samples and features, which is 1 for (samples, steps, features). */
  readonly attentionAxes?: number | readonly number[] | null;
}

/**
 * Attention of several heads (Vaswani et al., 2017): `apply([query, value])` or `apply([query, value, key])`, each (samples,
 * steps, features); `apply(x)` is self-attention. Masks of the inputs, `attentionMask` and `useCausalMask` say what may be
 * attended to; with `returnAttentionScores` the scores (samples, heads, queries, keys) are the second output. Inputs of more
 * axes are attended along `attentionAxes`; scores are then (samples, other axes, heads, queries' axes, keys' axes).
 *
 * Weights: query, key, value and output projections, each kernel (features, heads, dim) then bias, as in Keras.
 *
 * @example
 * ```ts
 * const layer = new MultiHeadAttention({ numHeads: 2, keyDim: 4 });
 * layer.apply(ones([1, 3, 8]), { useCausalMask: true }).shape; // [1, 3, 8]
 * ```
 */
export class MultiHeadAttention extends HeadsAttention {
  static override readonly className = "MultiHeadAttention";
  readonly numHeads: number;
  protected readonly queryHeads: number;
  protected readonly valueHeads: number;
  protected readonly keyDim: number;
  protected readonly valueDim: number;
  private readonly lengths: readonly number[] | null;
  private readonly stated: readonly number[] | null;

  constructor(options: MultiHeadAttentionOptions) {
    super(options);
    const { numHeads, keyDim, valueDim, outputShape = null, attentionAxes = null } = options;
    positive("MultiHeadAttention", { numHeads, keyDim });
    this.numHeads = numHeads;
    this.queryHeads = numHeads;
    this.valueHeads = numHeads;
    this.keyDim = keyDim;
    this.valueDim = valueDim ?? keyDim;
    this.lengths = typeof outputShape === "number" ? [outputShape] : outputShape;
    this.stated = typeof attentionAxes === "number" ? [attentionAxes] : attentionAxes;
  }

  protected override outputLengths(query: BatchShape): readonly number[] {
    return this.lengths ?? super.outputLengths(query);
  }

  /** How inputs of a rank are attended along; null where they are (samples, steps, features) already. */
  private axesFor(rank: number): AttentionAxes | null {
    if (rank <= 3 && (this.stated ?? [1]).toString() === "1") return null;
    return new AttentionAxes(this.name, this.stated, rank);
  }

  protected override buildMany(shapes: readonly BatchShape[], generator: Generator): void {
    const axes = this.axesFor(shapes[0]!.length);
    super.buildMany(axes === null ? shapes : shapes.map((shape) => axes.foldedShape(shape)), generator);
  }

  override computeOutputShapes(
    shapes: readonly BatchShape[],
    options: AttentionCallOptions = {},
  ): readonly BatchShape[] {
    const [query, value] = this.roles(shapes);
    const axes = this.axesFor(query.length);
    if (axes === null) return super.computeOutputShapes(shapes, options);
    axes.check(this.name, this.roles(shapes));
    const output = [...query.slice(0, -1), ...this.outputLengths(query)];
    return options.returnAttentionScores ? [output, axes.scoresShape(this.numHeads, query, value)] : [output];
  }

  protected override callMany(
    inputs: readonly Tensor[],
    context: CallContext,
    options: CallOptions,
  ): readonly Tensor[] {
    const axes = this.axesFor(inputs[0]!.rank);
    if (axes === null) return super.callMany(inputs, context, options);
    const shapes = this.roles(inputs.map((x) => x.shape));
    axes.check(this.name, shapes);
    if (inputs.some((x) => maskOf(x) !== null)) {
      throw new ArgumentError({
        op: this.name,
        message: "inputs carry masks of steps, but are attended along other axes than one of steps",
        hint: "say which keys may be attended to with attentionMask, and give { mask: null }",
      });
    }
    const [query, value] = shapes;
    const { attentionMask = null, useCausalMask = false } = options;
    if (axes.along.length > 1 && (useCausalMask || (this.given.slidingWindow ?? null) !== null)) {
      throw new ArgumentError({
        op: this.name,
        message: `there is no order of places along the axes [${axes.along.join(", ")}]`,
        hint: "useCausalMask and slidingWindow are for one axis",
      });
    }
    const mask = attentionMask === null ? null : axes.foldMask(this.name, attentionMask, query, value);
    const [output, scores] = super.callMany(
      inputs.map((x) => axes.fold(x)),
      context,
      { ...options, attentionMask: mask },
    ) as [Tensor, Tensor?];
    const unfolded = axes.unfold(output, query);
    return scores === undefined ? [unfolded] : [unfolded, axes.unfoldScores(scores, query, value)];
  }

  override getConfig(): Config {
    const { numHeads, keyDim, valueDim, lengths } = this;
    return {
      ...super.getConfig(),
      num_heads: numHeads,
      key_dim: keyDim,
      value_dim: valueDim,
      output_shape: lengths,
      attention_axes:
        this.stated ?? (this.inputShape === null ? null : this.inputShape.slice(1, -1).map((_, i) => i + 1)),
    };
  }
}

/** Options of {@link GroupQueryAttention}. */
export interface GroupQueryAttentionOptions extends HeadOptions {
  /** Length of queries, keys and values of each head. */
  readonly headDim: number;
  readonly numQueryHeads: number;
  /** It divides the number of query heads. */
  readonly numKeyValueHeads: number;
}

/**
 * {@link MultiHeadAttention} in which groups of query heads share one head of keys and values (Ainslie et al., 2023). As in
 * Keras, its class is named `GroupedQueryAttention`, and exported without the "ed".
 *
 * Weights: query, key, value and output projections, each kernel then bias.
 */
export class GroupQueryAttention extends HeadsAttention {
  static override readonly className = "GroupedQueryAttention";
  protected readonly queryHeads: number;
  protected readonly valueHeads: number;
  protected readonly keyDim: number;
  protected readonly valueDim: number;

  constructor(options: GroupQueryAttentionOptions) {
    super(options);
    const { headDim, numQueryHeads, numKeyValueHeads } = options;
    positive("GroupQueryAttention", { headDim, numQueryHeads, numKeyValueHeads });
    if (numQueryHeads % numKeyValueHeads !== 0) {
      throw new ArgumentError({
        op: "GroupQueryAttention",
        message: `${numKeyValueHeads} heads of keys and values do not divide ${numQueryHeads} heads of queries`,
      });
    }
    this.queryHeads = numQueryHeads;
    this.valueHeads = numKeyValueHeads;
    this.keyDim = headDim;
    this.valueDim = headDim;
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      head_dim: this.keyDim,
      num_query_heads: this.queryHeads,
      num_key_value_heads: this.valueHeads,
    };
  }
}

function positive(op: string, options: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(options)) {
    if (!Number.isInteger(value) || value < 1) {
      throw new ArgumentError({ op, message: `${name} is ${value}, expected a positive whole number` });
    }
  }
}
