import {
  conv1d,
  conv2d,
  conv3d,
  convTranspose1d,
  convTranspose2d,
  depthwiseConv2d,
  type Generator,
  pad,
  slice,
  type Tensor,
} from "@gradiente/autograd";
import { type ActivationLike, type ResolvedActivation, resolveActivation } from "../activations/activation.ts";
import type { Config } from "../config.ts";
import { type ConstraintLike, constraintConfig, resolveConstraint } from "../constraints/constraint.ts";
import { LayerInputError, showShape } from "../errors.ts";
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
  /** Default: 1. */
  readonly groups?: number;
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

export function perAxis(value: PerAxis, rank: number): readonly number[] {
  return typeof value === "number" ? new Array<number>(rank).fill(value) : value;
}

/** Number of windows along one axis. */
export function windows(n: number | null, size: number, stride: number, padding: string, dilation = 1): number | null {
  if (n === null) return null;
  return padding === "valid" ? Math.floor((n - dilation * (size - 1) - 1) / stride) + 1 : Math.ceil(n / stride);
}

/** What convolving layers of any rank share. Input: (None, …space, channels). */
abstract class Convolution extends Layer {
  readonly spaceRank: number;
  readonly kernelSize: readonly number[];
  readonly strides: readonly number[];
  readonly dilationRate: readonly number[];
  readonly padding: "valid" | "same" | "causal";
  readonly activation: ResolvedActivation;
  readonly useBias: boolean;
  protected readonly given: ConvLayerOptions;
  protected bias: Weight | null = null;

  constructor(spaceRank: number, kernelSize: PerAxis, options: ConvLayerOptions) {
    super(options);
    this.spaceRank = spaceRank;
    this.kernelSize = perAxis(kernelSize, spaceRank);
    this.strides = perAxis(options.strides ?? 1, spaceRank);
    this.dilationRate = perAxis(options.dilationRate ?? 1, spaceRank);
    this.padding = options.padding ?? "valid";
    this.activation = resolveActivation(this.className, options.activation);
    this.useBias = options.useBias ?? true;
    this.given = options;
  }

  protected channelsOf(shape: BatchShape): number {
    const channels = shape.at(-1);
    if (shape.length !== this.spaceRank + 2 || channels === null || channels === undefined) {
      const space = new Array<null>(this.spaceRank + 1).fill(null);
      throw new LayerInputError(this.name, `${showShape(space).slice(0, -1).replace(/,$/, "")}, channels)`, shape);
    }
    return channels;
  }

  protected addKernel(name: string, shape: readonly number[], generator: Generator): Weight {
    const { given, className } = this;
    return this.addWeight(
      {
        name,
        shape,
        initializer: resolveInitializer(className, given.kernelInitializer ?? "glorot_uniform"),
        regularizer: resolveRegularizer(className, given.kernelRegularizer),
        constraint: resolveConstraint(className, given.kernelConstraint),
      },
      generator,
    );
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
    if (x.rank !== this.spaceRank + 2 || (expected !== null && x.shape.at(-1) !== expected.at(-1))) {
      throw new LayerInputError(this.name, showShape(expected ?? []), x.shape);
    }
    return this.asFloat(x);
  }

  protected finish(x: Tensor): Tensor {
    return this.activation.apply(this.bias === null ? x : x.add(this.bias.value));
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
      groups: given.groups ?? 1,
      activation: this.activation.name,
      use_bias: this.useBias,
      kernel_initializer: initializerConfig(resolveInitializer(className, given.kernelInitializer ?? "glorot_uniform")),
      bias_initializer: initializerConfig(resolveInitializer(className, given.biasInitializer ?? "zeros")),
      kernel_regularizer: regularizerConfig(resolveRegularizer(className, given.kernelRegularizer)),
      bias_regularizer: regularizerConfig(resolveRegularizer(className, given.biasRegularizer)),
      kernel_constraint: constraintConfig(resolveConstraint(className, given.kernelConstraint)),
      bias_constraint: constraintConfig(resolveConstraint(className, given.biasConstraint)),
    };
  }
}

abstract class Conv extends Convolution {
  readonly filters: number;
  private kernel: Weight | null = null;

