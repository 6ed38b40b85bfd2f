/** Losses of predictions of classes. */
import { type FloatDType, isFloat } from "../dtype.ts";
import {
  BoundsError,
  checkNumber,
  checkOptions,
  DTypeError,
  inOperation,
  ShapeError,
  unknownOption,
} from "../errors.ts";
import { giveUp, launch, viewOf } from "../launch.ts";
import { type Op, savesInput } from "../op.ts";
import * as s from "../scalar/expression.ts";
import { normalizeAxis, sameShape } from "../shape.ts";
import { apply } from "../tape.ts";
import type { Tensor } from "../tensor.ts";
import { add, div, mul, neg, negOp } from "./arithmetic.ts";
import { asBatch } from "./broadcast.ts";
import { cast, floating } from "./cast.ts";
import { notEqual, where } from "./comparison.ts";
import { arange } from "./create.ts";
import { gatherKernel, indicesOf, take, takeAlongAxis } from "./indexing.ts";
import { type LossOptions, like, reduced, reductions } from "./loss.ts";
import { defineElementwise, pointwise } from "./pointwise.ts";
import { sum } from "./reduction.ts";
import { moveAxis, squeeze, unsqueeze } from "./shape.ts";
import { logSoftmax, logSoftmaxKernel, softmax } from "./softmax.ts";
import { asTensor, type TensorLike } from "./tensor-like.ts";

/** Options of {@link nllLoss} and {@link crossEntropy}. */
export interface ClassLossOptions extends LossOptions {
  /** Where the classes are. Default: the last axis. */
  readonly axis?: number;
  /** A factor for each class; a mean is then weighted. */
  readonly weights?: TensorLike;
  /** A class index that stands for "do not count"; null for none. Default: -100. */
  readonly ignoreIndex?: number | null;
}

const classNames = ["reduction", "axis", "weights", "ignoreIndex"] as const;

/** (p - 1)·t for the probability of the right class, p·t for those of others: arguments p, right class, own class, t. */
const slopeOp = defineElementwise("crossEntropySlope", 4, (p, right, own, t) =>
  s.mul(s.sub(p, s.select(s.eq(right, own), s.one, s.zero)), t),
);

const slope = (logits: Tensor, classes: Tensor, t: Tensor): Tensor =>
  pointwise(slopeOp, "float", [softmax(logits), unsqueeze(classes, -1), arange(logits.shape.at(-1)!), t]);

/** -log softmax(x) at one class along the last axis: one derivative rule where the parts it is made of have six. */
const crossEntropyOp: Op<null> = {
  name: "crossEntropy",
  forward: ([x, classes]) => {
    const { dtype, shape, rank } = x!;
    const logs = launch(logSoftmaxKernel, [x!], dtype, shape);
    const positions = viewOf(classes!, [...classes!.shape, 1], [...classes!.strides, 1]);
    const chosen = launch(gatherKernel(rank - 1), [logs, positions], dtype, positions.shape);
    const flat = viewOf(chosen, classes!.shape, chosen.strides.slice(0, -1));
    const losses = negOp.forward([flat], { compute: dtype as FloatDType, dtype, scalars: [] });
    for (const x of [logs, chosen]) giveUp(x);
    return losses;
  },
  saves: () => savesInput(0, 1),
  vjp: ([cotangent], call) => slope(call.input(0), call.input(1), unsqueeze(cotangent!, -1)),
  jvp: ([tangent], call) => (tangent ? sum(slope(call.input(0), call.input(1), tangent), { axis: -1 }) : null),
  batch: (inputs, batched, _, size) =>
    apply(
      crossEntropyOp,
      inputs.map((x, i) => asBatch(x, batched[i]!, size)),
      null,
    ),
};

/** Where classes count, after those that are none are refused; null where all do. Those of a batch cannot be looked at. */
function counting(op: string, classes: Tensor, ignoreIndex: number | null, count: number): Tensor | null {
  if (classes.trace === null) {
    const { data } = classes;
    let ignored = false;
    for (let i = 0; i < data.length; i++) {
      const c = data[i]!;
      if (c === ignoreIndex) ignored = true;
      else if (!(c >= 0 && c < count)) throw noClass(op, classes, i, ignoreIndex, count);
    }
    if (!ignored) return null;
  }
  return ignoreIndex === null ? null : notEqual(classes, ignoreIndex);
}

