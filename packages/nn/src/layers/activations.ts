import { type Generator, logSumExp, mul, relu as reluOp, type Tensor, where } from "@gradiente/autograd";
import { elu, leakyRelu, type ReluOptions, relu, softmax } from "../activations/activation.ts";
import type { Config } from "../config.ts";
import {
  type Constraint,
  type ConstraintLike,
  constraintConfig,
  resolveConstraint,
} from "../constraints/constraint.ts";
import { LayerInputError } from "../errors.ts";
import type { Initializer } from "../initializers/initializer.ts";
import { type InitializerLike, initializerConfig, resolveInitializer } from "../initializers/resolve.ts";
import { maskOf } from "../masks.ts";
import { type BatchShape, Layer, type LayerOptions, type Weight } from "../module.ts";
import {
  type Regularizer,
  type RegularizerLike,
  regularizerConfig,
  resolveRegularizer,
} from "../regularizers/regularizer.ts";

/** x for x ≥ 0, else negativeSlope·x. The slope defaults to 0.3, as in Keras' layer (its function has 0.2). */
export class LeakyReLU extends Layer {
  static override readonly className = "LeakyReLU";
  override readonly supportsMasking = true;
  readonly negativeSlope: number;
  constructor(options: LayerOptions & { readonly negativeSlope?: number; readonly alpha?: number } = {}) {
    super(options);
    this.negativeSlope = options.negativeSlope ?? options.alpha ?? 0.3;
  }
  call(x: Tensor): Tensor {
    return leakyRelu(this.asFloat(x), { negativeSlope: this.negativeSlope });
  }
  override getConfig(): Config {
    return { ...super.getConfig(), negative_slope: this.negativeSlope };
  }
}

/** x for x > 0, else alpha·(eˣ − 1). `alpha` defaults to 1. */
export class ELU extends Layer {
  static override readonly className = "ELU";
  override readonly supportsMasking = true;
  readonly alpha: number;
  constructor(options: LayerOptions & { readonly alpha?: number } = {}) {
    super(options);
    this.alpha = options.alpha ?? 1;
  }
  call(x: Tensor): Tensor {
    return elu(this.asFloat(x), { alpha: this.alpha });
  }
  override getConfig(): Config {
    return { ...super.getConfig(), alpha: this.alpha };
  }
}

/** max(x, 0), with Keras' options of an upper bound, a slope below the threshold, and the threshold. */
export class ReLU extends Layer {
  static override readonly className = "ReLU";
  override readonly supportsMasking = true;
  readonly options: Required<ReluOptions>;
  constructor(options: LayerOptions & ReluOptions = {}) {
    super(options);
    const { maxValue = null, negativeSlope = 0, threshold = 0 } = options;
    this.options = { maxValue, negativeSlope, threshold };
  }
  call(x: Tensor): Tensor {
    return relu(this.asFloat(x), this.options);
  }
  override getConfig(): Config {
    const { maxValue, negativeSlope, threshold } = this.options;
    return { ...super.getConfig(), max_value: maxValue, negative_slope: negativeSlope, threshold };
  }
}

/**
 * Softmax along `axis` (default: the last), or along several together. Where the input carries a mask that broadcasts with it,
 * elements that do not count are 0.
 */
export class Softmax extends Layer {
  static override readonly className = "Softmax";
  override readonly supportsMasking = true;
  readonly axis: number | readonly number[];
  constructor(options: LayerOptions & { readonly axis?: number | readonly number[] } = {}) {
    super(options);
    this.axis = options.axis ?? -1;
  }
  call(x: Tensor): Tensor {
    const input = this.asFloat(x);
    const mask = maskOf(x);
    if (mask === null) return this.normalised(input);
    return where(mask, this.normalised(where(mask, input, -1e9)), 0);
  }
  private normalised(x: Tensor): Tensor {
    const { axis } = this;
    if (typeof axis === "number") return softmax(x, { axis });
    return x.sub(logSumExp(x, { axis, keepDims: true })).exp();
  }
  override getConfig(): Config {
    return { ...super.getConfig(), axis: this.axis };
  }
}

/** Options of {@link PReLU}. */
export interface PReLUOptions extends LayerOptions {
  /** Default: zeros. */
  readonly alphaInitializer?: InitializerLike;
  readonly alphaRegularizer?: RegularizerLike | null;
  readonly alphaConstraint?: ConstraintLike | null;
  /** Axes (from 1) along which one slope serves all. Default: none. */
  readonly sharedAxes?: readonly number[] | null;
}

/** x for x > 0, else alpha·x with a slope that is learned. */
export class PReLU extends Layer {
  static override readonly className = "PReLU";
  override readonly supportsMasking = true;
  readonly alphaInitializer: Initializer;
  readonly alphaRegularizer: Regularizer | null;
  readonly alphaConstraint: Constraint | null;
  readonly sharedAxes: readonly number[] | null;
  private alpha: Weight | null = null;
  constructor(options: PReLUOptions = {}) {
    super(options);
    this.alphaInitializer = resolveInitializer("PReLU", options.alphaInitializer ?? "zeros");
    this.alphaRegularizer = resolveRegularizer("PReLU", options.alphaRegularizer);
    this.alphaConstraint = resolveConstraint("PReLU", options.alphaConstraint);
    this.sharedAxes = options.sharedAxes ?? null;
  }
  protected override build(shape: BatchShape, generator: Generator): void {
    const own = shape.slice(1).map((n, i) => {
      if (this.sharedAxes?.includes(i + 1)) return 1;
      if (n === null) throw new LayerInputError(this.name, "with every length but the first known", shape);
      return n;
    });
    this.alpha = this.addWeight(
      {
        name: "alpha",
        shape: own,
        initializer: this.alphaInitializer,
        regularizer: this.alphaRegularizer,
        constraint: this.alphaConstraint,
      },
      generator,
    );
  }
  call(x: Tensor): Tensor {
    const input = this.asFloat(x);
    return reluOp(input).sub(mul(this.alpha!.value, reluOp(input.neg())));
  }
  override getConfig(): Config {
    return {
      ...super.getConfig(),
      alpha_initializer: initializerConfig(this.alphaInitializer),
      alpha_regularizer: regularizerConfig(this.alphaRegularizer),
      alpha_constraint: constraintConfig(this.alphaConstraint),
      shared_axes: this.sharedAxes,
    };
  }
}
