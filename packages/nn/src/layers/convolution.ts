import {
  ArgumentError,
  conv1d,
  conv2d,
  conv3d,
  depthwiseConv2d,
  type Generator,
  pad,
  type Tensor,
} from "@gradiente/autograd";
import { type ActivationLike, type ResolvedActivation, resolveActivation } from "../activations/activation.ts";
import type { Config } from "../config.ts";
import { type ConstraintLike, constraintConfig, resolveConstraint } from "../constraints/constraint.ts";
import { LayerInputError, showShape, unknownName } from "../errors.ts";
import { type InitializerLike, initializerConfig, resolveInitializer } from "../initializers/resolve.ts";
import { type BatchShape, Layer, type LayerOptions, type Weight } from "../module.ts";
import { type RegularizerLike, regularizerConfig, resolveRegularizer } from "../regularizers/regularizer.ts";

/** One number for every axis, or one per axis. */
export type PerAxis = number | readonly number[];

/** Options of convolutions, with Keras' defaults. */
export interface ConvLayerOptions extends LayerOptions {
  /** Default: 1. */
  readonly strides?: PerAxis;
  /** "valid" (default), "same", or, for sequences, "causal". */
  readonly padding?: "valid" | "same" | "causal";
  /** Default: 1. */
  readonly dilationRate?: PerAxis;
  /** Default: linear. */
  readonly activation?: ActivationLike | null;
  /** Default: true. */
  readonly useBias?: boolean;
  readonly kernelInitializer?: InitializerLike;
  readonly biasInitializer?: InitializerLike;
  readonly kernelRegularizer?: RegularizerLike | null;
  readonly biasRegularizer?: RegularizerLike | null;
  readonly kernelConstraint?: ConstraintLike | null;
  readonly biasConstraint?: ConstraintLike | null;
}

/** Options of `Conv1D`, `Conv2D` and `Conv3D`. */
export interface ConvOptions extends ConvLayerOptions {
  /** Into how many groups channels are divided, each convolved by itself. Default: 1. */
  readonly groups?: number;
}

/** @throws {ArgumentError} unless it is a positive whole number. */
export function positive(op: string, name: string, value: number): number {
  if (Number.isInteger(value) && value > 0) return value;
  throw new ArgumentError({ op, message: `${name} is ${JSON.stringify(value)}, expected a positive whole number` });
}

/** One positive whole number per axis. @throws {ArgumentError} for anything else. */
export function sizes(op: string, option: string, value: PerAxis, rank: number): readonly number[] {
  const list = perAxis(value, rank);
  if (!Array.isArray(list) || list.length !== rank || !list.every((n) => Number.isInteger(n) && n > 0)) {
    throw new ArgumentError({
      op,
      message: `${option} is ${JSON.stringify(value)}`,
      hint: `give a positive whole number, or ${rank} of them`,
    });
  }
  return list;
}

export function perAxis(value: PerAxis, rank: number): readonly number[] {
  return typeof value === "number" ? new Array<number>(rank).fill(value) : value;
}

/** Number of windows along one axis. */
export function windows(n: number | null, size: number, stride: number, padding: string, dilation = 1): number | null {
  if (n === null) return null;
  return padding === "valid" ? Math.floor((n - dilation * (size - 1) - 1) / stride) + 1 : Math.ceil(n / stride);
}

/** What convolving layers of any rank share. Input: (None, …space, channels). */
export abstract class Convolution extends Layer {
  /** Number of spatial axes. */
  static readonly rank: number = 0;
  readonly kernelSize: readonly number[];
  readonly strides: readonly number[];
  readonly dilationRate: readonly number[];
  readonly padding: "valid" | "same" | "causal";
  readonly activation: ResolvedActivation;
  readonly useBias: boolean;
  protected readonly given: ConvLayerOptions;
  protected bias: Weight | null = null;

