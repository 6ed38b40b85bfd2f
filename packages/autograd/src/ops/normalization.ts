import { isFloat } from "../dtype.ts";
import { ArgumentError, checkNumber, checkOptions, inOperation, ShapeError, shown } from "../errors.ts";
import type { Generator } from "../random/generator.ts";
import { normalizeAxes, normalizeAxis } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { add, mul, square, sub } from "./arithmetic.ts";
import { cast, floating } from "./cast.ts";
import { greaterEqual, where } from "./comparison.ts";
import { full } from "./create.ts";
import { tril } from "./diagonal.ts";
import { rsqrt } from "./math.ts";
import { matmul } from "./matmul.ts";
import { addcmul } from "./piecewise.ts";
import { rand } from "./random.ts";
import { mean, variance } from "./reduction.ts";
import { reshape } from "./reshape.ts";
import { swapAxes } from "./shape.ts";
import { softmax } from "./softmax.ts";
import { standardize } from "./standardize.ts";
import { asTensor, type TensorLike } from "./tensor-like.ts";

/** What a normalisation does after it: multiply, then shift. */
export interface ScaleAndShift {
  readonly scale?: TensorLike | undefined;
  readonly shift?: TensorLike | undefined;
  /** Added to the variance before its root is taken. */
  readonly epsilon?: number;
}

const scaleNames = ["scale", "shift", "epsilon"] as const;

function scaled(x: Tensor, { scale, shift }: ScaleAndShift): Tensor {
  const dtype = isFloat(x.dtype) ? x.dtype : undefined;
  if (scale === undefined) return shift === undefined ? x : add(x, asTensor(shift, dtype));
  const factor = asTensor(scale, dtype);
  return shift === undefined ? mul(x, factor) : addcmul(asTensor(shift, dtype), x, factor);
}

/**
 * Each example given mean 0 and variance 1 over some of its axes (J. L. Ba et al., 2016).
 *
 * @param options.axis default: the last.
 * @param options.scale and `shift` broadcast with x.
 * @param options.epsilon default: 1e-5.
 *
 * @example
 * ```ts
 * layerNorm([[1, 3]], { epsilon: 0 }); // [[-1, 1]]
 * ```
 */
export function layerNorm(
  x: TensorLike,
  options: ScaleAndShift & { readonly axis?: number | readonly number[] } = {},
): Tensor {
  return inOperation("layerNorm", () => {
    checkOptions("layerNorm", options, ["axis", ...scaleNames]);
    const input = asTensor(x);
    return scaled(standardize(input, { axis: options.axis ?? -1, epsilon: options.epsilon ?? 1e-5 }).result, options);
  });
}

/**
 * Each example divided by the root of its mean square (B. Zhang, R. Sennrich, 2019).
 *
 * @param options.axis default: the last.
 * @param options.epsilon default: 1e-6.
 *
 * @example
 * ```ts
 * rmsNorm([[3, 3]], { epsilon: 0 }); // [[1, 1]]
 * ```
 */
export function rmsNorm(
  x: TensorLike,
  options: ScaleAndShift & { readonly axis?: number | readonly number[] } = {},
): Tensor {
  return inOperation("rmsNorm", () => {
    checkOptions("rmsNorm", options, ["axis", ...scaleNames]);
    const input = asTensor(x);
    const axis = normalizeAxes("rmsNorm", options.axis ?? -1, input);
    const power = mean(square(input), { axis, keepDims: true });
    return scaled(mul(input, rsqrt(add(power, options.epsilon ?? 1e-6))), options);
  });
}

/** Options of {@link batchNorm}. */
export interface BatchNormOptions extends ScaleAndShift {
  /** The axis of channels, which keep statistics of their own. Default: the last. */
  readonly axis?: number;
  /** Statistics to use, one number per channel. Default: those of the batch. */
  readonly mean?: TensorLike;
  readonly variance?: TensorLike;
}

/**
 * Each channel given mean 0 and variance 1 over the batch, or by given statistics (S. Ioffe, C. Szegedy, 2015).
 *
 * @param options.scale and `shift` have one number per channel.
 * @param options.epsilon default: 1e-3, as in Keras.
 *
 * @example
 * ```ts
 * batchNorm([[1, 10], [3, 30]], { epsilon: 0 }); // [[-1, -1], [1, 1]]
 * ```
 */
export function batchNorm(x: TensorLike, options: BatchNormOptions = {}): Tensor {
  return inOperation("batchNorm", () => {
    checkOptions("batchNorm", options, ["axis", "mean", "variance", ...scaleNames]);
    const input = asTensor(x);
    const channel = normalizeAxis("batchNorm", options.axis ?? -1, input);
    const axis = input.shape.map((_, i) => i).filter((i) => i !== channel);
    const aligned = (value: TensorLike): Tensor =>
      reshape(
        asTensor(value, isFloat(input.dtype) ? input.dtype : undefined),
        input.shape.map((n, i) => (i === channel ? n : 1)),
      );
    const { epsilon = 1e-3 } = options;
    const own = options.mean === undefined && options.variance === undefined;
    const standard = own ? standardize(input, { axis, epsilon }).result : byStatistics();
    function byStatistics(): Tensor {
      const centre = options.mean === undefined ? mean(input, { axis, keepDims: true }) : aligned(options.mean);
      const spread =
        options.variance === undefined ? variance(input, { axis, keepDims: true }) : aligned(options.variance);
      return mul(sub(input, centre), rsqrt(add(spread, epsilon)));
    }
    return scaled(standard, {
      scale: options.scale === undefined ? undefined : aligned(options.scale),
      shift: options.shift === undefined ? undefined : aligned(options.shift),
    });
  });
}

