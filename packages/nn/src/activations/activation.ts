import {
  abs,
  add,
  div,
  erf,
  exp,
  expm1,
  greater,
  less,
  logSoftmax as logSoftmaxOp,
  mul,
  neg,
  relu as reluOp,
  sigmoid as sigmoidOp,
  silu as siluOp,
  slice,
  softmax as softmaxOp,
  softplus as softplusOp,
  sqrt,
  square,
  sub,
  type Tensor,
  tanh as tanhOp,
  tensor,
  where,
} from "@gradiente/autograd";
import { Workspace } from "@gradiente/autograd/extend";
import { unknownName } from "../errors.ts";
import { customFunction, registeredName } from "../saving/scope.ts";

/** What a probability was computed from, so that a cross-entropy can be computed stably. */
export interface Logits {
  readonly kind: "softmax" | "sigmoid";
  readonly logits: Tensor;
}

const origins = new WeakMap<Tensor, Logits>();

/** The logits behind an activation's output, where it was made by {@link softmax} or {@link sigmoid}. */
export function logitsOf(output: Tensor): Logits | undefined {
  return origins.get(output);
}

/** Softmax over the last axis. */
export function softmax(x: Tensor, options: { readonly axis?: number } = {}): Tensor {
  const output = softmaxOp(x, options);
  const axis = options.axis ?? -1;
  if (axis === -1 || axis === x.rank - 1) origins.set(output, { kind: "softmax", logits: x });
  return output;
}

export function sigmoid(x: Tensor): Tensor {
  const output = sigmoidOp(x);
  origins.set(output, { kind: "sigmoid", logits: x });
  return output;
}

export function linear(x: Tensor): Tensor {
  return x;
}

/** Options of {@link relu}. */
export interface ReluOptions {
  /** Slope below the threshold. Default: 0. */
  readonly negativeSlope?: number;
  /** Upper bound. Default: none. */
  readonly maxValue?: number | null;
  /** Where the slope of 1 begins. Default: 0. */
  readonly threshold?: number;
}

export function relu(x: Tensor, { negativeSlope = 0, maxValue = null, threshold = 0 }: ReluOptions = {}): Tensor {
  let y: Tensor;
  if (threshold === 0) y = negativeSlope === 0 ? reluOp(x) : where(greater(x, 0), x, mul(x, negativeSlope));
  else y = where(greater(x, threshold), x, mul(sub(x, threshold), negativeSlope));
  return maxValue === null ? y : y.minimum(maxValue);
}

export function relu6(x: Tensor): Tensor {
  return relu(x, { maxValue: 6 });
}

export function leakyRelu(x: Tensor, { negativeSlope = 0.2 }: { readonly negativeSlope?: number } = {}): Tensor {
  return where(greater(x, 0), x, mul(x, negativeSlope));
}

/** x for x > 0, else alpha·(eˣ − 1). */
export function elu(x: Tensor, { alpha = 1 }: { readonly alpha?: number } = {}): Tensor {
  return where(greater(x, 0), x, mul(expm1(x.minimum(0)), alpha));
}

export function celu(x: Tensor, { alpha = 1 }: { readonly alpha?: number } = {}): Tensor {
  return add(reluOp(x), mul(expm1(div(x.minimum(0), alpha)), alpha));
}

const seluAlpha = 1.6732632423543772;
const seluScale = 1.0507009873554805;

export function selu(x: Tensor): Tensor {
  return mul(elu(x, { alpha: seluAlpha }), seluScale);
}

/** x·Φ(x); `approximate` (default false) uses tanh instead of erf. */
export function gelu(x: Tensor, { approximate = false }: { readonly approximate?: boolean } = {}): Tensor {
  if (!approximate) return mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1));
  const inner = mul(add(x, mul(mul(square(x), x), 0.044715)), Math.sqrt(2 / Math.PI));
  return mul(mul(x, 0.5), add(tanhOp(inner), 1));
}

export function hardSigmoid(x: Tensor): Tensor {
  return add(div(x, 6), 0.5).maximum(0).minimum(1);
}

export function hardSilu(x: Tensor): Tensor {
  return mul(x, hardSigmoid(x));
}

export function hardTanh(x: Tensor): Tensor {
  return x.maximum(-1).minimum(1);
}

export function hardShrink(x: Tensor, { threshold = 0.5 }: { readonly threshold?: number } = {}): Tensor {
  return where(greater(abs(x), threshold), x, mul(x, 0));
}

export function softShrink(x: Tensor, { threshold = 0.5 }: { readonly threshold?: number } = {}): Tensor {
  return where(greater(x, threshold), sub(x, threshold), where(less(x, -threshold), add(x, threshold), mul(x, 0)));
}

export function tanhShrink(x: Tensor): Tensor {
  return sub(x, tanhOp(x));
}

export function threshold(x: Tensor, options: { readonly threshold: number; readonly value: number }): Tensor {
  return where(greater(x, options.threshold), x, options.value);
}

export function exponential(x: Tensor): Tensor {
  return exp(x);
}

export function tanh(x: Tensor): Tensor {
  return tanhOp(x);
}

export function silu(x: Tensor): Tensor {
  return siluOp(x);
}

export function softplus(x: Tensor): Tensor {
  return softplusOp(x);
}

export function softsign(x: Tensor): Tensor {
  return div(x, add(abs(x), 1));
}

export function logSoftmax(x: Tensor): Tensor {
  return logSoftmaxOp(x);
}

