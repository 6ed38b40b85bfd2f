import { Dataset } from "../dataset.ts";
import { ArgumentError, requireInteger, requireKnownOptions } from "../errors.ts";
import type { NdArray } from "../nd-array.ts";
import { cos, sin } from "../portable-math.ts";
import { Random } from "../random.ts";

/** Small data sets made on the spot. The same seed gives the same numbers on every machine. */

/** A point, float32 [features], and the number of its class, uint8 []. */
export interface ClassifiedPoint {
  readonly x: NdArray<Float32Array>;
  readonly y: NdArray<Uint8Array>;
}

/** Numbers, float32 of any shape, and a number to predict, float32 []. */
export interface RegressionSample {
  readonly x: NdArray<Float32Array>;
  readonly y: NdArray<Float32Array>;
}

export interface GeneratorOptions {
  /** Fixes every number; default 0. */
  readonly seed?: number;
}

export interface NoisyOptions extends GeneratorOptions {
  /** Standard deviation of the normal noise added to each coordinate. */
  readonly noise?: number;
}

function requireNumber(field: string, value: number, least: number): void {
  if (Number.isFinite(value) && value >= least) return;
  throw new ArgumentError("not usable", { field, expected: `a number of at least ${least}`, found: String(value) });
}

function classified(
  count: number,
  features: number,
  point: (i: number, into: Float32Array) => number,
): Dataset<ClassifiedPoint> {
  requireInteger("count", count, 1);
  const x = new Float32Array(count * features);
  const y = new Uint8Array(count);
  for (let i = 0; i < count; i++) y[i] = point(i, x.subarray(i * features, (i + 1) * features));
  return Dataset.fromArrays({ x: { data: x, shape: [count, features] }, y: { data: y, shape: [count] } });
}

/** Points around a place in the plane, class by class in turn. */
function planar(
  count: number,
  classes: number,
  noise: number,
  seed: number,
  place: (label: number, random: Random) => readonly [number, number],
): Dataset<ClassifiedPoint> {
  requireNumber("noise", noise, 0);
  const random = new Random(seed);
  return classified(count, 2, (i, into) => {
    const label = i % classes;
    const [a, b] = place(label, random);
    into[0] = a + noise * random.normal();
    into[1] = b + noise * random.normal();
    return label;
  });
}

/**
 * Two interleaving half circles of radius 1; `x` [2], `y` 0 or 1. Default noise 0.1.
 *
 * @example
 * const { x, y } = await moons(200, { seed: 1 }).toArrays(); // [200, 2] and [200]
 */
export function moons(count: number, options: NoisyOptions = {}): Dataset<ClassifiedPoint> {
  requireKnownOptions("moons", options, ["noise", "seed"]);
  return planar(count, 2, options.noise ?? 0.1, options.seed ?? 0, (label, random) => {
    const angle = random.between(0, Math.PI);
    return label === 0 ? [cos(angle), sin(angle)] : [1 - cos(angle), 0.5 - sin(angle)];
  });
}

/** A circle of radius 1 (class 0) around one of radius `factor`, default 0.5 (class 1). Default noise 0.05. */
export function circles(
  count: number,
  options: NoisyOptions & { readonly factor?: number } = {},
): Dataset<ClassifiedPoint> {
  requireKnownOptions("circles", options, ["noise", "seed", "factor"]);
  const { factor = 0.5 } = options;
  requireNumber("factor", factor, 0);
  return planar(count, 2, options.noise ?? 0.05, options.seed ?? 0, (label, random) => {
    const angle = random.between(-Math.PI, Math.PI);
    const radius = label === 0 ? 1 : factor;
    return [radius * cos(angle), radius * sin(angle)];
  });
}

export interface BlobOptions extends GeneratorOptions {
  /** Number of clouds, and of classes; default 3, at most 256. */
  readonly centers?: number;
  /** Number of coordinates; default 2. */
  readonly features?: number;
  /** Standard deviation of a cloud; centres lie within ±10. Default 1. */
  readonly deviation?: number;
}

/** Normal clouds of points around random centres. */
export function blobs(count: number, options: BlobOptions = {}): Dataset<ClassifiedPoint> {
  requireKnownOptions("blobs", options, ["seed", "centers", "features", "deviation"]);
  const { centers = 3, features = 2, deviation = 1, seed = 0 } = options;
  requireInteger("centers", centers, 1);
  requireInteger("features", features, 1);
  requireNumber("deviation", deviation, 0);
  if (centers > 256) throw new ArgumentError("too many", { field: "centers", expected: "at most 256" });
  const random = new Random(seed);
  const places = Array.from({ length: centers }, () => Array.from({ length: features }, () => random.between(-10, 10)));
  return classified(count, features, (i, into) => {
    const label = i % centers;
    for (const [k, center] of places[label]!.entries()) into[k] = center + deviation * random.normal();
    return label;
  });
}

export interface SpiralOptions extends NoisyOptions {
  /** Number of arms, and of classes; default 2, at most 256. */
  readonly arms?: number;
  /** How often each arm goes around; default 1.5. */
  readonly turns?: number;
}

