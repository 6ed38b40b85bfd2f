import { viewOf } from "../launch.ts";
import { type Op, savesNothing } from "../op.ts";
import { apply } from "../tape.ts";
import type { Tensor } from "../tensor.ts";
import { asTensor, type TensorLike } from "./tensor-like.ts";

const detachOp: Op<null> = {
  name: "detach",
  forward: ([x]) => viewOf(x!, x!.shape, x!.strides),
  saves: () => savesNothing,
  vjp: null,
  jvp: null,
  batch: ([x]) => detach(x!),
};

/**
 * A handle on the same elements that carries no gradient.
 *
 * @example
 * ```ts
 * detach(tensor([1], { requiresGrad: true })).requiresGrad; // false
 * ```
 */
export function detach(x: TensorLike): Tensor {
  return apply(detachOp, [asTensor(x)], null);
}

/** The ordinary tensor behind all transformations: for decisions that hold for a whole batch. */
export function underlying(x: Tensor): Tensor {
  let y = x;
  while (y.trace !== null) y = y.trace.behind;
  return y;
}

/**
 * {@link detach} under the name that JAX and TensorFlow users look for.
 *
 * @example
 * ```ts
 * grad((x) => x.mul(stopGradient(x)))(tensor(3)); // 3
 * ```
 */
export const stopGradient: (x: TensorLike) => Tensor = detach;
