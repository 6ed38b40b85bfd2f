import { moveAxis, pad, slice, type Tensor, take, tensor } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { LayerInputError, unknownName } from "../errors.ts";
import { type BatchShape, Layer, type LayerOptions } from "../module.ts";
import { checkOptionNames } from "../option-checks.ts";
import { positive } from "./convolution.ts";

/** @internal */
export const interpolations = ["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"] as const;

/** How values between pixels are found: bicubic is Keys' with a = −½. */
export type Interpolation = (typeof interpolations)[number];

/** Options of {@link resizeImages}. */
export interface ResizeOptions {
  /** Default: "bilinear". */
  readonly interpolation?: Interpolation;
  /** Whether pixels are averaged where images shrink. Default: false. */
  readonly antialias?: boolean;
}

/** Weights at a distance from a pixel's centre. */
const kernels: Readonly<Record<Exclude<Interpolation, "nearest">, (d: number) => number>> = {
  bilinear: (d) => Math.max(0, 1 - d),
  bicubic: (d) => {
    if (d >= 2) return 0;
    return d < 1 ? (1.5 * d - 2.5) * d * d + 1 : ((-0.5 * d + 2.5) * d - 4) * d + 2;
  },
  lanczos3: (d) => lanczos(3, d),
  lanczos5: (d) => lanczos(5, d),
};

function lanczos(radius: number, d: number): number {
  if (d >= radius) return 0;
  const x = Math.PI * d;
  return x === 0 ? 1 : (radius * Math.sin(x) * Math.sin(x / radius)) / (x * x);
}

/** How much each of `from` pixels counts for each of `to`, measured between centres; each row adds up to 1. */
function weights(
  from: number,
  to: number,
  method: Exclude<Interpolation, "nearest">,
  antialias: boolean,
): Float64Array {
  const data = new Float64Array(to * from);
  const step = from / to;
  const width = antialias ? Math.max(step, 1) : 1;
  for (let i = 0; i < to; i++) {
    const at = (i + 0.5) * step - 0.5;
    const row = data.subarray(i * from, (i + 1) * from);
    let total = 0;
    for (let j = 0; j < from; j++) {
      row[j] = kernels[method](Math.abs(at - j) / width);
      total += row[j]!;
    }
    for (let j = 0; j < from; j++) row[j]! /= total;
  }
  return data;
}

/**
 * Images (samples, rows, columns, channels) at another size.
 *
 * @example
 * ```ts
 * resizeImages(ones([1, 4, 4, 3]), 2, 8).shape; // [1, 2, 8, 3]
 * ```
 */
export function resizeImages(x: Tensor, rows: number, columns: number, options: ResizeOptions = {}): Tensor {
  checkOptionNames("resizeImages", options, ["interpolation", "antialias"]);
  return resized(x, rows, columns, options);
}

/** {@link resizeImages} with options among which there may be others. */
function resized(x: Tensor, rows: number, columns: number, options: ResizeOptions): Tensor {
  const { interpolation = "bilinear", antialias = false } = options;
  if (!interpolations.includes(interpolation)) {
    throw unknownName("resizeImages", "interpolation", interpolation, interpolations);
  }
  return [rows, columns].reduce((y, to, i) => {
    const axis = i + 1;
    const from = y.shape[axis]!;
    if (from === to) return y;
    if (interpolation === "nearest") {
      const places = Int32Array.from({ length: to }, (_, k) => Math.floor(((k + 0.5) * from) / to));
      return take(y, tensor(places), { axis });
    }
    const matrix = tensor({ data: weights(from, to, interpolation, antialias), shape: [from === 0 ? 0 : to, from] });
    return moveAxis(moveAxis(y, axis, -1).matmul(matrix.cast(y.dtype).transpose()), -1, axis);
  }, x);
}

/** The largest part of an image that has the proportions of `rows` × `columns`. */
function largestWindow(height: number, width: number, rows: number, columns: number): readonly [number, number] {
  const tall = Math.max(1, Math.min(height, Math.trunc((width * rows) / columns)));
  const wide = Math.max(1, Math.min(width, Math.trunc((height * columns) / rows)));
  return [tall, wide];
}