  constructor(kernelSize: PerAxis, options: ConvLayerOptions) {
    super(options);
    this.kernelSize = sizes(this.className, "kernelSize", kernelSize, this.rank);
    this.strides = sizes(this.className, "strides", options.strides ?? 1, this.rank);
    this.dilationRate = sizes(this.className, "dilationRate", options.dilationRate ?? 1, this.rank);
    this.padding = options.padding ?? "valid";
    const known = this.rank === 1 ? ["valid", "same", "causal"] : ["valid", "same"];
    if (!known.includes(this.padding)) throw unknownName(this.className, "padding", this.padding, known);
    this.activation = resolveActivation(this.className, options.activation);
    this.useBias = options.useBias ?? true;
    this.given = options;
  }

  protected get rank(): number {
    return (this.constructor as typeof Convolution).rank;
  }

  protected channelsOf(shape: BatchShape): number {
    const channels = shape.at(-1);
    if (shape.length !== this.rank + 2 || channels === null || channels === undefined) {
      const space = new Array<null>(this.rank + 1).fill(null);
      throw new LayerInputError(this.name, `${showShape(space).slice(0, -1).replace(/,$/, "")}, channels)`, shape);
    }
    return channels;
  }

  /** A kernel under the options of `kind`: "kernel", "depthwise" or "pointwise". */
  protected addKernel(name: string, shape: readonly number[], generator: Generator, kind: Kind = "kernel"): Weight {
    const { initializer, regularizer, constraint } = this.optionsOf(kind);
    return this.addWeight({ name, shape, initializer, regularizer, constraint }, generator);
  }

  private optionsOf(kind: Kind) {
    const { className: op } = this;
    const given = this.given as ConvLayerOptions & SeparableOptions;
    return {
      initializer: resolveInitializer(op, given[`${kind}Initializer`] ?? "glorot_uniform"),
      regularizer: resolveRegularizer(op, given[`${kind}Regularizer`]),
      constraint: resolveConstraint(op, given[`${kind}Constraint`]),
    };
  }

  /** The options of kernels of `kind` as files contain them. */
  protected kernelConfig(kind: Kind): Config {
    const { initializer, regularizer, constraint } = this.optionsOf(kind);
    return {
      [`${kind}_initializer`]: initializerConfig(initializer),
      [`${kind}_regularizer`]: regularizerConfig(regularizer),
      [`${kind}_constraint`]: constraintConfig(constraint),
    };
  }

  protected addBias(size: number, generator: Generator): void {
    const { given, className } = this;
    if (!this.useBias) return;
    this.bias = this.addWeight(
      {
        name: "bias",
        shape: [size],
        initializer: resolveInitializer(className, given.biasInitializer ?? "zeros"),
        regularizer: resolveRegularizer(className, given.biasRegularizer),
        constraint: resolveConstraint(className, given.biasConstraint),
      },
      generator,
    );
  }

  /** The input in the layer's dtype, checked. */
  protected checked(x: Tensor): Tensor {
    const expected = this.inputShape;
    if (x.rank !== this.rank + 2 || (expected !== null && x.shape.at(-1) !== expected.at(-1))) {
      throw new LayerInputError(this.name, showShape(expected ?? []), x.shape);
    }
    return this.asFloat(x);
  }

  protected finish(x: Tensor): Tensor {
    return this.activation.apply(this.bias === null ? x : x.add(this.bias.value));
  }

  /** The input, with what "causal" padding puts before sequences. */
  protected padded(x: Tensor): Tensor {
    if (this.padding !== "causal") return x;
    return pad(x, [
      [0, 0],
      [this.dilationRate[0]! * (this.kernelSize[0]! - 1), 0],
      [0, 0],
    ]);
  }

  /** How windows move, for the operations on tensors; padding for causality is in `padded`. */
  protected get window(): {
    readonly strides: readonly number[];
    readonly padding: "valid" | "same";
    readonly dilation: readonly number[];
  } {
    const padding = this.padding === "causal" ? "valid" : this.padding;
    return { strides: this.strides, padding, dilation: this.dilationRate };
  }

  protected spaceAfter(shape: BatchShape): (number | null)[] {
    this.channelsOf(shape);
    return this.kernelSize.map((k, i) => {
      const n = windows(shape[i + 1]!, k, this.strides[i]!, this.padding, this.dilationRate[i]!);
      if (n !== null && n < 1)
        throw new LayerInputError(this.name, `at least as large as its kernel ${showShape(this.kernelSize)}`, shape);
      return n;
    });
  }

