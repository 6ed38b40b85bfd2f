import {
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
  type Generator,
  pad,
  slice,
  type Tensor,
} from "@gradiente/autograd";
import type { Config } from "../config.ts";
import type { BatchShape, Weight } from "../module.ts";
import { type ConvLayerOptions, Convolution, type PerAxis, perAxis, positive } from "./convolution.ts";

/** Options of transposed convolutions. */
export interface ConvTransposeLayerOptions extends ConvLayerOptions {
  /** How much longer each axis of the output is than the shortest it could be. Default: as Keras' padding says. */
  readonly outputPadding?: PerAxis | null;
}

abstract class ConvTranspose extends Convolution {
  readonly filters: number;
  readonly outputPadding: readonly number[] | null;
  private kernel: Weight | null = null;

  constructor(filters: number, kernelSize: PerAxis, options: ConvTransposeLayerOptions = {}) {
    super(kernelSize, options);
    this.filters = positive(this.className, "filters", filters);
    const { outputPadding = null } = options;
    this.outputPadding = outputPadding === null ? null : perAxis(outputPadding, this.rank);
  }

  protected override build(shape: BatchShape, generator: Generator): void {
    this.kernel = this.addKernel("kernel", [...this.kernelSize, this.filters, this.channelsOf(shape)], generator);
    this.addBias(this.filters, generator);
  }

  /** Which part of the full transpose along an axis is the output: zeros may be missing at its end. */
  private range(n: number, i: number): { readonly start: number; readonly stop: number } {
    const s = this.strides[i]!;
    const k = this.dilationRate[i]! * (this.kernelSize[i]! - 1) + 1;
    const extra = this.outputPadding?.[i] ?? null;
    if (this.padding !== "same") return { start: 0, stop: (n - 1) * s + (extra === null ? Math.max(k, s) : k + extra) };
    const around = extra === null ? s + k - 2 : k + (k % 2) - 2 + extra;
    const start = k - 1 - Math.min(Math.ceil(around / 2), k - 1);
    return { start, stop: start + (n - 1) * s + around - k + 2 };
  }

  override computeOutputShape(shape: BatchShape): BatchShape {
    this.channelsOf(shape);
    const space = shape.slice(1, -1).map((n, i) => {
      if (n === null) return null;
      const { start, stop } = this.range(n, i);
      return stop - start;
    });
    return [shape[0]!, ...space, this.filters];
  }

  call(x: Tensor): Tensor {
    const input = this.checked(x);
    const transpose = [convTranspose1d, convTranspose2d, convTranspose3d][this.rank - 1]!;
    const full = transpose(input, this.kernel!.value, { strides: this.strides, dilation: this.dilationRate });
    const ranges = input.shape.slice(1, -1).map((n, i) => this.range(n, i));
    const missing = ranges.map(({ stop }, i) => [0, Math.max(0, stop - full.shape[i + 1]!)] as const);
    const long = missing.some(([, n]) => n > 0) ? pad(full, [[0, 0], ...missing, [0, 0]]) : full;
    return this.finish(slice(long, [null, ...ranges]));
  }

  override getConfig(): Config {
    const { filters, outputPadding } = this;
    return { ...super.getConfig(), ...this.kernelConfig("kernel"), filters, output_padding: outputPadding };
  }
}

/** The transpose of a convolution of sequences. Weights: kernel (size, filters, in), bias. */
export class Conv1DTranspose extends ConvTranspose {
  static override readonly className = "Conv1DTranspose";
  static override readonly rank = 1;
}

/** The transpose of a convolution of images. Weights: kernel (rows, columns, filters, in), bias. */
export class Conv2DTranspose extends ConvTranspose {
  static override readonly className = "Conv2DTranspose";
  static override readonly rank = 2;
}

/** The transpose of a convolution of volumes. Weights: kernel (…size, filters, in), bias. */
export class Conv3DTranspose extends ConvTranspose {
  static override readonly className = "Conv3DTranspose";
  static override readonly rank = 3;
}
