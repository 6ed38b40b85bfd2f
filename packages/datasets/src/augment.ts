import { Dataset, planOf } from "./dataset.ts";
import { ArgumentError, PipelineError, requireKnownOptions } from "./errors.ts";
import { allocateLike, isNdArray, type NdArray, sizeOf, type TypedArray } from "./nd-array.ts";
import { epochMapPlan } from "./pipeline/transform.ts";
import { cos, sin } from "./portable-math.ts";
import { Random } from "./random.ts";

/**
 * Random changes to batches of images. Each image's changes follow from the seed, the number of the pass, of the batch
 * and of the image within it, so they are the same whoever works on which batch first.
 */

export interface AugmentOptions {
  /** Fixes all changes; required, because a forgotten one cannot be repeated. */
  readonly seed: number;
  /** Mirror left and right, up and down or both, each with probability one half; default no. */
  readonly flip?: "horizontal" | "vertical" | "both";
  /** Move by up to this share of width and height; default 0. */
  readonly shift?: number;
  /** Turn by up to this many degrees; default 0. */
  readonly rotate?: number;
  /** Enlarge or shrink by a factor between 1 − zoom and 1 + zoom; default 0, less than 1. */
  readonly zoom?: number;
  /** Stretch the values about their mean by a factor between 1 − contrast and 1 + contrast; default 0. */
  readonly contrast?: number;
  /** Add up to this share of the range of values, or take it away; default 0. */
  readonly brightness?: number;
  /** Add normal noise with this share of the range as standard deviation; default 0. */
  readonly noise?: number;
  /** Blank out a square of this share of the shorter side at a random place; default 0. */
  readonly cutout?: number;
  /** Blend each image and its label with another of the batch, by a weight from Beta(mixup, mixup), at most 4; default 0: do not. */
  readonly mixup?: number;
  /** Number of classes; needed to mix labels that are class numbers. `y` becomes float32 [batch, classes]. */
  readonly classes?: number;
  /** Value beyond the edge of an image and in cut-out squares; default 0. */
  readonly fill?: number;
  /** Smallest and largest value; default [0, 255] for integers and [0, 1] for floats. */
  readonly range?: readonly [number, number];
}

const OPTIONS: readonly (keyof AugmentOptions)[] = [
  "seed",
  "flip",
  "shift",
  "rotate",
  "zoom",
  "contrast",
  "brightness",
  "noise",
  "cutout",
  "mixup",
  "classes",
  "fill",
  "range",
];

/** A batch: `x` [batch, height, width] or [batch, height, width, channels], and perhaps labels. */
export interface ImageBatch {
  readonly x: NdArray;
  readonly y?: NdArray;
}

interface Frame {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly fill: number;
  readonly low: number;
  readonly high: number;
}

function symmetric(random: Random, reach: number): number {
  return reach === 0 ? 0 : random.between(-reach, reach);
}

/** Flip, shift, turn and zoom in one look-up of each pixel, between four neighbours. */
function move(source: Float64Array, target: Float64Array, frame: Frame, random: Random, options: AugmentOptions): void {
  const { height, width, channels, fill } = frame;
  const { flip, shift = 0, rotate = 0, zoom = 0 } = options;
  const mirrorX = (flip === "horizontal" || flip === "both") && random.float() < 0.5 ? -1 : 1;
  const mirrorY = (flip === "vertical" || flip === "both") && random.float() < 0.5 ? -1 : 1;
  const moveX = symmetric(random, shift) * width;
  const moveY = symmetric(random, shift) * height;
  const angle = (symmetric(random, rotate) * Math.PI) / 180;
  const scale = 1 + symmetric(random, zoom);
  const c = cos(angle) / scale;
  const s = sin(angle) / scale;
  const centreX = (width - 1) / 2;
  const centreY = (height - 1) / 2;
  const value = (x: number, y: number, channel: number): number =>
    x < 0 || y < 0 || x >= width || y >= height ? fill : source[(y * width + x) * channels + channel]!;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const dx = x - centreX - moveX;
      const dy = y - centreY - moveY;
      const fromX = centreX + mirrorX * (c * dx + s * dy);
      const fromY = centreY + mirrorY * (c * dy - s * dx);
      const x0 = Math.floor(fromX);
      const y0 = Math.floor(fromY);
      const fx = fromX - x0;
      const fy = fromY - y0;
      for (let channel = 0; channel < channels; channel++) {
        const top =
          fx === 0 ? value(x0, y0, channel) : (1 - fx) * value(x0, y0, channel) + fx * value(x0 + 1, y0, channel);
        const bottom =
          fy === 0 ? 0 : (1 - fx) * value(x0, y0 + 1, channel) + (fx === 0 ? 0 : fx * value(x0 + 1, y0 + 1, channel));
        target[(y * width + x) * channels + channel] = fy === 0 ? top : (1 - fy) * top + fy * bottom;
      }
    }
  }
}

