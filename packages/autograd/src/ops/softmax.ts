import type { SoftmaxKernel } from "../backend/backend.ts";
import { defaultDType, isFloat } from "../dtype.ts";
import { checkOptions } from "../errors.ts";
import { launch } from "../launch.ts";
import { type Op, savesOutput } from "../op.ts";
import { normalizeAxis } from "../shape.ts";
import { apply } from "../tape.ts";
import type { Tensor } from "../tensor.ts";
import { mul, sub } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { exp } from "./math.ts";
import { sum } from "./reduction.ts";
import { moveAxis } from "./shape.ts";
import { asTensor, type TensorLike } from "./tensor-like.ts";

const softmaxKernel: SoftmaxKernel = { kind: "softmax", log: false };
export const logSoftmaxKernel: SoftmaxKernel = { kind: "softmax", log: true };

const total = (x: Tensor): Tensor => sum(x, { axis: -1, keepDims: true });

/** y·(t - Σ y·t): the Jacobian is symmetric, so it serves both modes. */
const softmaxDerivative = (t: Tensor, y: Tensor): Tensor => mul(y, sub(t, total(mul(y, t))));

const softmaxOp: Op<null> = {
  name: "softmax",
  forward: ([x]) => launch(softmaxKernel, [x!], x!.dtype, x!.shape),
  saves: () => savesOutput,
  vjp: ([cotangent], call) => softmaxDerivative(cotangent!, call.output()),
  jvp: ([tangent], call) => softmaxDerivative(tangent!, call.output()),
  batch: ([x]) => apply(softmaxOp, [x!], null),
};

const logSoftmaxOp: Op<null> = {
  name: "logSoftmax",
  forward: ([x]) => launch(logSoftmaxKernel, [x!], x!.dtype, x!.shape),
  saves: () => savesOutput,
  vjp: ([cotangent], call) => sub(cotangent!, mul(exp(call.output()), total(cotangent!))),
  jvp: ([tangent], call) => sub(tangent!, total(mul(exp(call.output()), tangent!))),
  batch: ([x]) => apply(logSoftmaxOp, [x!], null),
};

/** Options of {@link softmax} and {@link logSoftmax}. */
export interface SoftmaxOptions {
  /** The axis along which results sum to 1. Default: the last. */
  readonly axis?: number;
}

function alongAxis(op: Op<null>, x: TensorLike, options: SoftmaxOptions): Tensor {
  const { axis = -1 } = checkOptions(op.name, options, ["axis"]);
  const given = asTensor(x);
  const input = isFloat(given.dtype) ? given : cast(given, defaultDType());
  const at = normalizeAxis(op.name, axis, input);
  if (at === input.rank - 1) return apply(op, [input], null);
  return moveAxis(apply(op, [moveAxis(input, at, -1)], null), -1, at);
}

/**
 * exp(x) / Σ exp(x) along an axis: turns logits into probabilities. The largest logit is subtracted first, so that
 * nothing overflows.
 *
 * @example
 * ```ts
 * softmax([0, 0, Math.log(2)]); // [0.25, 0.25, 0.5]
 * ```
 */
export function softmax(x: TensorLike, options: SoftmaxOptions = {}): Tensor {
  return alongAxis(softmaxOp, x, options);
}

/**
 * The logarithm of {@link softmax}, precise where probabilities are tiny.
 *
 * @example
 * ```ts
 * logSoftmax([0, 0]); // [-0.693147, -0.693147]
 * ```
 */
export function logSoftmax(x: TensorLike, options: SoftmaxOptions = {}): Tensor {
  return alongAxis(logSoftmaxOp, x, options);
}