/**
 * The channels (last axis) of each example divided into groups, each given mean 0 and variance 1 over space and its
 * channels (Y. Wu, K. He, 2018).
 *
 * @param options.scale and `shift` have one number per channel.
 * @param options.epsilon default: 1e-5.
 * @throws {ArgumentError} when groups do not divide the channels.
 *
 * @example
 * ```ts
 * groupNorm([[1, 3, 10, 30]], 2, { epsilon: 0 }); // [[-1, 1, -1, 1]]
 * ```
 */
export function groupNorm(x: TensorLike, groups: number, options: ScaleAndShift = {}): Tensor {
  return inOperation("groupNorm", () => {
    return normalizedGroups("groupNorm", asTensor(x), groups, options);
  });
}

function normalizedGroups(op: string, input: Tensor, groups: number, options: ScaleAndShift): Tensor {
  checkOptions(op, options, scaleNames);
  const channels = input.shape.at(-1) ?? 0;
  if (input.rank < 2 || !Number.isInteger(groups) || groups < 1 || channels % groups !== 0) {
    throw new ArgumentError({
      op,
      message: `${shown(groups)} groups do not divide ${channels} channels`,
      operands: [input],
    });
  }
  const grouped = reshape(input, [...input.shape.slice(0, -1), groups, channels / groups]);
  const axis = grouped.shape.map((_, i) => i).filter((i) => i !== 0 && i !== grouped.rank - 2);
  const { result } = standardize(grouped, { axis, epsilon: options.epsilon ?? 1e-5 });
  return scaled(reshape(result, input.shape), options);
}

/**
 * Each channel of each example given mean 0 and variance 1 over space: {@link groupNorm} with groups of one.
 *
 * @example
 * ```ts
 * instanceNorm([[[1], [3]]], { epsilon: 0 }); // [[[-1], [1]]]
 * ```
 */
export function instanceNorm(x: TensorLike, options: ScaleAndShift = {}): Tensor {
  return inOperation("instanceNorm", () => {
    const input = asTensor(x);
    return normalizedGroups("instanceNorm", input, input.shape.at(-1) ?? 0, options);
  });
}

/** Options of {@link dropout}. */
export interface DropoutOptions {
  /** Lengths of the mask, 1 along axes that are dropped as a whole. Default: x's shape. */
  readonly noiseShape?: readonly number[];
  readonly generator?: Generator;
}

/**
 * Each element set to 0 with probability `rate`, and the others scaled by 1 / (1 - rate) (N. Srivastava et al., 2014).
 * @throws {ArgumentError} for rates outside [0, 1).
 *
 * @example
 * ```ts
 * dropout([1, 2], 0); // [1, 2]
 * ```
 */
export function dropout(x: TensorLike, rate: number, options: DropoutOptions = {}): Tensor {
  return inOperation("dropout", () => {
    const { noiseShape, generator } = checkOptions("dropout", options, ["noiseShape", "generator"]);
    const input = floating(x);
    checkNumber("dropout", "rate", rate, (r) => r >= 0 && r < 1, "0 ≤ rate < 1");
    if (rate === 0) return input;
    const noise = rand(noiseShape ?? input.shape, generator === undefined ? {} : { generator });
    return mul(input, mul(cast(greaterEqual(noise, rate), input.dtype), 1 / (1 - rate)));
  });
}

/** Options of {@link scaledDotProductAttention}. */
export interface AttentionOptions {
  /** Broadcasts to `[..., queries, keys]`: booleans, true where attention is allowed, or numbers added to the scores. */
  readonly mask?: TensorLike;
  /** Each query sees only keys up to its own place. Default: false. */
  readonly causal?: boolean;
  /** Default: 1 / √features. */
  readonly scale?: number;
}

/**
 * softmax(q kᵀ · scale) v: each query gets the mean of values, weighted by how well their keys match (A. Vaswani et
 * al., 2017).
 *
 * @param query shape `[..., queries, features]`.
 * @param key shape `[..., keys, features]`.
 * @param value shape `[..., keys, outputs]`.
 * @throws {ShapeError} when shapes do not fit.
 *
 * @example
 * ```ts
 * scaledDotProductAttention([[0, 0]], [[1, 0], [0, 1]], [[2], [4]]); // [[3]]
 * ```
 */
export function scaledDotProductAttention(
  query: TensorLike,
  key: TensorLike,
  value: TensorLike,
  options: AttentionOptions = {},
): Tensor {
  return inOperation("scaledDotProductAttention", () => {
    const {
      mask,
      causal = false,
      scale,
    } = checkOptions("scaledDotProductAttention", options, ["mask", "causal", "scale"]);
    const [q, k, v] = [asTensor(query), asTensor(key), asTensor(value)];
    if (q.rank < 2 || k.rank < 2 || q.shape.at(-1) !== k.shape.at(-1) || k.shape.at(-2) !== v.shape.at(-2)) {
      throw new ShapeError({
        op: "scaledDotProductAttention",
        message: "shapes do not fit",
        operands: [q, k, v],
        hint: "they are [..., queries, features], [..., keys, features] and [..., keys, outputs]",
      });
    }
    let scores = mul(matmul(q, swapAxes(k, -1, -2)), scale ?? 1 / Math.sqrt(q.shape.at(-1)!));
    if (causal) {
      const seen = tril(full([q.shape.at(-2)!, k.shape.at(-2)!], 1, { dtype: "bool" }));
      scores = where(seen, scores, Number.NEGATIVE_INFINITY);
    }
    if (mask !== undefined) {
      const given = asTensor(mask, typeof mask === "number" && isFloat(scores.dtype) ? scores.dtype : undefined);
      scores = given.dtype === "bool" ? where(given, scores, Number.NEGATIVE_INFINITY) : add(scores, given);
    }
    return matmul(softmax(scores), v);
  });
}
