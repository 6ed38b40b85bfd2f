import {
  abs,
  add,
  arange,
  broadcastTo,
  concatenate,
  crossEntropy,
  div,
  exp,
  eye,
  lessEqual,
  log,
  log1p,
  logSoftmax,
  logSumExp,
  matmul,
  maximum,
  mean,
  mul,
  neg,
  pad,
  pow,
  relu,
  slice,
  softplus,
  sqrt,
  square,
  stack,
  sub,
  sum,
  type Tensor,
  takeAlongAxis,
  tensor,
  where,
} from "@gradiente/autograd";
import { logitsOf, sigmoid, softmax } from "../activations/activation.ts";
import { attachMask } from "../masks.ts";

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

/** The logits behind predictions of classes, where those are known, as in Keras. */
function classLogits(yPred: Tensor, fromLogits: boolean, axis: number): Tensor | null {
  if (fromLogits) return yPred;
  const origin = logitsOf(yPred);
  return origin?.kind === "softmax" && (axis === -1 || axis === yPred.rank - 1) ? origin.logits : null;
}

/** Logarithms of class probabilities. */
function logProbabilities(yPred: Tensor, fromLogits: boolean, axis: number): Tensor {
  const logits = classLogits(yPred, fromLogits, axis);
  if (logits !== null) return logSoftmax(logits, { axis });
  return log(clip(div(yPred, sum(yPred, { axis, keepDims: true })), epsilon, 1 - epsilon));
}

/** −Σ t·log p over the classes, for one-hot (or soft) targets. */
export function categoricalCrossentropy(yTrue: Tensor, yPred: Tensor, options: CrossentropyOptions = {}): Tensor {
  const { fromLogits = false, labelSmoothing = 0, axis = -1 } = options;
  let t = asLike(yTrue, yPred);
  if (labelSmoothing > 0) t = add(mul(t, 1 - labelSmoothing), labelSmoothing / yPred.shape.at(axis)!);
  return neg(sum(mul(t, logProbabilities(yPred, fromLogits, axis)), { axis }));
}

/** Options of cross-entropies for targets that are class numbers. */
export interface SparseCrossentropyOptions {
  /** Whether predictions are logits, not probabilities. Default: false. */
  readonly fromLogits?: boolean;
  /** A class whose samples have loss 0. Default: none. */
  readonly ignoreClass?: number | null;
  /** The axis of the classes. Default: the last. */
  readonly axis?: number;
}

