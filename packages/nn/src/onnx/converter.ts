import { noGrad, type Tensor } from "@gradiente/autograd";
import type { ResolvedActivation } from "../activations/activation.ts";
import type { Config } from "../config.ts";
import { OnnxExportError } from "../errors.ts";
import type { BatchShape, Layer } from "../module.ts";
import type { CallOptions } from "../symbolic.ts";
import type { GraphBuilder } from "./graph-builder.ts";

/** A value of the graph, with what is known of its shape. */
export interface Value {
  readonly name: string;
  readonly shape: BatchShape;
}

/** One application of a layer that is to become nodes. */
export interface Conversion {
  readonly graph: GraphBuilder;
  readonly layer: Layer;
  /** The layer's options in Keras' names. */
  readonly config: Config;
  readonly inputs: readonly Value[];
  /** The first input's name and shape. */
  readonly x: string;
  readonly shape: BatchShape;
  readonly options: CallOptions<Value>;
  /** Converts a layer within this one. */
  readonly convert: (layer: Layer, inputs: readonly Value[], options?: CallOptions<Value>) => readonly Value[];
}

/** Adds the nodes of a layer. @returns the names of its outputs. */
export type Converter = (conversion: Conversion) => string | readonly string[];

/** The error for what has no counterpart. */
export function unsupported(layer: Layer, message: string, hint?: string): OnnxExportError {
  return new OnnxExportError(layer.name, layer.className, message, hint);
}

/** A weight's value by its name; null where the layer has none of this name. */
export function weightOf(layer: Layer, name: string): Tensor | null {
  return layer.weights.find((w) => w.name === name)?.value ?? null;
}

/** Adds a weight to the graph, with its axes exchanged. */
export function constantOf({ graph }: Conversion, name: string, value: Tensor, axes?: readonly number[]): string {
  const shape = axes === undefined ? value.shape : axes.map((a) => value.shape[a]!);
  return graph.weight(name, shape, () => (axes === undefined ? value : noGrad(() => value.permute([...axes]))).data);
}

/** The activation of a layer that has one. @throws {OnnxExportError} for a function of the user's. */
export function activationOf(layer: Layer, key: "activation" | "gateActivation" = "activation"): string {
  const { name } = (layer as unknown as Record<typeof key, ResolvedActivation>)[key];
  if (name === null) throw unsupported(layer, `its ${key} is a function of one's own`);
  return name;
}
