import type { ComputeDType, DType } from "../dtype.ts";
import { computeDType } from "../dtype.ts";
import { argument } from "../scalar/expression.ts";
import type { ElementwiseKernel } from "./backend.ts";

function identity(compute: ComputeDType): ElementwiseKernel {
  return { kind: "elementwise", expressions: [argument(0)], compute };
}

const kernels: Readonly<Record<ComputeDType, ElementwiseKernel>> = {
  float64: identity("float64"),
  float32: identity("float32"),
  int32: identity("int32"),
};

/** The kernel that copies elements into an output of `dtype`, whatever the strides on either side. */
export function copyKernel(dtype: DType): ElementwiseKernel {
  return kernels[computeDType(dtype)];
}