/** −log of the probability of the right class, for targets that are class numbers. */
export function sparseCategoricalCrossentropy(
  yTrue: Tensor,
  yPred: Tensor,
  options: SparseCrossentropyOptions = {},
): Tensor {
  const { fromLogits = false, ignoreClass = null, axis = -1 } = options;
  let t = yTrue;
  if (t.rank === yPred.rank && t.shape.at(axis) === 1) t = t.reshape(t.shape.slice(0, -1));
  if (t.dtype !== "int32") t = t.cast("int32");
  const kept = ignoreClass === null ? null : t.notEqual(ignoreClass);
  if (kept !== null) t = where(kept, t, 0).cast("int32");
  const logits = classLogits(yPred, fromLogits, axis) ?? log(clip(yPred, epsilon, 1 - epsilon));
  const losses = crossEntropy(logits, t, { axis, reduction: "none", ignoreIndex: null });
  if (kept === null) return losses;
  const own = mul(losses, kept.cast(losses.dtype));
  attachMask(own, kept);
  return own;
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

/** Options of losses that measure overlap. */
export interface OverlapOptions {
  /** The axes to sum over. Default: all, which gives one loss for the batch. */
  readonly axis?: number | readonly number[] | null;
}

/** 1 − 2·Σtp / (Σt + Σp), the overlap of two masks. */
export function dice(yTrue: Tensor, yPred: Tensor, { axis = null }: OverlapOptions = {}): Tensor {
  const t = asLike(yTrue, yPred);
  const total = (x: Tensor): Tensor => (axis === null ? sum(x) : sum(x, { axis }));
  return sub(1, div(mul(total(mul(t, yPred)), 2), add(add(total(t), total(yPred)), epsilon)));
}

/** Options of {@link tversky}. */
export interface TverskyOptions extends OverlapOptions {
  /** How much what predictions miss counts, as Keras computes it (it says the opposite). Default: 0.5. */
  readonly alpha?: number;
  /** How much what predictions have too much counts. Default: 0.5. */
  readonly beta?: number;
}

/** 1 − tp / (tp + alpha·fn + beta·fp) (Salehi et al., 2017). */
export function tversky(yTrue: Tensor, yPred: Tensor, options: TverskyOptions = {}): Tensor {
  const { alpha = 0.5, beta = 0.5, axis = null } = options;
  const t = asLike(yTrue, yPred);
  const total = (x: Tensor): Tensor => (axis === null ? sum(x) : sum(x, { axis }));
  const both = total(mul(t, yPred));
  const falsePositive = total(mul(sub(1, t), yPred));
  const falseNegative = total(mul(t, sub(1, yPred)));
  return sub(1, div(both, add(add(both, mul(falseNegative, alpha)), add(mul(falsePositive, beta), epsilon))));
}

/**
 * (1 − p^q) / q for the probability p of the right class: between cross-entropy (q → 0) and absolute error (q = 1), so that
 * wrong labels do less harm (Zhang and Sabuncu, 2018). Targets are class numbers.
 */
export function categoricalGeneralizedCrossEntropy(
  yTrue: Tensor,
  yPred: Tensor,
  { q = 0.5 }: { readonly q?: number } = {},
): Tensor {
  const labels = (yTrue.rank === yPred.rank ? yTrue.squeeze(-1) : yTrue).cast("int32");
  const p = takeAlongAxis(yPred, labels.unsqueeze(-1), -1).squeeze(-1);
  return div(sub(1, pow(p, q)), q);
}

/** Options of {@link circle}. */
export interface CircleOptions {
  /** Default: 80. */
  readonly gamma?: number;
  /** Default: 0.4. */
  readonly margin?: number;
  /** Whether a sample is not compared with itself. Default: true. */
  readonly removeDiagonal?: boolean;
}

/**
 * Pulls embeddings (samples, features), of norm 1, of one class together and those of different classes apart (Sun et al.,
 * 2020). Targets are class numbers. Samples without another of their class have loss 0.
 */
export function circle(yTrue: Tensor, yPred: Tensor, options: CircleOptions = {}): Tensor {
  const { gamma = 80, margin = 0.4, removeDiagonal = true } = options;
  const labels = yTrue.reshape([-1]).cast("int32");
  const same = labels.unsqueeze(1).equal(labels.unsqueeze(0));
  const other = same.logicalNot();
  const own = removeDiagonal ? same.logicalAnd(eye(labels.size, labels.size).equal(0)) : same;
  const distance = relu(sub(1, matmul(yPred, yPred.transpose())));
  const near = mul(mul(relu(add(distance, margin)), sub(margin, distance)), -gamma);
  const far = mul(mul(relu(sub(1 + margin, distance)), sub(1 - margin, distance)), gamma);
  const total = (scores: Tensor, chosen: Tensor): Tensor =>
    logSumExp(where(chosen, scores, Number.NEGATIVE_INFINITY), { axis: 1 });
  const paired = own.any({ axis: 1 }).logicalAnd(other.any({ axis: 1 }));
  // Where there is no pair the sums are empty; zeros keep their slopes finite.
  const safe = (chosen: Tensor): Tensor => chosen.logicalOr(paired.logicalNot().unsqueeze(1));
  const losses = softplus(add(total(near, safe(own)), total(far, safe(other))));
  const values = where(paired, losses, 0);
  attachMask(values, values.greater(0));
  return values;
}

/**
 * Connectionist temporal classification (Graves et al., 2006): −log of the probability that outputs (samples, steps,
 * classes), given as logits, spell the labels (samples, length), with blanks and repetitions left out. As in Keras, class 0 is
 * the blank and fills up shorter labels.
 */
export function ctc(yTrue: Tensor, yPred: Tensor): Tensor {
  const labels = yTrue.cast("int32");
  const [samples, steps] = yPred.shape as readonly [number, number];
  const length = labels.shape[1]!;
  const states = 2 * length + 1;
  // Blanks around every label; a state may be skipped into from two before where labels differ.
  const extended = new Int32Array(samples * states);
  const skips = new Uint8Array(samples * states);
  const ends = new Int32Array(samples);
  const data = labels.data;
  for (let s = 0; s < samples; s++) {
    for (let i = 0; i < length; i++) {
      const label = data[s * length + i]!;
      extended[s * states + 2 * i + 1] = label;
      skips[s * states + 2 * i + 1] = Number(i > 0 && label !== data[s * length + i - 1]);
      if (label !== 0) ends[s]!++;
    }
  }
  const low = -1e30;
  const symbols = tensor({ data: extended, shape: [samples, states] });
  const mayskip = tensor({ data: skips, shape: [samples, states] }).cast("bool");
  const logs = logSoftmax(yPred);
  const emitted = takeAlongAxis(logs, broadcastTo(symbols.unsqueeze(1), [samples, steps, states]), -1);
  const begin = arange(states).less(2).unsqueeze(0);
  let alpha = where(begin, emitted.select(1, 0), low);
  const shifted = (by: number): Tensor =>
    slice(
      pad(
        alpha,
        [
          [0, 0],
          [by, 0],
        ],
        { value: low },
      ),
      [null, { stop: states }],
    );
  for (let t = 1; t < steps; t++) {
    const from = stack([alpha, shifted(1), where(mayskip, shifted(2), low)], { axis: 0 });
    alpha = add(logSumExp(from, { axis: 0 }), emitted.select(1, t));
  }
  const last = tensor({ data: ends.map((n) => 2 * n), shape: [samples, 1] });
  const before = tensor({ data: ends.map((n) => Math.max(0, 2 * n - 1)), shape: [samples, 1] });
  const final = concatenate([takeAlongAxis(alpha, last, 1), takeAlongAxis(alpha, before, 1)], { axis: 1 });
  const single = tensor({ data: Uint8Array.from(ends, (n) => Number(n === 0)), shape: [samples, 1] }).cast("bool");
  const both = where(concatenate([single.logicalAnd(false), single], { axis: 1 }), low, final);
  return neg(logSumExp(both, { axis: 1 }));
}
