import type { Kernel, View } from "./backend/backend.ts";
import { backend } from "./backend/current.ts";
import type { DType } from "./dtype.ts";
import { note } from "./ownership.ts";
import { isContiguous, type Shape, sizeOf } from "./shape.ts";
import { Tensor } from "./tensor.ts";

/** A new contiguous tensor whose elements are yet to be written. */
export function allocate(dtype: DType, shape: Shape, strides?: readonly number[]): Tensor {
  const storage = backend().allocate(dtype, sizeOf(shape));
  note(storage);
  return new Tensor({ storage, shape, strides });
}

/** Runs a kernel with one output, a new tensor. */
export function launch(
  kernel: Kernel,
  inputs: readonly View[],
  dtype: DType,
  shape: Shape,
  scalars: readonly number[] = [],
): Tensor {
  const like = inputs[0];
  // Results mostly look like what they were made from, and strides are never written to.
  const output = allocate(dtype, shape, like?.shape === shape && isContiguous(like) ? like.strides : undefined);
  backend().run(kernel, inputs, [output], scalars);
  return output;
}

/** Another handle on the elements of `x`, seen through another layout. */
export function viewOf(x: Tensor, shape: Shape, strides: readonly number[], offset: number = x.offset): Tensor {
  return new Tensor({ storage: x.storage, dtype: x.dtype, shape, strides, offset });
}

/** Gives up an intermediate result that nobody else has seen, so that its memory is free for the next at once. */
export function giveUp(x: Tensor): void {
  backend().free(x.storage);
}