  constructor(rank: number, filters: number, kernelSize: PerAxis, options: ConvLayerOptions) {
    super(rank, kernelSize, options);
    this.filters = filters;
  }

  protected override build(shape: BatchShape, generator: Generator): void {
    const channels = this.channelsOf(shape) / (this.given.groups ?? 1);
    this.kernel = this.addKernel("kernel", [...this.kernelSize, channels, this.filters], generator);
    this.addBias(this.filters, generator);
  }

  override computeOutputShape(shape: BatchShape): BatchShape {
    return [shape[0]!, ...this.spaceAfter(shape), this.filters];
  }

  call(x: Tensor): Tensor {
    let input = this.checked(x);
    if (this.padding === "causal") {
      input = pad(input, [
        [0, 0],
        [this.dilationRate[0]! * (this.kernelSize[0]! - 1), 0],
        [0, 0],
      ]);
    }
    const convolve = this.spaceRank === 1 ? conv1d : this.spaceRank === 2 ? conv2d : conv3d;
    const options = {
      strides: this.strides,
      padding: this.padding === "causal" ? "valid" : this.padding,
      dilation: this.dilationRate,
      groups: this.given.groups ?? 1,
    } as const;
    return this.finish(convolve(input, this.kernel!.value, options));
  }

  override getConfig(): Config {
    return { ...super.getConfig(), filters: this.filters };
  }
}

/** A convolution of sequences (None, steps, channels). Weights: kernel (size, in, filters), bias. */
export class Conv1D extends Conv {
  static override readonly className = "Conv1D";
  constructor(filters: number, kernelSize: PerAxis, options: ConvLayerOptions = {}) {
    super(1, filters, kernelSize, options);
  }
}

/** A convolution of images (None, rows, columns, channels). Weights: kernel (rows, columns, in, filters), bias. */
export class Conv2D extends Conv {
  static override readonly className = "Conv2D";
  constructor(filters: number, kernelSize: PerAxis, options: ConvLayerOptions = {}) {
    super(2, filters, kernelSize, options);
  }
}

/** A convolution of volumes. */
export class Conv3D extends Conv {
  static override readonly className = "Conv3D";
  constructor(filters: number, kernelSize: PerAxis, options: ConvLayerOptions = {}) {
    super(3, filters, kernelSize, options);
  }
}

abstract class ConvTranspose extends Convolution {
  readonly filters: number;
  private kernel: Weight | null = null;

  constructor(rank: number, filters: number, kernelSize: PerAxis, options: ConvLayerOptions) {
    super(rank, kernelSize, options);
    this.filters = filters;
  }

  protected override build(shape: BatchShape, generator: Generator): void {
    this.kernel = this.addKernel("kernel", [...this.kernelSize, this.filters, this.channelsOf(shape)], generator);
    this.addBias(this.filters, generator);
  }

  private lengthAfter(n: number, i: number): number {
    const [k, s] = [this.kernelSize[i]!, this.strides[i]!];
    return this.padding === "same" ? n * s : n * s + Math.max(k - s, 0);
  }

  override computeOutputShape(shape: BatchShape): BatchShape {
    this.channelsOf(shape);
    const space = shape.slice(1, -1).map((n, i) => (n === null ? null : this.lengthAfter(n, i)));
    return [shape[0]!, ...space, this.filters];
  }

  call(x: Tensor): Tensor {
    const input = this.checked(x);
    const transpose = this.spaceRank === 1 ? convTranspose1d : convTranspose2d;
    const full = transpose(input, this.kernel!.value, { strides: this.strides });
    const wanted = input.shape.slice(1, -1).map((n, i) => this.lengthAfter(n, i));
    // What "same" cuts off, half at each end; windows smaller than their stride leave a rest of zeros instead.
    const starts = wanted.map((n, i) => Math.max(0, Math.floor((full.shape[i + 1]! - n) / 2)));
    const rest = wanted.map((n, i) => Math.max(0, n - full.shape[i + 1]!));
    const padded = rest.some((r) => r > 0) ? pad(full, [[0, 0], ...rest.map((r) => [0, r] as const), [0, 0]]) : full;
    return this.finish(slice(padded, [null, ...wanted.map((n, i) => ({ start: starts[i]!, stop: starts[i]! + n }))]));
  }

