import { type Config, isSerialized, optionsOf, type Serialized } from "../config.ts";
import { ModelFileError, unknownName } from "../errors.ts";
import { Activation, Dense, Dropout, Flatten, InputLayer } from "../layers/core.ts";
import type { BatchShape, Layer } from "../module.ts";
import { Sequential } from "../sequential.ts";

/** Makes a layer from its options as files contain them. */
export type LayerReader = (config: Config, options: Record<string, unknown>) => Layer;

const readers = new Map<string, LayerReader>([
  ["Dense", (_, { units, ...options }) => new Dense(units as number, options)],
  ["Flatten", (_, options) => new Flatten(options)],
  ["Dropout", (_, { rate, ...options }) => new Dropout(rate as number, options)],
  ["Activation", (_, { activation, ...options }) => new Activation(activation as "relu", options)],
  ["InputLayer", (_, options) => new InputLayer(options)],
  ["Sequential", (config) => sequentialOf(config)],
  ["Functional", () => refuse("Functional")],
]);

function refuse(className: string): never {
  throw new ModelFileError({ op: "loadModel", message: `models of class ${className} cannot be read yet` });
}

/**
 * Makes a layer of one's own loadable from files.
 * @param className what `className` says of the layer (by default the class's name).
 * @param read makes the layer; it gets the options with their names here, and those of the file.
 */
export function registerLayer(
  className: string,
  read: (options: Record<string, unknown>, config: Config) => Layer,
): void {
  readers.set(className, (config, options) => read(options, config));
}

/** The layer that a file describes. @throws {ArgumentError} for a class that is not known. */
export function layerOf(given: Serialized): Layer {
  const read = readers.get(given.class_name);
  if (read === undefined) throw unknownName("loadModel", "layer class", given.class_name, [...readers.keys()]);
  const options = optionsOf(given.config);
  const dtype = options.dtype;
  // A policy of mixed precision or another dtype is more than a name.
  if (isSerialized(dtype)) options.dtype = dtype.config.name;
  if (options.dtype !== "float64") options.dtype = "float32";
  const shape = batchShapeOf(given.config);
  if (shape !== null) options.inputShape = shape.slice(1);
  const layer = read(given.config, options);
  if (given.config.trainable === false) layer.trainable = false;
  return layer;
}

/** The shape a first layer states, in the forms of Keras 2 and 3. */
function batchShapeOf(config: Config): BatchShape | null {
  const shape = config.batch_shape ?? config.batch_input_shape ?? null;
  return Array.isArray(shape) ? (shape as BatchShape) : null;
}

/** A Sequential model by its options in a file. */
export function sequentialOf(config: Config): Sequential {
  const list = (Array.isArray(config) ? config : config.layers) as unknown as readonly Serialized[];
  const layers = list.map(layerOf);
  const model = new Sequential(layers, typeof config.name === "string" ? { name: config.name } : {});
  const shape = config.build_input_shape;
  if (!model.built && Array.isArray(shape)) model.ensureBuilt(shape as BatchShape);
  return model;
}
