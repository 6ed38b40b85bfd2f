import {
  add,
  concatenate,
  flip,
  type Generator,
  matmul,
  mul,
  noGrad,
  slice,
  stack,
  sub,
  type Tensor,
  take,
  zeros,
} from "@gradiente/autograd";
import { type ActivationLike, type ResolvedActivation, resolveActivation } from "../activations/activation.ts";
import type { Config } from "../config.ts";
import { type ConstraintLike, resolveConstraint } from "../constraints/constraint.ts";
import { LayerInputError } from "../errors.ts";
import { type InitializerLike, initializerConfig, resolveInitializer } from "../initializers/resolve.ts";
import { type BatchShape, Layer, type LayerOptions, type Weight } from "../module.ts";
import { type RegularizerLike, regularizerConfig, resolveRegularizer } from "../regularizers/regularizer.ts";

/** Options of recurrent layers, with Keras' defaults. */
export interface RecurrentOptions extends LayerOptions {
  /** Default: tanh. */
  readonly activation?: ActivationLike | null;
  /** Of the gates (LSTM and GRU). Default: sigmoid. */
  readonly recurrentActivation?: ActivationLike | null;
  /** Default: true. */
  readonly useBias?: boolean;
  /** Default: glorot_uniform. */
  readonly kernelInitializer?: InitializerLike;
  /** Default: orthogonal. */
  readonly recurrentInitializer?: InitializerLike;
  /** Default: zeros. */
  readonly biasInitializer?: InitializerLike;
  /** Start the forget gate's bias at 1 (LSTM). Default: true. */
  readonly unitForgetBias?: boolean;
  /** Reset after the matrix product (GRU). Default: true. */
  readonly resetAfter?: boolean;
  /** Give the output of every step, not only of the last. Default: false. */
  readonly returnSequences?: boolean;
  /** Read the sequence from its end. Default: false. */
  readonly goBackwards?: boolean;
  readonly kernelRegularizer?: RegularizerLike | null;
  readonly recurrentRegularizer?: RegularizerLike | null;
  readonly biasRegularizer?: RegularizerLike | null;
  readonly kernelConstraint?: ConstraintLike | null;
  readonly recurrentConstraint?: ConstraintLike | null;
  readonly biasConstraint?: ConstraintLike | null;
}

type State = readonly Tensor[];

/** What recurrent layers share. Input: (None, steps, features). Weights: kernel, recurrent_kernel, bias. */
abstract class Recurrent extends Layer {
  readonly units: number;
  readonly options: RecurrentOptions;
  readonly activation: ResolvedActivation;
  readonly gateActivation: ResolvedActivation;
  protected readonly gates: number;
  protected readonly states: number = 1;
  protected kernel: Weight | null = null;
  protected recurrent: Weight | null = null;
  protected bias: Weight | null = null;

  constructor(units: number, gates: number, options: RecurrentOptions) {
    super(options);
    this.units = units;
    this.gates = gates;
    this.options = options;
    this.activation = resolveActivation(this.className, options.activation ?? "tanh");
    this.gateActivation = resolveActivation(this.className, options.recurrentActivation ?? "sigmoid");
  }

  /** A layer with the same options that reads from the other end. */
  mirrored(): Recurrent {
    const type = this.constructor as new (units: number, options: RecurrentOptions) => Recurrent;
    return new type(this.units, {
      ...this.options,
      name: `backward_${this.name}`,
      goBackwards: !this.options.goBackwards,
    });
  }

  protected biasShape(): readonly number[] {
    return [this.gates * this.units];
  }

