import type { BatchShape, Layer } from "./module.ts";

/** A stand-in for a tensor, which layers are applied to when a functional model is put together. */
export class SymbolicTensor {
  /** Shape of the batches it stands for. */
  readonly shape: BatchShape;
  /** The layer that gives it. */
  readonly layer: Layer;
  /** What that layer was applied to. */
  readonly parents: readonly SymbolicTensor[];

  constructor(shape: BatchShape, layer: Layer, parents: readonly SymbolicTensor[]) {
    this.shape = shape;
    this.layer = layer;
    this.parents = parents;
  }
}
