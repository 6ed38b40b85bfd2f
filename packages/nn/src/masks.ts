import { ShapeError, type Tensor } from "@gradiente/autograd";

const masks = new WeakMap<Tensor, Tensor>();

/**
 * The mask a tensor carries: which of its steps count, boolean, of shape (samples, steps); null for a tensor without.
 *
 * Masks travel with tensors: `Masking` and `Embedding` (with `maskZero`) attach them, layers that support masking hand
 * them on, recurrent layers and attention pass over the steps that do not count, and so do losses and metrics.
 *
 * @example
 * ```ts
 * maskOf(new Masking().apply(tensor([[[1, 2], [0, 0]]]))); // [[true, false]]
 * ```
 */
export function maskOf(x: Tensor): Tensor | null {
  return masks.get(x) ?? null;
}

/** @internal Attaches a mask to a tensor that has just been computed. */
export function attachMask(x: Tensor, mask: Tensor | null): void {
  if (mask !== null) masks.set(x, mask.dtype === "bool" ? mask : mask.cast("bool"));
}

/**
 * The same values under another handle, which carries `mask` (or none).
 * @throws {ShapeError} for a mask whose lengths are not those of the tensor's first axes, or 1.
 */
export function withMask(x: Tensor, mask: Tensor | null): Tensor {
  if (mask !== null && !mask.shape.every((n, i) => n === 1 || n === x.shape[i])) {
    throw new ShapeError({
      op: "mask",
      message: "the mask does not fit the tensor it is for",
      operands: [x, mask],
      hint: "a mask says of each step of each sample whether it counts: (samples, steps)",
    });
  }
  const handle = x.reshape([1, ...x.shape]).reshape(x.shape);
  attachMask(handle, mask);
  return handle;
}
