import {
  abs,
  add,
  div,
  exp,
  greater,
  lessEqual,
  log,
  log1p,
  logSoftmax,
  maximum,
  mean,
  mul,
  neg,
  pow,
  relu,
  softplus,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  takeAlongAxis,
  where,
} from "@gradiente/autograd";
import { logitsOf, sigmoid, softmax } from "../activations/activation.ts";

const epsilon = 1e-7;

function asLike(yTrue: Tensor, yPred: Tensor): Tensor {
  return yTrue.dtype === yPred.dtype ? yTrue : yTrue.cast(yPred.dtype);
}

function clip(x: Tensor, low: number, high: number): Tensor {
  return x.maximum(low).minimum(high);
}

/** Mean of (t − p)² over the last axis. */
export function meanSquaredError(yTrue: Tensor, yPred: Tensor): Tensor {
  return mean(square(sub(yPred, asLike(yTrue, yPred))), { axis: -1 });
}

export function meanAbsoluteError(yTrue: Tensor, yPred: Tensor): Tensor {
  return mean(abs(sub(yPred, asLike(yTrue, yPred))), { axis: -1 });
}

export function meanAbsolutePercentageError(yTrue: Tensor, yPred: Tensor): Tensor {
  const t = asLike(yTrue, yPred);
  return mul(mean(abs(div(sub(t, yPred), maximum(abs(t), epsilon))), { axis: -1 }), 100);
}

export function meanSquaredLogarithmicError(yTrue: Tensor, yPred: Tensor): Tensor {
  const t = asLike(yTrue, yPred);
  return mean(square(sub(log(add(yPred.maximum(epsilon), 1)), log(add(t.maximum(epsilon), 1)))), { axis: -1 });
}

/** Targets 0/1 as −1/1, others as they are. */
function signs(t: Tensor): Tensor {
  const binary = t.equal(0).logicalOr(t.equal(1)).all();
  return where(binary, sub(mul(t, 2), 1), t);
}

export function hinge(yTrue: Tensor, yPred: Tensor): Tensor {
  return mean(relu(sub(1, mul(signs(asLike(yTrue, yPred)), yPred))), { axis: -1 });
}

export function squaredHinge(yTrue: Tensor, yPred: Tensor): Tensor {
  return mean(square(relu(sub(1, mul(signs(asLike(yTrue, yPred)), yPred)))), { axis: -1 });
}

export function categoricalHinge(yTrue: Tensor, yPred: Tensor): Tensor {
  const t = asLike(yTrue, yPred);
  const positive = sum(mul(t, yPred), { axis: -1 });
  const negative = mul(sub(1, t), yPred).max({ axis: -1 });
  return relu(add(sub(negative, positive), 1));
}

/** Quadratic up to `delta` (default 1), linear beyond. */
export function huber(yTrue: Tensor, yPred: Tensor, { delta = 1 }: { readonly delta?: number } = {}): Tensor {
  const error = sub(yPred, asLike(yTrue, yPred));
  const size = abs(error);
  const linear = sub(mul(size, delta), 0.5 * delta * delta);
  return mean(where(lessEqual(size, delta), mul(square(error), 0.5), linear), { axis: -1 });
}

export function logCosh(yTrue: Tensor, yPred: Tensor): Tensor {
  const x = sub(yPred, asLike(yTrue, yPred));
  return mean(sub(add(x, softplus(mul(x, -2))), Math.LN2), { axis: -1 });
}

export function klDivergence(yTrue: Tensor, yPred: Tensor): Tensor {
  const t = clip(asLike(yTrue, yPred), epsilon, 1);
  const p = clip(yPred, epsilon, 1);
  return sum(mul(t, log(div(t, p))), { axis: -1 });
}

export function poisson(yTrue: Tensor, yPred: Tensor): Tensor {
  return mean(sub(yPred, mul(asLike(yTrue, yPred), log(add(yPred, epsilon)))), { axis: -1 });
}

/** Minus the cosine of the angle between targets and predictions. */
export function cosineSimilarity(yTrue: Tensor, yPred: Tensor, { axis = -1 }: { readonly axis?: number } = {}): Tensor {
  const unit = (x: Tensor) => div(x, sqrt(maximum(sum(square(x), { axis, keepDims: true }), 1e-12)));
  return neg(sum(mul(unit(asLike(yTrue, yPred)), unit(yPred)), { axis }));
}

/** Options of cross-entropies. */
export interface CrossentropyOptions {
  /** Whether predictions are logits, not probabilities. Default: false. */
  readonly fromLogits?: boolean;
  /** How far targets are moved towards the uniform distribution. Default: 0. */
  readonly labelSmoothing?: number;
  /** The axis of the classes. Default: the last. */
  readonly axis?: number;
}

/** Logarithms of class probabilities: from the logits wherever those are known, as Keras does. */
function logProbabilities(yPred: Tensor, fromLogits: boolean, axis: number, sparse: boolean): Tensor {
  if (fromLogits) return logSoftmax(yPred, { axis });
  const origin = logitsOf(yPred);
  if (origin?.kind === "softmax" && (axis === -1 || axis === yPred.rank - 1))
    return logSoftmax(origin.logits, { axis });
  if (sparse) return logSoftmax(log(clip(yPred, epsilon, 1 - epsilon)), { axis });
  return log(clip(div(yPred, sum(yPred, { axis, keepDims: true })), epsilon, 1 - epsilon));
}

