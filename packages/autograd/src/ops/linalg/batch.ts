import type { DType } from "../../dtype.ts";
import { ShapeError } from "../../errors.ts";
import { type Shape, sizeOf } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import { floating } from "../cast.ts";
import { swapAxes } from "../shape.ts";
import { fromArray, type TensorLike } from "../tensor-like.ts";

/** The transpose of each matrix. */
export const t = (x: Tensor): Tensor => swapAxes(x, -1, -2);

/** A tensor of matrices, as floats: the default ones for integers. */
export function matrices(op: string, x: TensorLike, isSquare: boolean): Tensor {
  const input = floating(x);
  if (input.rank < 2 || (isSquare && input.shape.at(-1) !== input.shape.at(-2))) {
    throw new ShapeError({
      op,
      message: `the last two axes are no ${isSquare ? "square " : ""}matrix`,
      operands: [input],
    });
  }
  return input;
}

/** Runs `f` on every matrix of a batch; gives one tensor per result. */
export function each(
  inputs: readonly Tensor[],
  sizes: readonly Shape[],
  f: (parts: readonly Float64Array[]) => readonly ArrayLike<number>[],
): Tensor[] {
  const lead = inputs[0]!.shape.slice(0, -2);
  const dtype: DType = inputs[0]!.dtype;
  const count = sizeOf(lead);
  const data = inputs.map((x) => Float64Array.from(x.data));
  const steps = inputs.map((x) => sizeOf(x.shape.slice(-2)));
  const results = sizes.map((size) => new Float64Array(count * sizeOf(size)));
  for (let i = 0; i < count; i++) {
    const parts = data.map((d, k) => d.slice(i * steps[k]!, (i + 1) * steps[k]!));
    f(parts).forEach((values, k) => {
      results[k]!.set(values, i * sizeOf(sizes[k]!));
    });
  }
  return results.map((r, k) =>
    fromArray(dtype === "float32" ? Float32Array.from(r) : r, [...lead, ...sizes[k]!], dtype),
  );
}
