import { type Config, isSerialized, type Json, optionsOf, type Serialized } from "../config.ts";
import { ModelFileError, unknownName } from "../errors.ts";
import { Functional } from "../functional.ts";
import * as activations from "../layers/activations.ts";
import { MultiHeadAttention } from "../layers/attention.ts";
import * as augmentation from "../layers/augmentation.ts";
import * as convolution from "../layers/convolution.ts";
import * as core from "../layers/core.ts";
import { Normalization } from "../layers/feature-normalization.ts";
import * as merge from "../layers/merge.ts";
import * as noise from "../layers/noise.ts";
import * as normalization from "../layers/normalization.ts";
import * as pooling from "../layers/pooling.ts";
import * as recurrent from "../layers/recurrent.ts";
import * as shape from "../layers/shape.ts";
import type { BatchShape, Layer } from "../module.ts";
import { Sequential } from "../sequential.ts";
import { SymbolicTensor } from "../symbolic.ts";

/** Makes a layer from its options as files contain them. */
export type LayerReader = (config: Config, options: Record<string, unknown>) => Layer;

type LayerClass = new (...args: never[]) => Layer;

/** Classes whose first options are arguments of their own, in order. */
const positional: readonly (readonly [LayerClass, readonly string[]])[] = [
  [core.Dense, ["units"]],
  [core.Dropout, ["rate"]],
  [core.Activation, ["activation"]],
  [shape.Reshape, ["targetShape"]],
  [shape.Permute, ["dims"]],
  [shape.RepeatVector, ["n"]],
  [shape.ZeroPadding1D, ["padding"]],
  [shape.ZeroPadding2D, ["padding"]],
  [shape.Cropping1D, ["cropping"]],
  [shape.Cropping2D, ["cropping"]],
  [shape.UpSampling1D, ["size"]],
  [shape.UpSampling2D, ["size"]],
  [noise.SpatialDropout1D, ["rate"]],
  [noise.SpatialDropout2D, ["rate"]],
  [noise.GaussianNoise, ["stddev"]],
  [noise.GaussianDropout, ["rate"]],
  [noise.AlphaDropout, ["rate"]],
  [noise.Rescaling, ["scale"]],
  [augmentation.RandomFlip, ["mode"]],
  [augmentation.RandomBrightness, ["factor"]],
  [augmentation.RandomContrast, ["factor"]],
  [convolution.Conv1D, ["filters", "kernelSize"]],
  [convolution.Conv2D, ["filters", "kernelSize"]],
  [convolution.Conv3D, ["filters", "kernelSize"]],
  [convolution.Conv1DTranspose, ["filters", "kernelSize"]],
  [convolution.Conv2DTranspose, ["filters", "kernelSize"]],
  [convolution.SeparableConv2D, ["filters", "kernelSize"]],
  [convolution.DepthwiseConv2D, ["kernelSize"]],
  [merge.Dot, ["axes"]],
  [recurrent.SimpleRNN, ["units"]],
  [recurrent.LSTM, ["units"]],
  [recurrent.GRU, ["units"]],
  [recurrent.Embedding, ["inputDim", "outputDim"]],
];

/** Classes that take one object of options. */
const plain: readonly LayerClass[] = [
  core.Flatten,
  core.InputLayer,
  noise.ActivityRegularization,
  ...Object.values(activations),
  ...Object.values(pooling),
  normalization.BatchNormalization,
  normalization.LayerNormalization,
  normalization.GroupNormalization,
  normalization.UnitNormalization,
  normalization.RMSNormalization,
  MultiHeadAttention,
  Normalization,
  merge.Add,
  merge.Subtract,
  merge.Multiply,
  merge.Average,
  merge.Maximum,
  merge.Minimum,
  merge.Concatenate,
];