function noClass(op: string, classes: Tensor, at: number, ignoreIndex: number | null, count: number): BoundsError {
  return new BoundsError({
    op,
    message: `class ${classes.data[at]} (element ${at}) is not one of the ${count} classes`,
    operands: [classes],
    hint: `classes are integers from 0 to ${count - 1}${ignoreIndex === null ? "" : `; ignoreIndex, ${ignoreIndex}, stands for none`}`,
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
    return classLoss("nllLoss", logLikelihood, floating(logProbabilities), indicesOf("nllLoss", target), options);
  });
}

/** The losses at the classes, of which the last axis of `logits` has one each. */
type RowLoss = (input: Tensor, classes: Tensor) => Tensor;

const logLikelihood: RowLoss = (input, classes) => neg(squeeze(takeAlongAxis(input, unsqueeze(classes, -1), -1), -1));
const rowCrossEntropy: RowLoss = (input, classes) => apply(crossEntropyOp, [input, cast(classes, "int32")], null);

function classLoss(op: string, rows: RowLoss, given: Tensor, classes: Tensor, options: ClassLossOptions): Tensor {
  if (isFloat(classes.dtype)) {
    throw new DTypeError({
      op,
      message: "classes must be integers",
      operands: [given, classes],
      hint: 'cast(classes, "int32")',
    });
  }
  const at = normalizeAxis(op, options.axis ?? -1, given);
  const { reduction = "mean", ignoreIndex = -100 } = options;
  if (!reductions.includes(reduction)) throw unknownOption(op, "reduction", reduction, reductions);
  if (!sameShape(classes.shape, given.shape.toSpliced(at, 1))) {
    throw new ShapeError({
      op: op,
      message: "the classes do not have the shape of the predictions without their class axis",
      operands: [given, classes],
    });
  }
  const counted = counting(op, classes, ignoreIndex, given.shape[at]!);
  const safe = counted === null ? classes : where(counted, classes, 0);
  const losses = rows(at === given.rank - 1 ? given : moveAxis(given, at, -1), safe);
  if (counted === null && options.weights === undefined) return reduced(op, losses, options);
  const own = options.weights === undefined ? null : take(like(options.weights, given), safe);
  const weights = counted === null ? own! : own === null ? cast(counted, given.dtype) : where(counted, own, 0);
  const weighted = counted === null ? mul(losses, weights) : where(counted, mul(losses, weights), 0);
  if (reduction === "mean") return div(sum(weighted), sum(weights));
  return reduction === "sum" ? sum(weighted) : weighted;
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
    const input = floating(logits);
    const truth = asTensor(target);
    const at = normalizeAxis("crossEntropy", options.axis ?? -1, input);
    const { labelSmoothing: smoothing = 0, reduction = "mean", ignoreIndex = -100 } = options;
    checkNumber("crossEntropy", "labelSmoothing", smoothing, (s) => s >= 0 && s <= 1, "it is in [0, 1]");
    if (!reductions.includes(reduction)) throw unknownOption("crossEntropy", "reduction", reduction, reductions);
    const isSoft = sameShape(truth.shape, input.shape) && isFloat(truth.dtype);
    if (!isSoft && !sameShape(truth.shape, input.shape.toSpliced(at, 1))) {
      throw new ShapeError({
        op: "crossEntropy",
        message: "the truth is neither classes nor probabilities of the logits",
        operands: [input, truth],
        hint: "classes have the logits' shape without the class axis, probabilities are floats of the logits' shape",
      });
    }
    const hard = isSoft ? null : classLoss("crossEntropy", rowCrossEntropy, input, truth, options);
    if (hard !== null && smoothing === 0) return hard;
    const logs = logSoftmax(input, { axis: at });
    const count = input.shape[at]!;
    const weights =
      options.weights === undefined
        ? null
        : like(options.weights, input).reshape(input.shape.map((_, i) => (i === at ? count : 1)));
    const weighted = weights === null ? logs : mul(logs, weights);
    if (hard === null) {
      const probabilities = add(mul(like(truth, input), 1 - smoothing), smoothing / count);
      const losses = neg(sum(mul(weighted, probabilities), { axis: at }));
      return reduced("crossEntropy", losses, options);
    }
    const counted = notEqual(truth, ignoreIndex ?? Number.NaN);
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
