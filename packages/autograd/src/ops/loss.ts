import { isFloat } from "../dtype.ts";
import {
  BoundsError,
  checkNumber,
  checkOptions,
  DTypeError,
  inOperation,
  ShapeError,
  unknownOption,
} from "../errors.ts";
import { normalizeAxis, sameShape } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { softplus } from "./activation.ts";
import { abs, add, div, mul, neg, square, sub } from "./arithmetic.ts";
import { cast, floating } from "./cast.ts";
import { lessEqual, notEqual, where } from "./comparison.ts";
import { indicesOf, take, takeAlongAxis } from "./indexing.ts";
import { exp, log } from "./math.ts";
import { clamp, xlogy } from "./piecewise.ts";
import { mean, sum } from "./reduction.ts";
import { squeeze, unsqueeze } from "./shape.ts";
import { logSoftmax } from "./softmax.ts";
import { asTensor, type TensorLike } from "./tensor-like.ts";

const reductions = ["mean", "sum", "none"] as const;

/** Options of every loss. */
export interface LossOptions {
  /** What to make of the losses of all elements. Default: `"mean"`. */
  readonly reduction?: (typeof reductions)[number];
}

/** Makes of the losses of all elements what the options, already checked, ask for. */
function reduced(op: string, losses: Tensor, { reduction = "mean" }: LossOptions): Tensor {
  if (!reductions.includes(reduction)) throw unknownOption(op, "reduction", reduction, reductions);
  return reduction === "none" ? losses : reduction === "sum" ? sum(losses) : mean(losses);
}

/** A target in the dtype of the predictions. */
const like = (target: TensorLike, input: Tensor): Tensor => {
  const given = asTensor(target, isFloat(input.dtype) ? input.dtype : undefined);
  return given.dtype === input.dtype ? given : cast(given, input.dtype);
};

/** Options of {@link nllLoss} and {@link crossEntropy}. */
export interface ClassLossOptions extends LossOptions {
  /** Where the classes are. Default: the last axis. */
  readonly axis?: number;
  /** A factor for each class; a mean is then weighted. */
  readonly weights?: TensorLike;
  /** A class index that stands for "do not count". Default: -100. */
  readonly ignoreIndex?: number;
}

const classNames = ["reduction", "axis", "weights", "ignoreIndex"] as const;

/** Refuses integers that are no class. What stands for every member of a batch has no elements to look at. */
function checkClasses(op: string, classes: Tensor, ignoreIndex: number, count: number): void {
  if (classes.trace !== null) return;
  const { data } = classes;
  const at = data.findIndex((c: number) => c !== ignoreIndex && !(c >= 0 && c < count));
  if (at < 0) return;
  throw new BoundsError({
    op,
    message: `class ${data[at]} (element ${at}) is not one of the ${count} classes`,
    operands: [classes],
    hint: `classes are integers from 0 to ${count - 1}; ignoreIndex, ${ignoreIndex}, stands for none`,
  });
}

/**
 * The negative log-likelihood of the given classes.
 *
 * @param logProbabilities such as {@link logSoftmax} gives.
 * @param target class indices, of the shape without the class axis.
 * @throws {ShapeError} when shapes do not fit.
 * @throws {BoundsError} for an index that is no class.
 *
 * @example
 * ```ts
 * nllLoss([[-1, -2], [-3, -4]], tensor([0, 1], { dtype: "int32" })); // 2.5
 * ```
 */
export function nllLoss(logProbabilities: TensorLike, target: TensorLike, options: ClassLossOptions = {}): Tensor {
  return inOperation("nllLoss", () => {
    checkOptions("nllLoss", options, classNames);
    return classLoss("nllLoss", floating(logProbabilities), indicesOf("nllLoss", target), options);
  });
}