const readers = new Map<string, LayerReader>([
  ["Sequential", (config) => sequentialOf(config)],
  ["Functional", (config) => functionalOf(config)],
  ["Model", (config) => functionalOf(config)],
  [
    "Bidirectional",
    (_, { layer, backwardLayer: _unused, ...options }) =>
      new recurrent.Bidirectional(layerOf(layer as Serialized) as recurrent.LSTM, options),
  ],
  [
    "TimeDistributed",
    (_, { layer, ...options }) => new recurrent.TimeDistributed(layerOf(layer as Serialized), options),
  ],
]);
for (const type of plain) {
  const make = type as new (options: object) => Layer;
  readers.set(nameOf(type), (_, options) => new make(options));
}
for (const [type, names] of positional) {
  const make = type as new (...args: unknown[]) => Layer;
  readers.set(nameOf(type), (_, options) => {
    const rest = { ...options };
    const args = names.map((name) => {
      const value = rest[name];
      delete rest[name];
      return value;
    });
    return new make(...args, rest);
  });
}

function nameOf(type: LayerClass): string {
  return (type as unknown as { readonly className: string }).className;
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
  const stated = batchShapeOf(given.config);
  if (stated !== null) options.inputShape = stated.slice(1);
  if (options.maskZero === true || options.returnState === true || options.stateful === true) {
    const option = options.maskZero ? "mask_zero" : options.returnState ? "return_state" : "stateful";
    throw new ModelFileError({ op: "loadModel", message: `${given.class_name} with ${option} cannot be read yet` });
  }
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

interface FileNode {
  readonly class_name: string;
  readonly config: Config;
  readonly name?: string;
  readonly inbound_nodes: readonly Json[];
}

type Place = readonly [string, number, number];

/** A functional model by its options in a file, in the forms of Keras 2 and 3. */
export function functionalOf(config: Config): Functional {
  const entries = config.layers as unknown as readonly FileNode[];
  const layers = new Map<string, Layer>();
  const made = new Map<string, SymbolicTensor[]>();
  for (const entry of entries) {
    const layer = layerOf(entry);
    const name = entry.name ?? (entry.config.name as string);
    layer.nameIfUnnamed(name);
    layers.set(name, layer);
    made.set(
      name,
      layer instanceof core.InputLayer
        ? [new SymbolicTensor([null, ...(layer.statedInputShape ?? [])], layer, [])]
        : [],
    );
  }
  // Files list layers in an order that need not be that of their use.
  let waiting = entries.flatMap((entry) =>
    (entry.inbound_nodes ?? []).map((node, use) => ({
      name: entry.name ?? (entry.config.name as string),
      use,
      from: placesOf(node),
    })),
  );
  while (waiting.length > 0) {
    const later: typeof waiting = [];
    for (const item of waiting) {
      const parents = item.from.map(([name, use]) => made.get(name)?.[use]);
      const own = made.get(item.name)!;
      if (parents.some((p) => p === undefined) || own.length !== item.use) {
        later.push(item);
        continue;
      }
      const layer = layers.get(item.name)!;
      const known = parents as SymbolicTensor[];
      own.push(new SymbolicTensor(layer.mergedShape(known.map((p) => p.shape)), layer, known));
    }
    if (later.length === waiting.length) {
      throw new ModelFileError({
        op: "loadModel",
        message: `the inputs of the layer "${later[0]!.name}" are not in the file`,
      });
    }
    waiting = later;
  }
  const ends = (places: Json | undefined): SymbolicTensor[] => {
    const list = places as readonly Json[];
    const several = Array.isArray(list[0]) ? (list as unknown as readonly Place[]) : [list as unknown as Place];
    return several.map(([name, use]) => made.get(name)![use]!);
  };
  return new Functional({
    name: config.name as string,
    inputs: ends(config.input_layers),
    outputs: ends(config.output_layers),
  });
}

/** What a layer was applied to: `{ args: [tensor …] }` in Keras 3, `[[name, use, output, {}] …]` in Keras 2. */
function placesOf(node: Json): readonly Place[] {
  if (Array.isArray(node)) {
    const list = Array.isArray(node[0]) ? node : [node];
    return list as unknown as readonly Place[];
  }
  const places: Place[] = [];
  const visit = (value: Json): void => {
    if (Array.isArray(value)) for (const inner of value) visit(inner);
    else if (isSerialized(value) && value.class_name === "__keras_tensor__")
      places.push(value.config.keras_history as unknown as Place);
  };
  visit((node as { readonly args: Json }).args);
  return places;
}
