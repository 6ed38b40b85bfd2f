import type { RandomKernel } from "../backend/backend.ts";
import { type DType, defaultDType, type FloatDType, isFloat } from "../dtype.ts";
import { ArgumentError, checkNumber, checkOptions, inOperation, shown, unknownOption } from "../errors.ts";
import { launch } from "../launch.ts";
import { defaultGenerator, Generator } from "../random/generator.ts";
import { checkShape, type Shape, sizeOf } from "../shape.ts";
import type { TensorOf } from "../shape-types.ts";
import type { Tensor } from "../tensor.ts";
import { add, mul, neg, remainder, sub } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { less } from "./comparison.ts";
import { detach } from "./detach.ts";
import { erfinv, log, log1p } from "./math.ts";
import { argmax } from "./reduction.ts";
import { reshape } from "./reshape.ts";
import { asTensor, fromArray, type TensorLike } from "./tensor-like.ts";

/** Options of random tensors. */
export interface RandomOptions {
  /** Default: float32 (see {@link defaultDType}). */
  readonly dtype?: FloatDType;
  /** Where the numbers come from. Default: the global generator, which `manualSeed` seeds. */
  readonly generator?: Generator;
}

/** Options of random tensors that something may be learned from. */
export interface RandomStartOptions extends RandomOptions {
  /** Record operations on the tensor, so that it can have a gradient. Default: false. */
  readonly requiresGrad?: boolean;
}

function kernelOf(distribution: RandomKernel["distribution"]): RandomKernel {
  return { kind: "random", distribution };
}
const [bits, uniformKernel, normalKernel] = (["bits", "uniform", "normal"] as const).map(kernelOf) as [
  RandomKernel,
  RandomKernel,
  RandomKernel,
];

function checkGenerator(op: string, generator: Generator): Generator {
  if (generator instanceof Generator) return generator;
  throw new ArgumentError({ op, message: "the generator is no Generator", hint: "new Generator(seed)" });
}

function draw(op: string, kernel: RandomKernel, shape: Shape, dtype: DType, generator: Generator): Tensor {
  checkShape(op, shape);
  checkGenerator(op, generator);
  const size = shape.reduce((a, b) => a * b, 1);
  return launch(kernel, [], dtype, [...shape], generator.take(Math.ceil(size / 2)));
}

function floatOptions(op: string, options: RandomOptions): Required<RandomOptions> {
  const { dtype = defaultDType(), generator = defaultGenerator } = checkOptions(op, options, ["dtype", "generator"]);
  if (!isFloat(dtype)) throw unknownOption(op, "dtype", dtype, ["float32", "float64"]);
  return { dtype, generator: checkGenerator(op, generator) };
}

/** Random floats for `op`, which errors name. */
function sample(op: string, kernel: RandomKernel, shape: Shape, options: RandomOptions): Tensor {
  const { dtype, generator } = floatOptions(op, options);
  return draw(op, kernel, shape, dtype, generator);
}

/** What `make` draws, recorded where that is asked for. */
function start(op: string, options: RandomStartOptions, make: (options: RandomOptions) => Tensor): Tensor {
  const { requiresGrad = false, ...rest } = checkOptions(op, options, ["dtype", "generator", "requiresGrad"]);
  const drawn = make(rest);
  drawn.requiresGrad = requiresGrad;
  return drawn;
}

function exponentials(op: string, rate: number, shape: Shape, options: RandomOptions): Tensor {
  return mul(log1p(neg(sample(op, uniformKernel, shape, options))), -1 / rate);
}

/** The generator of distributions whose dtype is given. */
function generatorOf(op: string, options: Omit<RandomOptions, "dtype">): Generator {
  return checkOptions(op, options, ["generator"]).generator ?? defaultGenerator;
}

function checkFinite(op: string, name: string, value: number): void {
  checkNumber(op, name, value, Number.isFinite, "it is finite");
}

/** Refuses standard deviations that are none. */
function checkDeviation(op: string, std: number): void {
  checkNumber(op, "std", std, (s) => s >= 0 && Number.isFinite(s), "it is 0 or more, and finite");
}