  override getConfig(): Config {
    const { given, className } = this;
    return {
      ...super.getConfig(),
      kernel_size: this.kernelSize,
      strides: this.strides,
      padding: this.padding,
      data_format: "channels_last",
      dilation_rate: this.dilationRate,
      activation: this.activation.name,
      use_bias: this.useBias,
      bias_initializer: initializerConfig(resolveInitializer(className, given.biasInitializer ?? "zeros")),
      bias_regularizer: regularizerConfig(resolveRegularizer(className, given.biasRegularizer)),
      bias_constraint: constraintConfig(resolveConstraint(className, given.biasConstraint)),
    };
  }
}

type Kind = "kernel" | "depthwise" | "pointwise";

abstract class Conv extends Convolution {
  readonly filters: number;
  private readonly groups: number;
  private kernel: Weight | null = null;

  constructor(filters: number, kernelSize: PerAxis, options: ConvOptions = {}) {
    super(kernelSize, options);
    this.filters = positive(this.className, "filters", filters);
    this.groups = positive(this.className, "groups", options.groups ?? 1);
    if (this.filters % this.groups !== 0) {
      const message = `${this.groups} groups do not divide ${filters} filters`;
      throw new ArgumentError({ op: this.className, message });
    }
  }

  protected override build(shape: BatchShape, generator: Generator): void {
    const channels = this.channelsOf(shape);
    if (channels % this.groups !== 0) {
      throw new LayerInputError(this.name, `with a number of channels that ${this.groups} groups divide`, shape);
    }
    this.kernel = this.addKernel("kernel", [...this.kernelSize, channels / this.groups, this.filters], generator);
    this.addBias(this.filters, generator);
  }

  override computeOutputShape(shape: BatchShape): BatchShape {
    return [shape[0]!, ...this.spaceAfter(shape), this.filters];
  }

  call(x: Tensor): Tensor {
    const convolve = [conv1d, conv2d, conv3d][this.rank - 1]!;
    const options = { ...this.window, groups: this.groups };
    return this.finish(convolve(this.padded(this.checked(x)), this.kernel!.value, options));
  }

  override getConfig(): Config {
    return { ...super.getConfig(), ...this.kernelConfig("kernel"), filters: this.filters, groups: this.groups };
  }
}

/** A convolution of sequences (None, steps, channels). Weights: kernel (size, in / groups, filters), bias. */
export class Conv1D extends Conv {
  static override readonly className = "Conv1D";
  static override readonly rank = 1;
}

/** A convolution of images (None, rows, columns, channels). Weights: kernel (rows, columns, in, filters), bias. */
export class Conv2D extends Conv {
  static override readonly className = "Conv2D";
  static override readonly rank = 2;
}

/** A convolution of volumes. Weights: kernel (…size, in / groups, filters), bias. */
export class Conv3D extends Conv {
  static override readonly className = "Conv3D";
  static override readonly rank = 3;
}

/** Options of depthwise convolutions. */
export interface DepthwiseOptions extends Omit<ConvLayerOptions, `kernel${string}`> {
  /** Outputs per channel. Default: 1. */
  readonly depthMultiplier?: number;
  /** Default: glorot_uniform. */
  readonly depthwiseInitializer?: InitializerLike;
  readonly depthwiseRegularizer?: RegularizerLike | null;
  readonly depthwiseConstraint?: ConstraintLike | null;
}

/** Options of separable convolutions. */
export interface SeparableOptions extends DepthwiseOptions {
  /** Default: glorot_uniform. */
  readonly pointwiseInitializer?: InitializerLike;
  readonly pointwiseRegularizer?: RegularizerLike | null;
  readonly pointwiseConstraint?: ConstraintLike | null;
}

abstract class Depthwise extends Convolution {
  readonly depthMultiplier: number;

  constructor(kernelSize: PerAxis, options: DepthwiseOptions) {
    super(kernelSize, options);
    this.depthMultiplier = positive(this.className, "depthMultiplier", options.depthMultiplier ?? 1);
  }