  override getConfig(): Config {
    const { groups: _, ...config } = super.getConfig();
    return { ...config, filters: this.filters, output_padding: null };
  }
}

/** The transpose of a convolution of sequences. Weights: kernel (size, filters, in), bias. */
export class Conv1DTranspose extends ConvTranspose {
  static override readonly className = "Conv1DTranspose";
  constructor(filters: number, kernelSize: PerAxis, options: ConvLayerOptions = {}) {
    super(1, filters, kernelSize, options);
  }
}

/** The transpose of a convolution of images. Weights: kernel (rows, columns, filters, in), bias. */
export class Conv2DTranspose extends ConvTranspose {
  static override readonly className = "Conv2DTranspose";
  constructor(filters: number, kernelSize: PerAxis, options: ConvLayerOptions = {}) {
    super(2, filters, kernelSize, options);
  }
}

/** Options of depthwise convolutions. */
export interface DepthwiseOptions extends ConvLayerOptions {
  /** Outputs per channel. Default: 1. */
  readonly depthMultiplier?: number;
  readonly depthwiseInitializer?: InitializerLike;
  readonly pointwiseInitializer?: InitializerLike;
}

/** Every channel convolved by kernels of its own. Weights: kernel (rows, columns, in, multiplier), bias. */
export class DepthwiseConv2D extends Convolution {
  static override readonly className = "DepthwiseConv2D";
  readonly depthMultiplier: number;
  private kernel: Weight | null = null;

  constructor(kernelSize: PerAxis, options: DepthwiseOptions = {}) {
    super(2, kernelSize, { ...options, kernelInitializer: options.depthwiseInitializer ?? "glorot_uniform" });
    this.depthMultiplier = options.depthMultiplier ?? 1;
  }
  protected override build(shape: BatchShape, generator: Generator): void {
    const channels = this.channelsOf(shape);
    this.kernel = this.addKernel("kernel", [...this.kernelSize, channels, this.depthMultiplier], generator);
    this.addBias(channels * this.depthMultiplier, generator);
  }
  override computeOutputShape(shape: BatchShape): BatchShape {
    return [shape[0]!, ...this.spaceAfter(shape), this.channelsOf(shape) * this.depthMultiplier];
  }
  call(x: Tensor): Tensor {
    const options = { strides: this.strides, padding: this.padding as "same", dilation: this.dilationRate };
    return this.finish(depthwiseConv2d(this.checked(x), this.kernel!.value, options));
  }
  override getConfig(): Config {
    const { kernel_initializer, ...config } = super.getConfig();
    return { ...config, depth_multiplier: this.depthMultiplier, depthwise_initializer: kernel_initializer! };
  }
}

/** A depthwise convolution, then one over channels. Weights: depthwise_kernel, pointwise_kernel, bias. */
export class SeparableConv2D extends Convolution {
  static override readonly className = "SeparableConv2D";
  readonly filters: number;
  readonly depthMultiplier: number;
  private depthwise: Weight | null = null;
  private pointwise: Weight | null = null;

  constructor(filters: number, kernelSize: PerAxis, options: DepthwiseOptions = {}) {
    super(2, kernelSize, options);
    this.filters = filters;
    this.depthMultiplier = options.depthMultiplier ?? 1;
  }
  protected override build(shape: BatchShape, generator: Generator): void {
    const channels = this.channelsOf(shape);
    const deep = channels * this.depthMultiplier;
    this.depthwise = this.addKernel(
      "depthwise_kernel",
      [...this.kernelSize, channels, this.depthMultiplier],
      generator,
    );
    this.pointwise = this.addKernel("pointwise_kernel", [1, 1, deep, this.filters], generator);
    this.addBias(this.filters, generator);
  }
  override computeOutputShape(shape: BatchShape): BatchShape {
    return [shape[0]!, ...this.spaceAfter(shape), this.filters];
  }
  call(x: Tensor): Tensor {
    const options = { strides: this.strides, padding: this.padding as "same", dilation: this.dilationRate };
    const deep = depthwiseConv2d(this.checked(x), this.depthwise!.value, options);
    return this.finish(conv2d(deep, this.pointwise!.value));
  }
  override getConfig(): Config {
    return { ...super.getConfig(), filters: this.filters, depth_multiplier: this.depthMultiplier };
  }
}