function classLoss(op: string, input: Tensor, classes: Tensor, options: ClassLossOptions): Tensor {
  if (isFloat(classes.dtype)) {
    throw new DTypeError({
      op,
      message: "classes must be integers",
      operands: [input, classes],
      hint: 'cast(classes, "int32")',
    });
  }
  const at = normalizeAxis(op, options.axis ?? -1, input);
  const { reduction = "mean", ignoreIndex = -100 } = options;
  if (!reductions.includes(reduction)) throw unknownOption(op, "reduction", reduction, reductions);
  if (!sameShape(classes.shape, input.shape.toSpliced(at, 1))) {
    throw new ShapeError({
      op: op,
      message: "the classes do not have the shape of the predictions without their class axis",
      operands: [input, classes],
    });
  }
  const counted = notEqual(classes, ignoreIndex);
  checkClasses(op, classes, ignoreIndex, input.shape[at]!);
  const safe = where(counted, classes, 0);
  const picked = squeeze(takeAlongAxis(input, unsqueeze(safe, at), at), at);
  const weights =
    options.weights === undefined
      ? cast(counted, input.dtype)
      : where(counted, take(like(options.weights, input), safe), 0);
  const losses = where(counted, neg(mul(picked, weights)), 0);
  if (reduction === "mean") return div(sum(losses), sum(weights));
  return reduction === "sum" ? sum(losses) : losses;
}

/**
 * The cross-entropy of predicted logits with the truth: class indices, or probabilities of every class.
 *
 * @param target integers of the logits' shape without the class axis; or floats of the logits' shape.
 * @param options.labelSmoothing share of the truth that is spread evenly over all classes. Default: 0.
 * @throws {ShapeError} when the truth has neither shape.
 * @throws {BoundsError} for an index that is no class.
 *
 * @example
 * ```ts
 * crossEntropy([[0, 0], [0, 0]], tensor([0, 1], { dtype: "int32" })); // 0.693147
 * ```
 */
export function crossEntropy(
  logits: TensorLike,
  target: TensorLike,
  options: ClassLossOptions & { readonly labelSmoothing?: number } = {},
): Tensor {
  return inOperation("crossEntropy", () => {
    checkOptions("crossEntropy", options, [...classNames, "labelSmoothing"]);
    const input = asTensor(logits);
    const truth = asTensor(target);
    const at = normalizeAxis("crossEntropy", options.axis ?? -1, input);
    const { labelSmoothing: smoothing = 0, reduction = "mean", ignoreIndex = -100 } = options;
    checkNumber("crossEntropy", "labelSmoothing", smoothing, (s) => s >= 0 && s <= 1, "it is in [0, 1]");
    if (!reductions.includes(reduction)) throw unknownOption("crossEntropy", "reduction", reduction, reductions);
    const logs = logSoftmax(input, { axis: at });
    const count = input.shape[at]!;
    const weights =
      options.weights === undefined
        ? null
        : like(options.weights, input).reshape(input.shape.map((_, i) => (i === at ? count : 1)));
    const weighted = weights === null ? logs : mul(logs, weights);
    if (sameShape(truth.shape, input.shape) && isFloat(truth.dtype)) {
      const probabilities = add(mul(like(truth, input), 1 - smoothing), smoothing / count);
      const losses = neg(sum(mul(weighted, probabilities), { axis: at }));
      return reduced("crossEntropy", losses, options);
    }
    if (!sameShape(truth.shape, input.shape.toSpliced(at, 1))) {
      throw new ShapeError({
        op: "crossEntropy",
        message: "the truth is neither classes nor probabilities of the logits",
        operands: [input, truth],
        hint: "classes have the logits' shape without the class axis, probabilities are floats of the logits' shape",
      });
    }
    const hard = classLoss("crossEntropy", logs, truth, { ...options, axis: at });
    if (smoothing === 0) return hard;
    const counted = notEqual(truth, ignoreIndex);
    const spread = where(counted, div(neg(sum(weighted, { axis: at })), count), 0);
    if (reduction === "none") return add(mul(hard, 1 - smoothing), mul(spread, smoothing));
    let smooth = sum(spread);
    if (reduction === "mean") {
      const total =
        options.weights === undefined
          ? cast(counted, input.dtype)
          : where(counted, take(like(options.weights, input), where(counted, truth, 0)), 0);
      smooth = div(smooth, sum(total));
    }
    return add(mul(hard, 1 - smoothing), mul(smooth, smoothing));
  });
}

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