/**
 * Numbers drawn uniformly from [0, 1).
 *
 * @example
 * ```ts
 * rand([2, 3]).shape; // [2, 3]
 * ```
 */
export function rand<const S extends Shape>(shape: S, options?: RandomStartOptions): TensorOf<S>;
export function rand(shape: Shape, options: RandomStartOptions = {}): Tensor {
  return start("rand", options, (rest) => sample("rand", uniformKernel, shape, rest));
}

/**
 * Numbers drawn from the standard normal distribution.
 *
 * @example
 * ```ts
 * randn([2, 3]).shape; // [2, 3]
 * randn([3], { requiresGrad: true }).requiresGrad; // true
 * ```
 */
export function randn<const S extends Shape>(shape: S, options?: RandomStartOptions): TensorOf<S>;
export function randn(shape: Shape, options: RandomStartOptions = {}): Tensor {
  return start("randn", options, (rest) => sample("randn", normalKernel, shape, rest));
}

/**
 * Numbers drawn uniformly from [low, high).
 *
 * @example
 * ```ts
 * uniform(2, 2, [2]); // [2, 2]
 * ```
 */
export function uniform(low: number, high: number, shape: Shape, options: RandomStartOptions = {}): Tensor {
  checkFinite("uniform", "low", low);
  checkFinite("uniform", "high", high);
  if (low > high) throw new ArgumentError({ op: "uniform", message: `there is no number in [${low}, ${high})` });
  checkFinite("uniform", "the width of the interval", high - low);
  return start("uniform", options, (rest) => add(mul(sample("uniform", uniformKernel, shape, rest), high - low), low));
}

/**
 * Numbers drawn from a normal distribution.
 *
 * @example
 * ```ts
 * normal(10, 0.5, [3]).shape; // [3]
 * ```
 */
export function normal(mean: number, std: number, shape: Shape, options: RandomStartOptions = {}): Tensor {
  checkFinite("normal", "mean", mean);
  checkDeviation("normal", std);
  return start("normal", options, (rest) => add(mul(sample("normal", normalKernel, shape, rest), std), mean));
}

/**
 * Integers (int32) drawn uniformly from [low, high).
 *
 * The 32 random bits are reduced modulo the range, which favours no value by more than range / 2³².
 * @throws {ArgumentError} when the range is empty.
 *
 * @example
 * ```ts
 * randint(5, 6, [2]); // [5, 5]
 * ```
 */
export function randint(low: number, high: number, shape: Shape, options: Omit<RandomOptions, "dtype"> = {}): Tensor {
  if (!Number.isInteger(low) || !Number.isInteger(high) || high <= low) {
    throw new ArgumentError({ op: "randint", message: `there is no integer in [${shown(low)}, ${shown(high)})` });
  }
  if (low < -(2 ** 31) || high > 2 ** 31) {
    throw new ArgumentError({
      op: "randint",
      message: `not all integers in [${low}, ${high}) are int32`,
      hint: "they are from -2³¹ to 2³¹ - 1",
    });
  }
  const words = draw("randint", bits, shape, "int32", generatorOf("randint", options));
  const width = high - low;
  if (width < 2 ** 31) return add(remainder(words, width), low);
  return cast(add(remainder(cast(words, "float64"), width), low), "int32");
}

/**
 * True (bool) with the given probability, a number or a tensor.
 *
 * @param shape default: that of the probabilities.
 *
 * @example
 * ```ts
 * bernoulli([0, 1]); // [false, true]
 * ```
 */
export function bernoulli(probability: TensorLike, shape?: Shape, options: Omit<RandomOptions, "dtype"> = {}): Tensor {
  return inOperation("bernoulli", () => {
    const p = asTensor(probability);
    if (p.trace === null && p.data.some((value) => !(value >= 0 && value <= 1))) {
      throw new ArgumentError({ op: "bernoulli", message: "there is a probability outside [0, 1]", operands: [p] });
    }
    return less(draw("bernoulli", uniformKernel, shape ?? p.shape, "float64", generatorOf("bernoulli", options)), p);
  });
}

