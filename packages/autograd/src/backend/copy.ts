import type { ComputeDType, DType } from "../dtype.ts";
import { computeDType } from "../dtype.ts";
import { argument, type Expr, parameter } from "../scalar/expression.ts";
import type { ElementwiseKernel } from "./backend.ts";

function forEach(expression: Expr): Readonly<Record<ComputeDType, ElementwiseKernel>> {
  const kernel = (compute: ComputeDType): ElementwiseKernel => ({
    kind: "elementwise",
    expressions: [expression],
    compute,
  });
  return { float64: kernel("float64"), float32: kernel("float32"), int32: kernel("int32") };
}

const copies = forEach(argument(0));
const fills = forEach(parameter(0));

/** The kernel that copies elements into an output of `dtype`, whatever the strides on either side. */
export function copyKernel(dtype: DType): ElementwiseKernel {
  return copies[computeDType(dtype)];
}

/** The kernel that fills an output of `dtype` with the number it is run with. */
export function fillKernel(dtype: DType): ElementwiseKernel {
  return fills[computeDType(dtype)];
}
