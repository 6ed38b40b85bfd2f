import { isFloat } from "../dtype.ts";
import { checkNumber, checkOptions, inOperation, unknownOption } from "../errors.ts";
import type { Tensor } from "../tensor.ts";
import { softplus } from "./activation.ts";
import { abs, add, mul, neg, square, sub } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { lessEqual, where } from "./comparison.ts";
import { exp, log } from "./math.ts";
import { clamp, xlogy } from "./piecewise.ts";
import { mean, sum } from "./reduction.ts";
import { asTensor, type TensorLike } from "./tensor-like.ts";

export const reductions = ["mean", "sum", "none"] as const;

/** Options of every loss. */
export interface LossOptions {
  /** What to make of the losses of all elements. Default: `"mean"`. */
  readonly reduction?: (typeof reductions)[number];
}

/** Makes of the losses of all elements what the options, already checked, ask for. */
export function reduced(op: string, losses: Tensor, { reduction = "mean" }: LossOptions): Tensor {
  if (!reductions.includes(reduction)) throw unknownOption(op, "reduction", reduction, reductions);
  return reduction === "none" ? losses : reduction === "sum" ? sum(losses) : mean(losses);
}

/** A target in the dtype of the predictions. */
export const like = (target: TensorLike, input: Tensor): Tensor => {
  const given = asTensor(target, isFloat(input.dtype) ? input.dtype : undefined);
  return given.dtype === input.dtype ? given : cast(given, input.dtype);
};

/**
 * The cross-entropy of probabilities with truths in [0, 1]. Logarithms are cut off at -100, as in PyTorch.
 *
 * @example
 * ```ts
 * binaryCrossEntropy([0.5, 0.5], [0, 1]); // 0.693147
 * ```
 */
export function binaryCrossEntropy(
  probabilities: TensorLike,
  target: TensorLike,
  options: LossOptions & { readonly weights?: TensorLike } = {},
): Tensor {
  return inOperation("binaryCrossEntropy", () => {
    checkOptions("binaryCrossEntropy", options, ["reduction", "weights"]);
    const p = asTensor(probabilities);
    const y = like(target, p);
    const cut = (x: Tensor): Tensor => clamp(log(x), { min: -100 });
    const losses = neg(add(mul(y, cut(p)), mul(sub(1, y), cut(sub(1, p)))));
    return reduced(
      "binaryCrossEntropy",
      options.weights === undefined ? losses : mul(losses, like(options.weights, p)),
      options,
    );
  });
}

/**
 * {@link binaryCrossEntropy} of sigmoid(logits), without overflow.
 *
 * @param options.positiveWeight a factor for the positive truths.
 *
 * @example
 * ```ts
 * binaryCrossEntropyWithLogits([0, 100], [0, 1]); // 0.346574
 * ```
 */
export function binaryCrossEntropyWithLogits(
  logits: TensorLike,
  target: TensorLike,
  options: LossOptions & { readonly weights?: TensorLike; readonly positiveWeight?: TensorLike } = {},
): Tensor {
  return inOperation("binaryCrossEntropyWithLogits", () => {
    checkOptions("binaryCrossEntropyWithLogits", options, ["reduction", "weights", "positiveWeight"]);
    const x = asTensor(logits);
    const y = like(target, x);
    const positive = mul(y, softplus(neg(x)));
    const boosted = options.positiveWeight === undefined ? positive : mul(positive, like(options.positiveWeight, x));
    const losses = add(boosted, mul(sub(1, y), softplus(x)));
    return reduced(
      "binaryCrossEntropyWithLogits",
      options.weights === undefined ? losses : mul(losses, like(options.weights, x)),
      options,
    );
  });
}

/**
 * Squared errors.
 *
 * @example
 * ```ts
 * mseLoss([1, 3], [0, 0]); // 5
 * ```
 */
export function mseLoss(prediction: TensorLike, target: TensorLike, options: LossOptions = {}): Tensor {
  return inOperation("mseLoss", () => {
    checkOptions("mseLoss", options, ["reduction"]);
    const x = asTensor(prediction);
    return reduced("mseLoss", square(sub(x, like(target, x))), options);
  });
}

/**
 * Absolute errors.
 *
 * @example
 * ```ts
 * l1Loss([1, 2], [2, 4]); // 1.5
 * ```
 */
export function l1Loss(prediction: TensorLike, target: TensorLike, options: LossOptions = {}): Tensor {
  return inOperation("l1Loss", () => {
    checkOptions("l1Loss", options, ["reduction"]);
    const x = asTensor(prediction);
    return reduced("l1Loss", abs(sub(x, like(target, x))), options);
  });
}

/**
 * Huber's loss: half the squared error up to `delta`, growing linearly beyond (P. J. Huber, 1964).
 *
 * @param options.delta default: 1.
 *
 * @example
 * ```ts
 * huber([0.5, 3], [0, 0], { reduction: "none" }); // [0.125, 2.5]
 * ```
 */
export function huber(
  prediction: TensorLike,
  target: TensorLike,
  options: LossOptions & { readonly delta?: number } = {},
): Tensor {
  return inOperation("huber", () => {
    const { delta = 1 } = checkOptions("huber", options, ["reduction", "delta"]);
    const x = asTensor(prediction);
    checkNumber("huber", "delta", delta, (d) => d > 0, "it is positive");
    const error = sub(x, like(target, x));
    const size = abs(error);
    const losses = where(lessEqual(size, delta), mul(square(error), 0.5), mul(sub(size, delta / 2), delta));
    return reduced("huber", losses, options);
  });
}

/**
 * The Kullback–Leibler divergence of a prediction from the truth, element by element: t · (log t - p).
 *
 * @param logPrediction log-probabilities.
 * @param target probabilities; log-probabilities with `options.logTarget`.
 *
 * @example
 * ```ts
 * klDiv([Math.log(0.5), Math.log(0.5)], [1, 0], { reduction: "sum" }); // 0.693147
 * ```
 */
export function klDiv(
  logPrediction: TensorLike,
  target: TensorLike,
  options: LossOptions & { readonly logTarget?: boolean } = {},
): Tensor {
  return inOperation("klDiv", () => {
    checkOptions("klDiv", options, ["reduction", "logTarget"]);
    const p = asTensor(logPrediction);
    const t = like(target, p);
    const losses = options.logTarget ? mul(exp(t), sub(t, p)) : sub(xlogy(t, t), mul(t, p));
    return reduced("klDiv", losses, options);
  });
}