/** Arms of a spiral from the centre to radius 1. Default noise 0.02. */
export function spirals(count: number, options: SpiralOptions = {}): Dataset<ClassifiedPoint> {
  requireKnownOptions("spirals", options, ["noise", "seed", "arms", "turns"]);
  const { arms = 2, turns = 1.5 } = options;
  requireInteger("arms", arms, 1);
  if (arms > 256) throw new ArgumentError("too many", { field: "arms", expected: "at most 256" });
  requireNumber("turns", turns, 0);
  return planar(count, arms, options.noise ?? 0.02, options.seed ?? 0, (label, random) => {
    // Equal lengths of an arm get about equally many points.
    const radius = Math.sqrt(random.between(0.01, 1));
    const angle = 2 * Math.PI * (turns * radius + label / arms);
    return [radius * cos(angle), radius * sin(angle)];
  });
}

export interface SeparableOptions extends GeneratorOptions {
  /** Number of coordinates; default 2. */
  readonly features?: number;
  /** Least distance of a point from the plane that separates the classes; default 0.1, less than 1. */
  readonly margin?: number;
}

/** Points in the cube from −1 to 1 that a random plane through its middle separates: what a perceptron can learn. */
export function linearlySeparable(count: number, options: SeparableOptions = {}): Dataset<ClassifiedPoint> {
  requireKnownOptions("linearlySeparable", options, ["seed", "features", "margin"]);
  const { features = 2, margin = 0.1, seed = 0 } = options;
  requireInteger("features", features, 1);
  requireNumber("margin", margin, 0);
  if (margin >= 1) throw new ArgumentError("too large", { field: "margin", expected: "less than 1" });
  const random = new Random(seed);
  const raw = Array.from({ length: features }, () => random.normal());
  const length = Math.sqrt(raw.reduce((sum, value) => sum + value * value, 0));
  const normal = raw.map((value) => value / length);
  return classified(count, features, (_, into) => {
    for (;;) {
      let distance = 0;
      for (const [k, direction] of normal.entries()) {
        into[k] = random.between(-1, 1);
        distance += direction * into[k]!;
      }
      if (Math.abs(distance) > margin) return distance > 0 ? 1 : 0;
    }
  });
}

function regression(
  count: number,
  shape: readonly number[],
  sample: (into: Float32Array) => number,
): Dataset<RegressionSample> {
  requireInteger("count", count, 1);
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  const x = new Float32Array(count * size);
  const y = new Float32Array(count);
  for (let i = 0; i < count; i++) y[i] = sample(x.subarray(i * size, (i + 1) * size));
  return Dataset.fromArrays({ x: { data: x, shape: [count, ...shape] }, y: { data: y, shape: [count] } });
}

/** `y = sin(x)` with noise, for `x` [1] between −π and π. Default noise 0.1. */
export function noisySine(count: number, options: NoisyOptions = {}): Dataset<RegressionSample> {
  requireKnownOptions("noisySine", options, ["noise", "seed"]);
  const { noise = 0.1, seed = 0 } = options;
  requireNumber("noise", noise, 0);
  const random = new Random(seed);
  return regression(count, [1], (into) => {
    const at = random.between(-Math.PI, Math.PI);
    into[0] = at;
    return sin(at) + noise * random.normal();
  });
}

/**
 * Random bits, `x` [bits] of 0 and 1, and whether an odd number of them is set. Two bits are the exclusive or. With
 * `count` = 2^bits and more, every pattern is there, in order, before any comes twice.
 */
export function parity(
  count: number,
  options: GeneratorOptions & { readonly bits?: number } = {},
): Dataset<ClassifiedPoint> {
  requireKnownOptions("parity", options, ["seed", "bits"]);
  const { bits = 2, seed = 0 } = options;
  requireInteger("bits", bits, 1);
  const random = new Random(seed);
  const all = bits <= 20 && count >= 2 ** bits ? 2 ** bits : 0;
  return classified(count, bits, (i, into) => {
    let odd = 0;
    for (let k = 0; k < bits; k++) {
      const bit = i < all ? (i >>> (bits - 1 - k)) & 1 : random.int(2);
      into[k] = bit;
      odd ^= bit;
    }
    return odd;
  });
}

/**
 * The adding problem for recurrent networks (Hochreiter and Schmidhuber 1997): `x` [length, 2] with numbers from 0 to 1
 * and, in the second column, two marks, one in each half; `y` is the sum of the two marked numbers. Default length 50.
 */
export function addingProblem(
  count: number,
  options: GeneratorOptions & { readonly length?: number } = {},
): Dataset<RegressionSample> {
  requireKnownOptions("addingProblem", options, ["seed", "length"]);
  const { length = 50, seed = 0 } = options;
  requireInteger("length", length, 2);
  const random = new Random(seed);
  return regression(count, [length, 2], (into) => {
    for (let t = 0; t < length; t++) into[2 * t] = random.float();
    const half = Math.floor(length / 2);
    const first = random.int(half);
    const second = half + random.int(length - half);
    into[2 * first + 1] = 1;
    into[2 * second + 1] = 1;
    return into[2 * first]! + into[2 * second]!;
  });
}
