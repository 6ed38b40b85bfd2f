import {
  ArgumentError,
  type Generator,
  matmul,
  Generator as RandomGenerator,
  rand,
  type Tensor,
} from "@gradiente/autograd";
import { type ActivationLike, type ResolvedActivation, resolveActivation } from "../activations/activation.ts";
import type { Config } from "../config.ts";
import {
  type Constraint,
  type ConstraintLike,
  constraintConfig,
  resolveConstraint,
} from "../constraints/constraint.ts";
import { LayerInputError, showShape } from "../errors.ts";
import type { Initializer } from "../initializers/initializer.ts";
import { type InitializerLike, initializerConfig, resolveInitializer } from "../initializers/resolve.ts";
import { type BatchShape, type CallContext, Layer, type LayerOptions, sizeOfSample, type Weight } from "../module.ts";
import {
  type Regularizer,
  type RegularizerLike,
  regularizerConfig,
  resolveRegularizer,
} from "../regularizers/regularizer.ts";
import { generatorState, restoreGenerator, type State } from "../state.ts";

/** Options of {@link Dense}. */
export interface DenseOptions extends LayerOptions {
  /** Default: linear. */
  readonly activation?: ActivationLike | null;
  /** Default: true. */
  readonly useBias?: boolean;
  /** Default: glorot_uniform. */
  readonly kernelInitializer?: InitializerLike;
  /** Default: zeros. */
  readonly biasInitializer?: InitializerLike;
  readonly kernelRegularizer?: RegularizerLike | null;
  readonly biasRegularizer?: RegularizerLike | null;
  readonly kernelConstraint?: ConstraintLike | null;
  readonly biasConstraint?: ConstraintLike | null;
}

/**
 * A fully connected layer: activation(x·kernel + bias), over the last axis.
 *
 * Weights: kernel (inputs, units), bias (units).
 * @throws {LayerInputError} when the last axis differs from the one it was built for.
 *
 * @example
 * ```ts
 * new Dense(3).apply(ones([2, 5])).shape; // [2, 3]
 * ```
 */
export class Dense extends Layer {
  static override readonly className = "Dense";
  override readonly supportsMasking = true;
  readonly units: number;
  readonly activation: ResolvedActivation;
  readonly useBias: boolean;
  readonly kernelInitializer: Initializer;
  readonly biasInitializer: Initializer;
  readonly kernelRegularizer: Regularizer | null;
  readonly biasRegularizer: Regularizer | null;
  readonly kernelConstraint: Constraint | null;
  readonly biasConstraint: Constraint | null;
  private kernel: Weight | null = null;
  private bias: Weight | null = null;

  constructor(units: number, options: DenseOptions = {}) {
    super(options);
    if (!Number.isInteger(units) || units < 1) {
      throw new ArgumentError({ op: "Dense", message: `units is ${units}, expected a positive whole number` });
    }
    this.units = units;
    this.activation = resolveActivation("Dense", options.activation);
    this.useBias = options.useBias ?? true;
    this.kernelInitializer = resolveInitializer("Dense", options.kernelInitializer ?? "glorot_uniform");
    this.biasInitializer = resolveInitializer("Dense", options.biasInitializer ?? "zeros");
    this.kernelRegularizer = resolveRegularizer("Dense", options.kernelRegularizer);
    this.biasRegularizer = resolveRegularizer("Dense", options.biasRegularizer);
    this.kernelConstraint = resolveConstraint("Dense", options.kernelConstraint);
    this.biasConstraint = resolveConstraint("Dense", options.biasConstraint);
  }

  protected override build(shape: BatchShape, generator: Generator): void {
    const inputs = shape.at(-1);
    if (shape.length < 2 || inputs === null || inputs === undefined) {
      throw new LayerInputError(this.name, "(None, …, features)", shape);
    }
    this.kernel = this.addWeight(
      {
        name: "kernel",
        shape: [inputs, this.units],
        initializer: this.kernelInitializer,
        regularizer: this.kernelRegularizer,
        constraint: this.kernelConstraint,
      },
      generator,
    );
    if (!this.useBias) return;
    this.bias = this.addWeight(
      {
        name: "bias",
        shape: [this.units],
        initializer: this.biasInitializer,
        regularizer: this.biasRegularizer,
        constraint: this.biasConstraint,
      },
      generator,
    );
  }

  override computeOutputShape(shape: BatchShape): BatchShape {
    const inputs = this.kernel?.value.shape[0];
    if (inputs !== undefined && shape.at(-1) !== inputs) {
      throw new LayerInputError(this.name, showShape([...shape.slice(0, -1).map(() => null), inputs]), shape);
    }
    return [...shape.slice(0, -1), this.units];
  }

  call(x: Tensor): Tensor {
    const kernel = this.kernel!.value;
    if (x.rank < 2 || x.shape.at(-1) !== kernel.shape[0]) {
      throw new LayerInputError(this.name, showShape([null, kernel.shape[0]!]), x.shape);
    }
    const product = matmul(this.asFloat(x), kernel);
    return this.activation.apply(this.bias === null ? product : product.add(this.bias.value));
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      units: this.units,
      activation: this.activation.name,
      use_bias: this.useBias,
      kernel_initializer: initializerConfig(this.kernelInitializer),
      bias_initializer: initializerConfig(this.biasInitializer),
      kernel_regularizer: regularizerConfig(this.kernelRegularizer),
      bias_regularizer: regularizerConfig(this.biasRegularizer),
      kernel_constraint: constraintConfig(this.kernelConstraint),
      bias_constraint: constraintConfig(this.biasConstraint),
    };
  }
}