/**
 * Class indices (int32) drawn with probabilities softmax(logits) along the last axis, by Gumbel's trick.
 *
 * @param logits shape `[..., classes]`.
 * @param options.count how many draws of each, along a new last axis. Default: one, without such an axis.
 *
 * @example
 * ```ts
 * categorical([[-100, 0], [0, -100]]); // [1, 0]
 * categorical([-100, 0], { count: 3 }); // [1, 1, 1]
 * ```
 */
export function categorical(
  logits: TensorLike,
  options: Omit<RandomOptions, "dtype"> & { readonly count?: number } = {},
): Tensor {
  return inOperation("categorical", () => {
    const { count, ...rest } = checkOptions("categorical", options, ["count", "generator"]);
    const input = detach(logits);
    const shape = [...input.shape.slice(0, -1), count ?? 1, input.shape.at(-1) ?? 0];
    const noise = exponentials("categorical", 1, shape, rest);
    const drawn = argmax(sub(reshape(input, shape.with(-2, 1)), log(noise)), { axis: -1 });
    return count === undefined ? reshape(drawn, drawn.shape.slice(0, -1)) : drawn;
  });
}

/**
 * The integers 0 … n-1 (int32) in random order.
 *
 * @example
 * ```ts
 * sort(permutation(3)).values; // [0, 1, 2]
 * ```
 */
export function permutation(n: number, options: Omit<RandomOptions, "dtype"> = {}): Tensor {
  const generator = checkGenerator("permutation", generatorOf("permutation", options));
  checkShape("permutation", [n]);
  return fromArray(generator.permutation(n), [n]);
}

/**
 * Numbers drawn from the exponential distribution with the given rate.
 *
 * @example
 * ```ts
 * exponential(2, [3]).shape; // [3]
 * ```
 */
export function exponential(rate: number, shape: Shape, options: RandomOptions = {}): Tensor {
  checkNumber("exponential", "rate", rate, (r) => r > 0, "it is positive");
  return exponentials("exponential", rate, shape, options);
}

/**
 * Numbers drawn from a normal distribution, drawn again where they are more than two standard deviations away: the
 * normal distribution function inverted on the part that is left.
 *
 * @example
 * ```ts
 * truncatedNormal(0, 1, [100]).abs().max().item() <= 2; // true
 * ```
 */
export function truncatedNormal(mean: number, std: number, shape: Shape, options: RandomOptions = {}): Tensor {
  const edge = 0.9544997361036416; // erf(√2)
  checkFinite("truncatedNormal", "mean", mean);
  checkDeviation("truncatedNormal", std);
  const { dtype, generator } = floatOptions("truncatedNormal", options);
  const drawn = draw("truncatedNormal", uniformKernel, shape, "float64", generator);
  const within = mul(sub(mul(drawn, 2), 1), edge);
  return cast(add(mul(erfinv(within), std * Math.SQRT2), mean), dtype);
}

/**
 * Numbers drawn from the gamma distribution with the given shape parameter and scale 1, by G. Marsaglia and W. W. Tsang's
 * method (2000).
 *
 * @example
 * ```ts
 * gamma(2, [3]).shape; // [3]
 * ```
 */
export function gamma(alpha: number, shape: Shape, options: RandomOptions = {}): Tensor {
  checkShape("gamma", shape);
  checkNumber("gamma", "alpha", alpha, (a) => a > 0, "it is positive");
  const { dtype, generator } = floatOptions("gamma", options);
  const d = (alpha < 1 ? alpha + 1 : alpha) - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  const data = Float64Array.from({ length: sizeOf(shape) }, () => {
    for (;;) {
      const x = randn([1], { dtype: "float64", generator }).item();
      const v = (1 + c * x) ** 3;
      if (v <= 0 || Math.log(1 - generator.next()) >= 0.5 * x * x + d - d * v + d * Math.log(v)) continue;
      return d * v * (alpha < 1 ? (1 - generator.next()) ** (1 / alpha) : 1);
    }
  });
  return cast(fromArray(data, shape), dtype);
}