  protected override build(shape: BatchShape, generator: Generator): void {
    const features = shape[2];
    if (shape.length !== 3 || features === null || features === undefined) {
      throw new LayerInputError(this.name, "(None, steps, features)", shape);
    }
    const { options: o, className: op, gates, units } = this;
    this.kernel = this.addWeight(
      {
        name: "kernel",
        shape: [features, gates * units],
        initializer: resolveInitializer(op, o.kernelInitializer ?? "glorot_uniform"),
        regularizer: resolveRegularizer(op, o.kernelRegularizer),
        constraint: resolveConstraint(op, o.kernelConstraint),
      },
      generator,
    );
    this.recurrent = this.addWeight(
      {
        name: "recurrent_kernel",
        shape: [units, gates * units],
        initializer: resolveInitializer(op, o.recurrentInitializer ?? "orthogonal"),
        regularizer: resolveRegularizer(op, o.recurrentRegularizer),
        constraint: resolveConstraint(op, o.recurrentConstraint),
      },
      generator,
    );
    if (!(o.useBias ?? true)) return;
    this.bias = this.addWeight(
      {
        name: "bias",
        shape: this.biasShape(),
        initializer: resolveInitializer(op, o.biasInitializer ?? "zeros"),
        regularizer: resolveRegularizer(op, o.biasRegularizer),
        constraint: resolveConstraint(op, o.biasConstraint),
      },
      generator,
    );
  }

  override computeOutputShape(shape: BatchShape): BatchShape {
    return this.options.returnSequences ? [shape[0]!, shape[1]!, this.units] : [shape[0]!, this.units];
  }

  call(x: Tensor): Tensor {
    if (x.rank !== 3 || x.shape[2] !== this.kernel!.value.shape[0]) {
      throw new LayerInputError(this.name, `(None, steps, ${this.kernel!.value.shape[0]})`, x.shape);
    }
    const [batch, steps] = x.shape as readonly [number, number, number];
    // The inputs' part of every step in one product.
    const inputs = this.project(this.asFloat(x));
    let state: State = Array.from({ length: this.states }, () => zeros([batch, this.units], { dtype: this.dtype }));
    const outputs: Tensor[] = [];
    for (let i = 0; i < steps; i++) {
      state = this.step(inputs.select(1, this.options.goBackwards ? steps - 1 - i : i), state);
      if (this.options.returnSequences) outputs.push(state[0]!);
    }
    return this.options.returnSequences ? stack(outputs, { axis: 1 }) : state[0]!;
  }

  protected project(x: Tensor): Tensor {
    const product = matmul(x, this.kernel!.value);
    return this.bias === null ? product : add(product, this.bias.value);
  }

  /** The states after a step, the output first. */
  protected abstract step(input: Tensor, state: State): State;

  /** The part of the last axis that belongs to gates `from` to `to`. */
  protected gate(x: Tensor, from: number, to: number = from + 1): Tensor {
    const range = { start: from * this.units, stop: to * this.units };
    return slice(x, [...x.shape.slice(0, -1).map(() => null), range]);
  }

  override getConfig(): Config {
    const { options: o, className: op } = this;
    return {
      ...super.getConfig(),
      units: this.units,
      activation: this.activation.name ?? "linear",
      use_bias: o.useBias ?? true,
      kernel_initializer: initializerConfig(resolveInitializer(op, o.kernelInitializer ?? "glorot_uniform")),
      recurrent_initializer: initializerConfig(resolveInitializer(op, o.recurrentInitializer ?? "orthogonal")),
      bias_initializer: initializerConfig(resolveInitializer(op, o.biasInitializer ?? "zeros")),
      kernel_regularizer: regularizerConfig(resolveRegularizer(op, o.kernelRegularizer)),
      recurrent_regularizer: regularizerConfig(resolveRegularizer(op, o.recurrentRegularizer)),
      bias_regularizer: regularizerConfig(resolveRegularizer(op, o.biasRegularizer)),
      return_sequences: o.returnSequences ?? false,
      return_state: false,
      go_backwards: o.goBackwards ?? false,
    };
  }
}

export type { Recurrent };

/** h ← activation(x·kernel + h·recurrent + bias). */
export class SimpleRNN extends Recurrent {
  static override readonly className = "SimpleRNN";
  constructor(units: number, options: RecurrentOptions = {}) {
    super(units, 1, options);
  }
  protected step(input: Tensor, [h]: State): State {
    return [this.activation.apply(add(input, matmul(h!, this.recurrent!.value)))];
  }
}