/** Every sample as one axis: (None, 28, 28) becomes (None, 784). */
export class Flatten extends Layer {
  static override readonly className = "Flatten";

  override computeOutputShape(shape: BatchShape): BatchShape {
    return [shape[0] ?? null, sizeOfSample(this.name, shape)];
  }

  call(x: Tensor): Tensor {
    return x.reshape([x.shape[0]!, x.size / (x.shape[0]! || 1)]);
  }

  override getConfig(): Config {
    return { ...super.getConfig(), data_format: "channels_last" };
  }
}

/** An activation function as a layer of its own. */
export class Activation extends Layer {
  static override readonly className = "Activation";
  override readonly supportsMasking = true;
  readonly activation: ResolvedActivation;

  constructor(activation: ActivationLike, options: LayerOptions = {}) {
    super(options);
    this.activation = resolveActivation("Activation", activation);
  }

  override computeOutputShape(shape: BatchShape): BatchShape {
    // Half of the last axis gates the other half.
    const length = shape.at(-1) ?? null;
    return this.activation.name === "glu" && length !== null ? shape.with(-1, Math.floor(length / 2)) : shape;
  }

  call(x: Tensor): Tensor {
    return this.activation.apply(this.asFloat(x));
  }

  override getConfig(): Config {
    return { ...super.getConfig(), activation: this.activation.name };
  }
}

/** Its input as it is. (The initializer of this name is `Identity`.) */
export class IdentityLayer extends Layer {
  static override readonly className = "Identity";
  override readonly supportsMasking = true;
  call(x: Tensor): Tensor {
    return x;
  }
}

/** Options of layers that draw noise. */
export interface NoiseOptions extends LayerOptions {
  /** Fixes the noise, whatever the model's seed. */
  readonly seed?: number | null;
}

/** A layer that changes its input by noise, in training only. */
export abstract class NoiseLayer extends Layer {
  override readonly supportsMasking: boolean = true;
  readonly seed: number | null;
  private readonly own: Generator | null;

  constructor(options: NoiseOptions) {
    super(options);
    this.seed = options.seed ?? null;
    this.own = this.seed === null ? null : new RandomGenerator(this.seed);
  }

  call(x: Tensor, context: CallContext): Tensor {
    return context.training ? this.disturb(this.asFloat(x), this.own ?? context.generator) : x;
  }

  override runState(): State {
    return this.own === null ? null : generatorState(this.own);
  }

  override restoreRunState(state: State): void {
    if (this.own !== null) restoreGenerator(this.own, state);
  }

  /** The input as training sees it. */
  protected abstract disturb(x: Tensor, generator: Generator): Tensor;

  override getConfig(): Config {
    return { ...super.getConfig(), seed: this.seed };
  }
}

/** A rate of dropout. @throws {ArgumentError} when it is not between 0 and 1. */
export function checkRate(op: string, rate: number): number {
  if (rate >= 0 && rate <= 1) return rate;
  throw new ArgumentError({ op, message: `rate is ${rate}, expected a number between 0 and 1` });
}

/** Options of {@link Dropout}. */
export interface DropoutOptions extends NoiseOptions {
  /** Shape of the noise, broadcast over the input; null for the input's own length. */
  readonly noiseShape?: readonly (number | null)[] | null;
}

/** In training, sets the fraction `rate` of the inputs to 0 and scales the others by 1 / (1 − rate). */
export class Dropout extends NoiseLayer {
  static override readonly className: string = "Dropout";
  readonly rate: number;
  readonly noiseShape: readonly (number | null)[] | null;

  constructor(rate: number, options: DropoutOptions = {}) {
    super(options);
    this.rate = checkRate(this.className, rate);
    this.noiseShape = options.noiseShape ?? null;
  }

  protected disturb(x: Tensor, generator: Generator): Tensor {
    if (this.rate === 0) return x;
    if (this.rate === 1) return x.mul(0);
    const shape = this.noiseShape?.map((n, i) => n ?? x.shape[i]!) ?? x.shape;
    const kept = rand(shape, { dtype: this.dtype, generator }).greaterEqual(this.rate);
    return x.mul(kept.cast(this.dtype).mul(1 / (1 - this.rate)));
  }

  override getConfig(): Config {
    return { ...super.getConfig(), rate: this.rate, noise_shape: this.noiseShape };
  }
}

/** States the shape of a model's samples, as its first layer. */
export class InputLayer extends Layer {
  static override readonly className = "InputLayer";

  constructor(options: LayerOptions & { readonly shape?: readonly (number | null)[] } = {}) {
    super(options.shape === undefined ? options : { ...options, inputShape: options.shape });
  }

  call(x: Tensor): Tensor {
    return x;
  }

  override getConfig(): Config {
    const { name } = this;
    return { batch_shape: [null, ...(this.statedInputShape ?? [])], dtype: this.dtype, sparse: false, name };
  }
}
