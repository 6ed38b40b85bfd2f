import type { RandomKernel } from "../backend/backend.ts";
import { type DType, defaultDType, type FloatDType } from "../dtype.ts";
import { ArgumentError } from "../errors.ts";
import { launch } from "../launch.ts";
import { defaultGenerator, type Generator } from "../random/generator.ts";
import { checkShape, type Shape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { add, mul, remainder } from "./arithmetic.ts";

/** Options of random tensors. */
export interface RandomOptions {
  /** Default: float32 (see {@link defaultDType}). */
  readonly dtype?: FloatDType;
  /** Where the numbers come from. Default: the global generator, which `manualSeed` seeds. */
  readonly generator?: Generator;
}

function kernelOf(distribution: RandomKernel["distribution"]): RandomKernel {
  return { kind: "random", distribution };
}
const [bits, uniformKernel, normalKernel] = (["bits", "uniform", "normal"] as const).map(kernelOf) as [
  RandomKernel,
  RandomKernel,
  RandomKernel,
];

function draw(op: string, kernel: RandomKernel, shape: Shape, dtype: DType, generator: Generator): Tensor {
  checkShape(op, shape);
  const size = shape.reduce((a, b) => a * b, 1);
  return launch(kernel, [], dtype, [...shape], generator.take(Math.ceil(size / 2)));
}

/**
 * Numbers drawn uniformly from [0, 1).
 *
 * @example
 * ```ts
 * rand([2, 3]).shape; // [2, 3]
 * ```
 */
export function rand(shape: Shape, options: RandomOptions = {}): Tensor {
  return draw("rand", uniformKernel, shape, options.dtype ?? defaultDType(), options.generator ?? defaultGenerator);
}

/** Numbers drawn from the standard normal distribution. */
export function randn(shape: Shape, options: RandomOptions = {}): Tensor {
  return draw("randn", normalKernel, shape, options.dtype ?? defaultDType(), options.generator ?? defaultGenerator);
}

/** Numbers drawn uniformly from [low, high). */
export function uniform(low: number, high: number, shape: Shape, options: RandomOptions = {}): Tensor {
  return add(mul(rand(shape, options), high - low), low);
}

/** Numbers drawn from a normal distribution. */
export function normal(mean: number, std: number, shape: Shape, options: RandomOptions = {}): Tensor {
  return add(mul(randn(shape, options), std), mean);
}

/**
 * Integers (int32) drawn uniformly from [low, high).
 *
 * The 32 random bits are reduced modulo the range, which favours no value by more than range / 2³².
 * @throws {ArgumentError} when the range is empty.
 */
export function randint(low: number, high: number, shape: Shape, options: Omit<RandomOptions, "dtype"> = {}): Tensor {
  if (!Number.isInteger(low) || !Number.isInteger(high) || high <= low) {
    throw new ArgumentError({ op: "randint", message: `there is no integer in [${low}, ${high})` });
  }
  const words = draw("randint", bits, shape, "int32", options.generator ?? defaultGenerator);
  return add(remainder(words, high - low), low);
}
