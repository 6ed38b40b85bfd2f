// What it takes to add an operation from outside the package: `@gradiente/autograd/extend`.

export { allocate, launch, viewOf } from "./launch.ts";
export { ElementwiseOp, type ElementwiseParams } from "./ops/elementwise.ts";
export { defineLinear } from "./ops/linear.ts";
export { defineElementwise, pointwise, type ResultRule } from "./ops/pointwise.ts";
export * as scalar from "./scalar/expression.ts";
export { apply, applyAll, type Call, type Op, type Saved, savesInput, savesNothing, savesOutput } from "./tape.ts";
