// What it takes to add an operation from outside the package, or to draw graphs: `@gradiente/autograd/extend`.

import type { DType } from "./dtype.ts";
import { ArgumentError, shown } from "./errors.ts";
import * as launching from "./launch.ts";
import { foreign, type Op } from "./op.ts";
import { checkDType } from "./ops/tensor-like.ts";
import { checkShape, listOf, type Shape } from "./shape.ts";
import * as tape from "./tape.ts";
import { type Tensor, tensorIn } from "./tensor.ts";

export { type Box, type LayeredLayout, type LayoutOptions, layeredLayout, type Point } from "./debug/layout.ts";
export { launch, viewOf } from "./launch.ts";
export { type Op, type Saved, savesInput, savesNothing, savesOutput } from "./op.ts";
export { ElementwiseOp, type ElementwiseParams } from "./ops/elementwise.ts";
export { defineLinear } from "./ops/linear.ts";
export { defineElementwise, pointwise, type ResultRule } from "./ops/pointwise.ts";
export { fromArray } from "./ops/tensor-like.ts";
export { discard, Workspace } from "./ownership.ts";
export * as scalar from "./scalar/expression.ts";
export type { Call } from "./tape.ts";

/** A new contiguous tensor whose elements are yet to be written. */
export function allocate(dtype: DType, shape: Shape, strides?: readonly number[]): Tensor {
  return launching.allocate(checkDType("allocate", dtype), checkShape("allocate", shape), strides);
}

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
  return tape.apply(checkApplied(op, inputs), inputs, params);
}

/** Computes the outputs of an operation, and records it where an input carries a gradient. */
export function applyAll<P>(op: Op<P>, inputs: readonly Tensor[], params: P): readonly Tensor[] {
  return tape.applyAll(checkApplied(op, inputs), inputs, params);
}

/** Refuses what is no operation, and what are no tensors. */
function checkApplied<P>(op: Op<P>, inputs: readonly Tensor[]): Op<P> {
  if (typeof op?.forward !== "function") {
    throw new ArgumentError({
      op: "apply",
      message: `the operation is ${shown(op)}, without forward`,
      hint: "an operation is { name, forward, saves, vjp, jvp, batch }",
    });
  }
  for (const x of listOf(op.name, "inputs", inputs)) tensorIn(op.name, "an input", x);
  return foreign(op);
}