  protected depthwiseShape(shape: BatchShape): readonly number[] {
    return [...this.kernelSize, this.channelsOf(shape), this.depthMultiplier];
  }

  /** Every channel convolved by kernels of its own. */
  protected convolveDepth(x: Tensor, kernel: Tensor): Tensor {
    const input = this.padded(this.checked(x));
    if (this.rank === 2) return depthwiseConv2d(input, kernel, this.window);
    // A sequence is an image of one row.
    const { strides, padding, dilation } = this.window;
    const options = { strides: [strides[0]!, strides[0]!], padding, dilation: [1, dilation[0]!] } as const;
    return depthwiseConv2d(input.unsqueeze(1), kernel.unsqueeze(0), options).squeeze(1);
  }

  override getConfig(): Config {
    return { ...super.getConfig(), ...this.kernelConfig("depthwise"), depth_multiplier: this.depthMultiplier };
  }
}

abstract class DepthwiseConv extends Depthwise {
  private kernel: Weight | null = null;

  constructor(kernelSize: PerAxis, options: DepthwiseOptions = {}) {
    super(kernelSize, options);
  }
  protected override build(shape: BatchShape, generator: Generator): void {
    this.kernel = this.addKernel("kernel", this.depthwiseShape(shape), generator, "depthwise");
    this.addBias(this.channelsOf(shape) * this.depthMultiplier, generator);
  }
  override computeOutputShape(shape: BatchShape): BatchShape {
    return [shape[0]!, ...this.spaceAfter(shape), this.channelsOf(shape) * this.depthMultiplier];
  }
  call(x: Tensor): Tensor {
    return this.finish(this.convolveDepth(x, this.kernel!.value));
  }
}

/** Every channel of sequences convolved by kernels of its own. Weights: kernel (size, in, multiplier), bias. */
export class DepthwiseConv1D extends DepthwiseConv {
  static override readonly className = "DepthwiseConv1D";
  static override readonly rank = 1;
}

/** Every channel of images convolved by kernels of its own. Weights: kernel (rows, columns, in, multiplier), bias. */
export class DepthwiseConv2D extends DepthwiseConv {
  static override readonly className = "DepthwiseConv2D";
  static override readonly rank = 2;
}

abstract class SeparableConv extends Depthwise {
  readonly filters: number;
  private depthwise: Weight | null = null;
  private pointwise: Weight | null = null;

  constructor(filters: number, kernelSize: PerAxis, options: SeparableOptions = {}) {
    super(kernelSize, options);
    this.filters = positive(this.className, "filters", filters);
  }
  protected override build(shape: BatchShape, generator: Generator): void {
    const deep = this.channelsOf(shape) * this.depthMultiplier;
    const ones = this.kernelSize.map(() => 1);
    this.depthwise = this.addKernel("depthwise_kernel", this.depthwiseShape(shape), generator, "depthwise");
    this.pointwise = this.addKernel("pointwise_kernel", [...ones, deep, this.filters], generator, "pointwise");
    this.addBias(this.filters, generator);
  }
  override computeOutputShape(shape: BatchShape): BatchShape {
    return [shape[0]!, ...this.spaceAfter(shape), this.filters];
  }
  call(x: Tensor): Tensor {
    const convolve = this.rank === 1 ? conv1d : conv2d;
    return this.finish(convolve(this.convolveDepth(x, this.depthwise!.value), this.pointwise!.value));
  }
  override getConfig(): Config {
    return { ...super.getConfig(), ...this.kernelConfig("pointwise"), filters: this.filters };
  }
}

/** A depthwise convolution of sequences, then one over channels. Weights: depthwise_kernel, pointwise_kernel, bias. */
export class SeparableConv1D extends SeparableConv {
  static override readonly className = "SeparableConv1D";
  static override readonly rank = 1;
}

/** A depthwise convolution of images, then one over channels. Weights: depthwise_kernel, pointwise_kernel, bias. */
export class SeparableConv2D extends SeparableConv {
  static override readonly className = "SeparableConv2D";
  static override readonly rank = 2;
}