/** Long short-term memory; gates in Keras' order: input, forget, cell, output. */
export class LSTM extends Recurrent {
  static override readonly className = "LSTM";
  protected override readonly states = 2;
  constructor(units: number, options: RecurrentOptions = {}) {
    super(units, 4, options);
  }
  protected override build(shape: BatchShape, generator: Generator): void {
    super.build(shape, generator);
    if (this.bias === null || this.options.unitForgetBias === false) return;
    const values = noGrad(() => this.bias!.value.data);
    values.fill(1, this.units, 2 * this.units);
    this.setWeights([this.kernel!.value, this.recurrent!.value, values]);
  }
  protected step(input: Tensor, [h, c]: State): State {
    const z = add(input, matmul(h!, this.recurrent!.value));
    const sigma = this.gateActivation.apply;
    const tau = this.activation.apply;
    const cell = add(mul(sigma(this.gate(z, 1)), c!), mul(sigma(this.gate(z, 0)), tau(this.gate(z, 2))));
    return [mul(sigma(this.gate(z, 3)), tau(cell)), cell];
  }
  override getConfig(): Config {
    const config = super.getConfig();
    return {
      ...config,
      recurrent_activation: this.gateActivation.name ?? "linear",
      unit_forget_bias: this.options.unitForgetBias ?? true,
    };
  }
}

/** Gated recurrent unit; gates in Keras' order: update, reset, new. */
export class GRU extends Recurrent {
  static override readonly className = "GRU";
  constructor(units: number, options: RecurrentOptions = {}) {
    super(units, 3, options);
  }
  private get resetAfter(): boolean {
    return this.options.resetAfter ?? true;
  }
  protected override biasShape(): readonly number[] {
    return this.resetAfter ? [2, 3 * this.units] : [3 * this.units];
  }
  protected override project(x: Tensor): Tensor {
    const product = matmul(x, this.kernel!.value);
    if (this.bias === null) return product;
    return add(product, this.resetAfter ? this.bias.value.select(0, 0) : this.bias.value);
  }
  protected step(input: Tensor, [h]: State): State {
    const sigma = this.gateActivation.apply;
    const kernel = this.recurrent!.value;
    let update: Tensor;
    let fresh: Tensor;
    if (this.resetAfter) {
      let inner = matmul(h!, kernel);
      if (this.bias !== null) inner = add(inner, this.bias.value.select(0, 1));
      update = sigma(add(this.gate(input, 0), this.gate(inner, 0)));
      const reset = sigma(add(this.gate(input, 1), this.gate(inner, 1)));
      fresh = this.activation.apply(add(this.gate(input, 2), mul(reset, this.gate(inner, 2))));
    } else {
      const inner = matmul(h!, this.gate(kernel, 0, 2));
      update = sigma(add(this.gate(input, 0), this.gate(inner, 0)));
      const reset = sigma(add(this.gate(input, 1), this.gate(inner, 1)));
      fresh = this.activation.apply(add(this.gate(input, 2), matmul(mul(reset, h!), this.gate(kernel, 2))));
    }
    return [add(mul(update, h!), mul(sub(1, update), fresh))];
  }
  override getConfig(): Config {
    const config = super.getConfig();
    return { ...config, recurrent_activation: this.gateActivation.name ?? "linear", reset_after: this.resetAfter };
  }
}

/** How the two directions of {@link Bidirectional} are joined. */
export type MergeMode = "concat" | "sum" | "mul" | "ave";