/** −Σ t·log p over the classes, for one-hot (or soft) targets. */
export function categoricalCrossentropy(yTrue: Tensor, yPred: Tensor, options: CrossentropyOptions = {}): Tensor {
  const { fromLogits = false, labelSmoothing = 0, axis = -1 } = options;
  let t = asLike(yTrue, yPred);
  if (labelSmoothing > 0) t = add(mul(t, 1 - labelSmoothing), labelSmoothing / yPred.shape.at(axis)!);
  return neg(sum(mul(t, logProbabilities(yPred, fromLogits, axis, false)), { axis }));
}

/** −log of the probability of the right class, for targets that are class numbers. */
export function sparseCategoricalCrossentropy(
  yTrue: Tensor,
  yPred: Tensor,
  options: { readonly fromLogits?: boolean; readonly ignoreClass?: number | null; readonly axis?: number } = {},
): Tensor {
  const { fromLogits = false, ignoreClass = null, axis = -1 } = options;
  let t = yTrue;
  if (t.rank === yPred.rank && t.shape.at(axis) === 1) t = t.reshape(t.shape.slice(0, -1));
  if (t.dtype !== "int32") t = t.cast("int32");
  const kept = ignoreClass === null ? null : t.notEqual(ignoreClass);
  if (kept !== null) t = where(kept, t, 0).cast("int32");
  const logs = logProbabilities(yPred, fromLogits, axis, true);
  const chosen = takeAlongAxis(logs, t.reshape([...t.shape, 1]), -1).reshape(t.shape);
  const losses = neg(chosen);
  return kept === null ? losses : mul(losses, kept.cast(losses.dtype));
}

/** −(t·log p + (1 − t)·log(1 − p)), the mean over the last axis. */
export function binaryCrossentropy(yTrue: Tensor, yPred: Tensor, options: CrossentropyOptions = {}): Tensor {
  const { labelSmoothing = 0, axis = -1 } = options;
  let t = asLike(yTrue, yPred);
  if (labelSmoothing > 0) t = add(mul(t, 1 - labelSmoothing), 0.5 * labelSmoothing);
  return mean(elementwiseBinary(t, yPred, options.fromLogits ?? false), { axis });
}

function elementwiseBinary(t: Tensor, yPred: Tensor, fromLogits: boolean): Tensor {
  const origin = fromLogits ? undefined : logitsOf(yPred);
  const logits = fromLogits ? yPred : origin?.kind === "sigmoid" ? origin.logits : null;
  // max(z, 0) − z·t + log(1 + e^−|z|), which neither overflows nor cancels.
  if (logits !== null) return add(sub(relu(logits), mul(logits, t)), log1p(exp(neg(abs(logits)))));
  const p = clip(yPred, epsilon, 1 - epsilon);
  return neg(add(mul(t, log(p)), mul(sub(1, t), log(sub(1, p)))));
}

/** Options of focal cross-entropies. */
export interface FocalOptions extends CrossentropyOptions {
  /** Weight of the positive class. Default: 0.25. */
  readonly alpha?: number;
  /** How much easy samples count less. Default: 2. */
  readonly gamma?: number;
  /** Whether `alpha` is used (binary form only). Default: false. */
  readonly applyClassBalancing?: boolean;
}

export function binaryFocalCrossentropy(yTrue: Tensor, yPred: Tensor, options: FocalOptions = {}): Tensor {
  const { alpha = 0.25, gamma = 2, applyClassBalancing = false, labelSmoothing = 0, axis = -1 } = options;
  let t = asLike(yTrue, yPred);
  if (labelSmoothing > 0) t = add(mul(t, 1 - labelSmoothing), 0.5 * labelSmoothing);
  const p = options.fromLogits ? sigmoid(yPred) : yPred;
  const right = add(mul(t, p), mul(sub(1, t), sub(1, p)));
  let losses = mul(pow(sub(1, right), gamma), elementwiseBinary(t, p, false));
  if (applyClassBalancing) losses = mul(losses, add(mul(t, alpha), mul(sub(1, t), 1 - alpha)));
  return mean(losses, { axis });
}

export function categoricalFocalCrossentropy(yTrue: Tensor, yPred: Tensor, options: FocalOptions = {}): Tensor {
  const { alpha = 0.25, gamma = 2, labelSmoothing = 0, axis = -1 } = options;
  let t = asLike(yTrue, yPred);
  if (labelSmoothing > 0) t = add(mul(t, 1 - labelSmoothing), labelSmoothing / yPred.shape.at(axis)!);
  const raw = options.fromLogits ? softmax(yPred, { axis }) : yPred;
  const p = clip(div(raw, sum(raw, { axis, keepDims: true })), epsilon, 1 - epsilon);
  return sum(mul(mul(pow(sub(1, p), gamma), alpha), neg(mul(t, log(p)))), { axis });
}

/** 1 − 2·Σtp / (Σt + Σp), the overlap of two masks. */
export function dice(yTrue: Tensor, yPred: Tensor): Tensor {
  const t = asLike(yTrue, yPred);
  return sub(1, div(add(mul(sum(mul(t, yPred)), 2), epsilon), add(add(sum(t), sum(yPred)), epsilon)));
}

export function tversky(
  yTrue: Tensor,
  yPred: Tensor,
  { alpha = 0.5, beta = 0.5 }: { readonly alpha?: number; readonly beta?: number } = {},
): Tensor {
  const t = asLike(yTrue, yPred);
  const both = sum(mul(t, yPred));
  const falsePositive = sum(mul(sub(1, t), yPred));
  const falseNegative = sum(mul(t, sub(1, yPred)));
  const all = add(add(both, mul(falsePositive, alpha)), add(mul(falseNegative, beta), epsilon));
  return sub(1, div(add(both, epsilon), all));
}

/** Whether predictions lie on the right side of `threshold`. */
export function above(x: Tensor, threshold: number, dtype: Tensor["dtype"]): Tensor {
  return greater(x, threshold).cast(dtype);
}