/** The middle of images, `rows` × `columns`. */
function middle(x: Tensor, rows: number, columns: number): Tensor {
  const top = Math.trunc((x.shape[1]! - rows) / 2);
  const left = Math.trunc((x.shape[2]! - columns) / 2);
  return slice(x, [null, { start: top, stop: top + rows }, { start: left, stop: left + columns }]);
}

/** The middle of images in the proportions of `rows` × `columns`, brought to that size. */
export function fittedMiddle(x: Tensor, rows: number, columns: number, options: ResizeOptions = {}): Tensor {
  const [tall, wide] = largestWindow(x.shape[1]!, x.shape[2]!, rows, columns);
  return resized(middle(x, tall, wide), rows, columns, options);
}

/** @throws {LayerInputError} for anything but images. */
export function checkImages(layer: string, shape: BatchShape): void {
  if (shape.length !== 4) throw new LayerInputError(layer, "(None, rows, columns, channels)", shape);
}

/** Layers that give images of a fixed size. */
abstract class FixedSize extends Layer {
  readonly height: number;
  readonly width: number;
  constructor(height: number, width: number, options: LayerOptions) {
    super(options);
    this.height = positive(this.className, "height", height);
    this.width = positive(this.className, "width", width);
  }
  override computeOutputShape(shape: BatchShape): BatchShape {
    checkImages(this.name, shape);
    return [shape[0]!, this.height, this.width, shape[3]!];
  }
  override getConfig(): Config {
    return { ...super.getConfig(), height: this.height, width: this.width, data_format: "channels_last" };
  }
}

/** Options of {@link Resizing}. */
export interface ResizingOptions extends LayerOptions, ResizeOptions {
  /** Cut off what does not fit the new proportions, instead of distorting. Default: false. */
  readonly cropToAspectRatio?: boolean;
  /** Add borders where proportions do not fit. Default: false. */
  readonly padToAspectRatio?: boolean;
  /** What borders hold. Default: 0. */
  readonly fillValue?: number;
}

/** Images brought to `height` × `width`. */
export class Resizing extends FixedSize {
  static override readonly className = "Resizing";
  readonly options: ResizingOptions;
  constructor(height: number, width: number, options: ResizingOptions = {}) {
    super(height, width, options);
    this.options = options;
    const { interpolation = "bilinear" } = options;
    if (!interpolations.includes(interpolation)) {
      throw unknownName("Resizing", "interpolation", interpolation, interpolations);
    }
  }
  call(x: Tensor): Tensor {
    const { cropToAspectRatio, padToAspectRatio, fillValue = 0 } = this.options;
    const input = this.asFloat(x);
    if (cropToAspectRatio) return fittedMiddle(input, this.height, this.width, this.options);
    if (!padToAspectRatio) return resized(input, this.height, this.width, this.options);
    const [rows, columns] = input.shape.slice(1, 3) as [number, number];
    const tall = Math.max(rows, Math.trunc((columns * this.height) / this.width));
    const wide = Math.max(columns, Math.trunc((rows * this.width) / this.height));
    const [top, left] = [Math.trunc((tall - rows) / 2), Math.trunc((wide - columns) / 2)];
    // As in Keras, the same at both ends.
    const around = [
      [0, 0],
      [top, top],
      [left, left],
      [0, 0],
    ] as const;
    return resized(pad(input, around, { value: fillValue }), this.height, this.width, this.options);
  }
  override getConfig(): Config {
    const { interpolation, cropToAspectRatio, padToAspectRatio, fillValue, antialias } = this.options;
    return {
      ...super.getConfig(),
      interpolation: interpolation ?? "bilinear",
      crop_to_aspect_ratio: cropToAspectRatio ?? false,
      pad_to_aspect_ratio: padToAspectRatio ?? false,
      fill_mode: "constant",
      fill_value: fillValue ?? 0,
      antialias: antialias ?? false,
    };
  }
}

/** The middle `height` × `width` of images; smaller images are enlarged so that their middle fills it. */
export class CenterCrop extends FixedSize {
  static override readonly className = "CenterCrop";
  constructor(height: number, width: number, options: LayerOptions = {}) {
    super(height, width, options);
  }
  call(x: Tensor): Tensor {
    const input = this.asFloat(x);
    const [rows, columns] = input.shape.slice(1, 3) as [number, number];
    const fits = rows >= this.height && columns >= this.width;
    return fits ? middle(input, this.height, this.width) : fittedMiddle(input, this.height, this.width);
  }
}