function shade(image: Float64Array, frame: Frame, random: Random, options: AugmentOptions): void {
  const { contrast = 0, brightness = 0, noise = 0 } = options;
  const { low, high } = frame;
  const factor = 1 + symmetric(random, contrast);
  const added = symmetric(random, brightness) * (high - low);
  const mean = contrast === 0 ? 0 : image.reduce((sum, value) => sum + value, 0) / image.length;
  for (let i = 0; i < image.length; i++) {
    let value = mean + (image[i]! - mean) * factor + added;
    if (noise > 0) value += noise * (high - low) * random.normal();
    image[i] = Math.min(high, Math.max(low, value));
  }
}

function cutOut(image: Float64Array, frame: Frame, random: Random, share: number): void {
  const { height, width, channels, fill } = frame;
  const side = Math.max(1, Math.round(share * Math.min(height, width)));
  const left = random.int(width - side + 1);
  const top = random.int(height - side + 1);
  for (let y = top; y < top + side; y++) {
    image.fill(fill, (y * width + left) * channels, (y * width + left + side) * channels);
  }
}

/** A weight from Beta(a, a), by Jöhnk's method; quick for the small a that mixup uses. */
function betaWeight(random: Random, a: number): number {
  if (a === 1) return random.float();
  for (;;) {
    // The power is that of the engine; weights may differ in the last bit between engines, which pixels do not show.
    const u = random.float() ** (1 / a);
    const v = random.float() ** (1 / a);
    if (u + v <= 1 && u + v > 0) return u / (u + v);
  }
}

function labelsToMix(y: NdArray, count: number, classes: number | undefined): { data: Float32Array; width: number } {
  if (y.shape.length === 2) return { data: Float32Array.from(y.data), width: y.shape[1]! };
  if (classes === undefined || y.shape.length !== 1) {
    throw new ArgumentError("labels that are class numbers can be mixed only as probabilities", {
      field: "classes",
      expected: "the number of classes, for y of shape [batch]; or y of shape [batch, classes]",
      found: `y [${y.shape.join(", ")}], classes ${classes}`,
    });
  }
  const data = new Float32Array(count * classes);
  for (const [i, label] of y.data.entries()) {
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      throw new PipelineError("augmentImages", "a label for which there is no class", {
        field: "y",
        index: i,
        expected: `0 to ${classes - 1}`,
        found: String(label),
      });
    }
    data[i * classes + label] = 1;
  }
  return { data, width: classes };
}

function frameOf(x: NdArray, options: AugmentOptions): Frame {
  const [, height, width, channels = 1] = x.shape;
  if (height === undefined || width === undefined || x.shape.length > 4) {
    throw new PipelineError("augmentImages", "this is no batch of images", {
      field: "x",
      expected: "[batch, height, width] or [batch, height, width, channels]",
      found: `[${x.shape.join(", ")}]`,
      hint: "Put .batch(n) before it.",
    });
  }
  const float = x.data instanceof Float32Array || x.data instanceof Float64Array;
  const [low, high] = options.range ?? (float ? [0, 1] : [0, 255]);
  return { height, width, channels, fill: options.fill ?? 0, low, high };
}

