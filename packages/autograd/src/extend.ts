// What it takes to add an operation from outside the package, or to draw graphs: `@gradiente/autograd/extend`.

import { foreign, type Op } from "./op.ts";
import * as tape from "./tape.ts";
import type { Tensor } from "./tensor.ts";

export { type Box, type LayeredLayout, type LayoutOptions, layeredLayout, type Point } from "./debug/layout.ts";
export { allocate, launch, viewOf } from "./launch.ts";
export { type Op, type Saved, savesInput, savesNothing, savesOutput } from "./op.ts";
export { fromArray } from "./ops/create.ts";
export { ElementwiseOp, type ElementwiseParams } from "./ops/elementwise.ts";
export { defineLinear } from "./ops/linear.ts";
export { defineElementwise, pointwise, type ResultRule } from "./ops/pointwise.ts";
export { discard, Workspace } from "./ownership.ts";
export * as scalar from "./scalar/expression.ts";
export type { Call } from "./tape.ts";

/**
 * Applies an operation with one output; see {@link applyAll}. Shapes and dtypes are the caller's to check.
 *
 * @param params what the operation's rules are given besides tensors; null for none.
 *
 * @example
 * ```ts
 * const mirrorOp: Op<null> = defineLinear("mirror", (x) => noGrad(() => x.flip(-1)), (ct) => mirror(ct), (x) => mirror(x));
 * const mirror = (x: Tensor): Tensor => apply(mirrorOp, [x], null);
 * ```
 */
export function apply<P>(op: Op<P>, inputs: readonly Tensor[], params: P): Tensor {
  return tape.apply(foreign(op), inputs, params);
}

/** Computes the outputs of an operation, and records it where an input carries a gradient. */
export function applyAll<P>(op: Op<P>, inputs: readonly Tensor[], params: P): readonly Tensor[] {
  return tape.applyAll(foreign(op), inputs, params);
}
