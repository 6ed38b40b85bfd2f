import type { BatchShape, Layer } from "../module.ts";

/** One use of a layer in a model. */
export interface GraphNode {
  readonly layer: Layer;
  /** Where its inputs come from, by the numbers of uses. */
  readonly from: readonly number[];
  /** Shapes of what it gives. */
  readonly shapes: readonly BatchShape[];
}

/** A model as uses of layers, each after those it depends on; of nested models too, within their use. */
export interface ModelGraph {
  readonly nodes: readonly GraphNode[];
}

/** A layer that is a model, and can be drawn as one. */
export interface NestedModel extends Layer {
  graph(): ModelGraph;
}

export function isNested(layer: Layer): layer is NestedModel {
  return "graph" in layer && typeof layer.graph === "function";
}