export function logSigmoid(x: Tensor): Tensor {
  return neg(softplusOp(neg(x)));
}

export function mish(x: Tensor): Tensor {
  return mul(x, tanhOp(softplusOp(x)));
}

/** The first half of the last axis times the sigmoid of the second. */
export function glu(x: Tensor): Tensor {
  const half = Math.floor(x.shape.at(-1)! / 2);
  const before = x.shape.slice(0, -1).map(() => null);
  return mul(slice(x, [...before, { stop: half }]), sigmoidOp(slice(x, [...before, { start: half }])));
}

export function squareplus(x: Tensor, { b = 4 }: { readonly b?: number } = {}): Tensor {
  return mul(add(x, sqrt(add(square(x), b))), 0.5);
}

export function sparsePlus(x: Tensor): Tensor {
  return where(less(x, -1), mul(x, 0), where(less(x, 1), mul(square(add(x, 1)), 0.25), x));
}

export function sparseSigmoid(x: Tensor): Tensor {
  return mul(add(x, 1), 0.5).maximum(0).minimum(1);
}

const byName: Readonly<Record<ActivationName, (x: Tensor) => Tensor>> = {
  linear,
  relu,
  relu6,
  leaky_relu: leakyRelu,
  elu,
  celu,
  selu,
  gelu,
  sigmoid,
  hard_sigmoid: hardSigmoid,
  log_sigmoid: logSigmoid,
  tanh,
  hard_tanh: hardTanh,
  tanh_shrink: tanhShrink,
  hard_shrink: hardShrink,
  soft_shrink: softShrink,
  softmax,
  log_softmax: logSoftmax,
  softplus,
  softsign,
  silu,
  swish: silu,
  hard_silu: hardSilu,
  hard_swish: hardSilu,
  exponential,
  mish,
  glu,
  squareplus,
  sparse_plus: sparsePlus,
  sparse_sigmoid: sparseSigmoid,
  sparsemax: sparsemax,
};

/**
 * max(x − τ, 0) over the last axis, with exact zeros. The threshold τ is Keras': it sums the cumulative sums of the
 * support where Martins and Astudillo (2016) take the last of them, so results need not add up to 1.
 */
export function sparsemax(x: Tensor): Tensor {
  const classes = x.shape.at(-1)!;
  const values = x.data;
  const counts = new Float32Array(values.length);
  const sizes = new Float32Array(values.length / classes);
  for (let row = 0; row < sizes.length; row++) {
    const start = row * classes;
    const order = Array.from({ length: classes }, (_, i) => start + i).sort((i, j) => values[j]! - values[i]!);
    let total = 0;
    const support = order.filter((at, i) => {
      total += values[at]!;
      return 1 + (i + 1) * values[at]! > total;
    });
    sizes[row] = support.length;
    support.forEach((at, i) => {
      counts[at] = support.length - i;
    });
  }
  // How often an element counts is piecewise constant; the threshold itself is differentiated.
  const weights = tensor({ data: counts, shape: x.shape }, { dtype: x.dtype });
  const size = tensor({ data: sizes, shape: [...x.shape.slice(0, -1), 1] }, { dtype: x.dtype });
  return reluOp(sub(x, div(sub(weights.mul(x).sum({ axis: -1, keepDims: true }), 1), size)));
}

/** Keras' names of activations. */
export type ActivationName =
  | "linear"
  | "relu"
  | "relu6"
  | "leaky_relu"
  | "elu"
  | "celu"
  | "selu"
  | "gelu"
  | "sigmoid"
  | "hard_sigmoid"
  | "log_sigmoid"
  | "tanh"
  | "hard_tanh"
  | "tanh_shrink"
  | "hard_shrink"
  | "soft_shrink"
  | "softmax"
  | "log_softmax"
  | "softplus"
  | "softsign"
  | "silu"
  | "swish"
  | "hard_silu"
  | "hard_swish"
  | "exponential"
  | "mish"
  | "glu"
  | "squareplus"
  | "sparse_plus"
  | "sparse_sigmoid"
  | "sparsemax";

/** What stands for an activation in options: a name, or any function of one tensor. */
export type ActivationLike = ActivationName | ((x: Tensor) => Tensor);

/** An activation and the name it has in files: of a function of one's own, the one it is registered by, or its own. */
export interface ResolvedActivation {
  readonly name: string;
  readonly apply: (x: Tensor) => Tensor;
}

/** The activation that an option stands for. @throws {ArgumentError} for an unknown name. */
export function resolveActivation(op: string, given: ActivationLike | null | undefined): ResolvedActivation {
  if (given === null || given === undefined) return { name: "linear", apply: linear };
  if (typeof given === "function") {
    const known = Object.entries(byName).find(([, own]) => own === given);
    if (known !== undefined) return { name: known[0], apply: given };
    return { name: registeredName(given) ?? (given.name || "<lambda>"), apply: outside(given) };
  }
  if (Object.hasOwn(byName, given)) return { name: given, apply: byName[given] };
  const custom = customFunction<(x: Tensor) => Tensor>(given);
  if (custom === null) throw unknownName(op, "activation", given, Object.keys(byName));
  return { name: given, apply: outside(custom) };
}

/** A function that is not known to keep nothing of what it sees. */
const outside =
  (f: (x: Tensor) => Tensor): ((x: Tensor) => Tensor) =>
  (x) =>
    Workspace.outside([x], () => f(x));
