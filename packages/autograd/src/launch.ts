import type { Kernel, Storage, View } from "./backend/backend.ts";
import { backend } from "./backend/current.ts";
import type { DType } from "./dtype.ts";
import { type Shape, sizeOf } from "./shape.ts";
import { Tensor } from "./tensor.ts";

let ledger: Storage[] | null = null;

/** A new contiguous tensor whose elements are yet to be written. */
export function allocate(dtype: DType, shape: Shape): Tensor {
  const storage = backend().allocate(dtype, sizeOf(shape));
  if (ledger !== null) {
    storage.holders = 0;
    ledger.push(storage);
  }
  return new Tensor({ storage, shape });
}

/** Runs `body`, writing down in `list` the storages it allocates, as the engine's own; in none when that is null. */
export function writingDown<T>(list: Storage[] | null, body: () => T): T {
  const before = ledger;
  ledger = list;
  try {
    return body();
  } finally {
    ledger = before;
  }
}

/** Runs a kernel with one output, a new tensor. */
export function launch(
  kernel: Kernel,
  inputs: readonly View[],
  dtype: DType,
  shape: Shape,
  scalars: readonly number[] = [],
): Tensor {
  const output = allocate(dtype, shape);
  backend().run(kernel, inputs, [output], scalars);
  return output;
}

/** Another handle on the elements of `x`, seen through another layout. */
export function viewOf(x: Tensor, shape: Shape, strides: readonly number[], offset: number = x.offset): Tensor {
  return new Tensor({ storage: x.storage, dtype: x.dtype, shape, strides, offset });
}