/** A recurrent layer read from both ends. Weights: those of the forward layer, then of the backward one. */
export class Bidirectional extends Layer {
  static override readonly className = "Bidirectional";
  readonly forward: Recurrent;
  readonly backward: Recurrent;
  readonly mergeMode: MergeMode;
  constructor(layer: Recurrent, options: LayerOptions & { readonly mergeMode?: MergeMode } = {}) {
    super(options);
    this.forward = layer;
    this.backward = layer.mirrored();
    this.mergeMode = options.mergeMode ?? "concat";
  }
  override sublayers(): readonly Layer[] {
    return [this.forward, this.backward];
  }
  protected override build(shape: BatchShape, generator: Generator): void {
    this.forward.ensureBuilt(shape, generator.split());
    this.backward.ensureBuilt(shape, generator.split());
  }
  override computeOutputShape(shape: BatchShape): BatchShape {
    const one = this.forward.computeOutputShape(shape);
    return this.mergeMode === "concat" ? one.with(-1, one.at(-1)! * 2) : one;
  }
  call(x: Tensor): Tensor {
    const ahead = this.forward.call(x);
    let back = this.backward.call(x);
    if (this.forward.options.returnSequences) back = flip(back, 1);
    if (this.mergeMode === "concat") return concatenate([ahead, back], { axis: -1 });
    if (this.mergeMode === "mul") return mul(ahead, back);
    return this.mergeMode === "sum" ? add(ahead, back) : add(ahead, back).mul(0.5);
  }
  override getConfig(): Config {
    const layer = {
      module: "keras.layers",
      class_name: this.forward.className,
      config: this.forward.getConfig(),
      registered_name: null,
    };
    return { ...super.getConfig(), layer, merge_mode: this.mergeMode };
  }
}

/** A layer applied to every step of (None, steps, …). */
export class TimeDistributed extends Layer {
  static override readonly className = "TimeDistributed";
  readonly layer: Layer;
  constructor(layer: Layer, options: LayerOptions = {}) {
    super(options);
    this.layer = layer;
  }
  override sublayers(): readonly Layer[] {
    return [this.layer];
  }
  protected override build(shape: BatchShape, generator: Generator): void {
    this.layer.ensureBuilt([shape[0]!, ...shape.slice(2)], generator);
  }
  override computeOutputShape(shape: BatchShape): BatchShape {
    const [batch, ...rest] = this.layer.computeOutputShape([shape[0]!, ...shape.slice(2)]);
    return [batch!, shape[1]!, ...rest];
  }
  call(x: Tensor, context: Parameters<Layer["call"]>[1]): Tensor {
    const [batch, steps] = x.shape as readonly [number, number];
    const y = this.layer.run(x.reshape([batch * steps, ...x.shape.slice(2)]), context);
    return y.reshape([batch, steps, ...y.shape.slice(1)]);
  }
  override getConfig(): Config {
    const layer = {
      module: "keras.layers",
      class_name: this.layer.className,
      config: this.layer.getConfig(),
      registered_name: null,
    };
    return { ...super.getConfig(), layer };
  }
}

/** Options of {@link Embedding}. */
export interface EmbeddingOptions extends LayerOptions {
  /** Default: uniform. */
  readonly embeddingsInitializer?: InitializerLike;
  readonly embeddingsRegularizer?: RegularizerLike | null;
  readonly embeddingsConstraint?: ConstraintLike | null;
}

/** A row of a matrix (inputDim, outputDim) for every whole number of the input. */
export class Embedding extends Layer {
  static override readonly className = "Embedding";
  readonly inputDim: number;
  readonly outputDim: number;
  private readonly options: EmbeddingOptions;
  private table: Weight | null = null;
  constructor(inputDim: number, outputDim: number, options: EmbeddingOptions = {}) {
    super(options);
    this.inputDim = inputDim;
    this.outputDim = outputDim;
    this.options = options;
  }
  protected override build(_shape: BatchShape, generator: Generator): void {
    const { options: o, className: op } = this;
    this.table = this.addWeight(
      {
        name: "embeddings",
        shape: [this.inputDim, this.outputDim],
        initializer: resolveInitializer(op, o.embeddingsInitializer ?? "random_uniform"),
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
    return take(this.table!.value, x.dtype === "int32" ? x : x.cast("int32"));
  }
  override getConfig(): Config {
    const { options: o, className: op } = this;
    return {
      ...super.getConfig(),
      input_dim: this.inputDim,
      output_dim: this.outputDim,
      embeddings_initializer: initializerConfig(resolveInitializer(op, o.embeddingsInitializer ?? "random_uniform")),
      embeddings_regularizer: regularizerConfig(resolveRegularizer(op, o.embeddingsRegularizer)),
      mask_zero: false,
    };
  }
}