function augmentBatch<B extends ImageBatch>(batch: B, options: AugmentOptions, keys: readonly number[]): B {
  if (!isNdArray(batch.x)) {
    throw new PipelineError("augmentImages", "the elements have no images", { field: "x", expected: "an array" });
  }
  const frame = frameOf(batch.x, options);
  const count = batch.x.shape[0]!;
  const size = sizeOf(batch.x.shape.slice(1));
  const images = new Float64Array(count * size);
  const source = new Float64Array(size);
  const { shift = 0, rotate = 0, zoom = 0, contrast = 0, brightness = 0, noise = 0, cutout = 0, mixup = 0 } = options;
  const moves = options.flip !== undefined || shift > 0 || rotate > 0 || zoom > 0;
  const shades = contrast > 0 || brightness > 0 || noise > 0;
  for (let i = 0; i < count; i++) {
    const random = new Random(...keys, i);
    const image = images.subarray(i * size, (i + 1) * size);
    source.set(batch.x.data.subarray(i * size, (i + 1) * size));
    if (moves) move(source, image, frame, random, options);
    else image.set(source);
    if (shades) shade(image, frame, random, options);
    if (cutout > 0) cutOut(image, frame, random, cutout);
  }
  const data = allocateLike<TypedArray>(batch.x.data, count * size);
  const rounds = !(data instanceof Float32Array || data instanceof Float64Array);
  let y = batch.y;
  if (mixup > 0) {
    const random = new Random(...keys, -1);
    const partners = random.permutation(count);
    const labels = y && labelsToMix(y, count, options.classes);
    const mixed = labels && new Float32Array(labels.data.length);
    for (let i = 0; i < count; i++) {
      const weight = betaWeight(random, mixup);
      const other = partners[i]!;
      for (let k = 0; k < size; k++) {
        const value = weight * images[i * size + k]! + (1 - weight) * images[other * size + k]!;
        data[i * size + k] = rounds ? Math.round(value) : value;
      }
      if (!labels || !mixed) continue;
      for (let k = 0; k < labels.width; k++) {
        mixed[i * labels.width + k] =
          weight * labels.data[i * labels.width + k]! + (1 - weight) * labels.data[other * labels.width + k]!;
      }
    }
    if (labels && mixed) y = { data: mixed, shape: [count, labels.width] };
  } else {
    for (let k = 0; k < data.length; k++) data[k] = rounds ? Math.round(images[k]!) : images[k]!;
  }
  const x: NdArray = { data, shape: batch.x.shape.slice() };
  return y === undefined ? { ...batch, x } : { ...batch, x, y };
}

/**
 * Changes batches of images at random; labels change only with `mixup`. Element types stay what they are. Put it after
 * `batch`, and after any `cache`.
 *
 * @example
 * const batches = augmentImages(train.shuffle(10_000, { seed: 7 }).batch(32), { seed: 7, flip: "horizontal", shift: 0.1 });
 * @throws ArgumentError for options that cannot be meant.
 * @throws PipelineError (in the pass) for elements that are no batches of images.
 */
export function augmentImages<B extends ImageBatch>(batches: Dataset<B>, options: AugmentOptions): Dataset<B> {
  requireKnownOptions("augmentImages", options, OPTIONS);
  if (options.seed === undefined) {
    throw new ArgumentError("a seed is needed", { field: "seed", expected: "any integer" });
  }
  new Random(options.seed);
  for (const field of ["shift", "rotate", "zoom", "contrast", "brightness", "noise", "cutout", "mixup"] as const) {
    const value = options[field] ?? 0;
    const most = field === "cutout" ? 1 : field === "zoom" ? 0.99 : field === "mixup" ? 4 : Number.MAX_VALUE;
    if (Number.isFinite(value) && value >= 0 && value <= most) continue;
    throw new ArgumentError("not usable", {
      field,
      expected: most === Number.MAX_VALUE ? "a number of at least 0" : `a number from 0 to ${most}`,
      found: String(value),
    });
  }
  if (options.flip !== undefined && !["horizontal", "vertical", "both"].includes(options.flip)) {
    throw new ArgumentError("unknown value", {
      field: "flip",
      expected: '"horizontal", "vertical" or "both"',
      found: JSON.stringify(options.flip),
    });
  }
  return new Dataset(
    epochMapPlan(
      planOf(batches),
      `augment(${JSON.stringify(options)})`,
      (epoch) => (batch, index) => augmentBatch(batch, options, [options.seed, ...epoch, index]),
    ),
  );
}
