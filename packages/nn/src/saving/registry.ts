import { type Config, camelCase, isSerialized, type Json, optionsOf, type Serialized } from "../config.ts";
import { ModelFileError, unknownName } from "../errors.ts";
import { Functional } from "../functional.ts";
import * as activations from "../layers/activations.ts";
import { MultiHeadAttention } from "../layers/attention.ts";
import * as augmentation from "../layers/augmentation.ts";
import * as cells from "../layers/cells.ts";
import * as convolution from "../layers/convolution.ts";
import * as core from "../layers/core.ts";
import { Embedding, Masking } from "../layers/embedding.ts";
import { Normalization } from "../layers/feature-normalization.ts";
import * as merge from "../layers/merge.ts";
import * as noise from "../layers/noise.ts";
import * as normalization from "../layers/normalization.ts";
import * as pooling from "../layers/pooling.ts";
import * as recurrent from "../layers/recurrent.ts";
import * as shape from "../layers/shape.ts";
import { Bidirectional, TimeDistributed } from "../layers/wrappers.ts";
import type { BatchShape, Layer } from "../module.ts";
import { Sequential } from "../sequential.ts";
import { type CallOptions, givenTensors, mapOptions, SymbolicTensor } from "../symbolic.ts";

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
  [cells.SimpleRNNCell, ["units"]],
  [cells.LSTMCell, ["units"]],
  [cells.GRUCell, ["units"]],
  [Embedding, ["inputDim", "outputDim"]],
];

/** Classes that take one object of options. */
const plain: readonly LayerClass[] = [
  core.Flatten,
  core.InputLayer,
  Masking,
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
    (config, { layer, backwardLayer, ...options }) =>
      new Bidirectional(layerOf(layer as Serialized) as recurrent.RNN, {
        ...options,
        ...(config.merge_mode === null ? { mergeMode: null } : {}),
        ...(isSerialized(backwardLayer) ? { backwardLayer: layerOf(backwardLayer) as recurrent.RNN } : {}),
      }),
  ],
  ["TimeDistributed", (_, { layer, ...options }) => new TimeDistributed(layerOf(layer as Serialized), options)],
  ["RNN", (_, { cell, ...options }) => new recurrent.RNN(layerOf(cell as Serialized) as cells.RecurrentCell, options)],
  [
    "StackedRNNCells",
    (_, { cells: list, ...options }) =>
      new cells.StackedRNNCells((list as Serialized[]).map(layerOf) as cells.RecurrentCell[], options),
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

/** Which output, of which call of which layer. */
interface Place {
  readonly layer: string;
  readonly use: number;
  readonly output: number;
}

function placeOf(value: Json): Place {
  const [layer, use = 0, output = 0] = value as readonly [string, number?, number?];
  return { layer, use, output };
}

/** A functional model by its options in a file, in the forms of Keras 2 and 3. */
export function functionalOf(config: Config): Functional {
  const entries = config.layers as unknown as readonly FileNode[];
  const layers = new Map<string, Layer>();
  const made = new Map<string, (readonly SymbolicTensor[])[]>();
  for (const entry of entries) {
    const layer = layerOf(entry);
    const name = entry.name ?? (entry.config.name as string);
    layer.nameIfUnnamed(name);
    layers.set(name, layer);
    made.set(
      name,
      layer instanceof core.InputLayer
        ? [SymbolicTensor.outputsOf(layer, [], [[null, ...(layer.statedInputShape ?? [])]])]
        : [],
    );
  }
  // Files list layers in an order that need not be that of their use.
  let waiting = entries.flatMap((entry) =>
    (entry.inbound_nodes ?? []).map((node, use) => ({
      name: entry.name ?? (entry.config.name as string),
      use,
      from: placesOf(node),
      options: keywordsOf(node),
    })),
  );
  while (waiting.length > 0) {
    const later: typeof waiting = [];
    for (const item of waiting) {
      const own = made.get(item.name)!;
      const find = ({ layer, use, output }: Place) => made.get(layer)?.[use]?.[output];
      const parents = [...item.from, ...givenTensors(item.options)].map(find);
      if (parents.some((p) => p === undefined) || own.length !== item.use) {
        later.push(item);
        continue;
      }
      const layer = layers.get(item.name)!;
      own.push(
        layer.connect(
          item.from.map(find) as SymbolicTensor[],
          mapOptions(item.options, (place) => find(place)!),
        ),
      );
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
    return (Array.isArray(list[0]) ? list : [list as Json]).map((item) => {
      const { layer, use, output } = placeOf(item);
      return made.get(layer)![use]![output]!;
    });
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
    return (Array.isArray(node[0]) ? node : [node]).map(placeOf);
  }
  return tensorsIn((node as { readonly args: Json }).args);
}

/** The tensors in what a file says of a call, by their places. */
function tensorsIn(value: Json): readonly Place[] {
  if (Array.isArray(value)) return value.flatMap(tensorsIn);
  const tensor = isSerialized(value) && value.class_name === "__keras_tensor__";
  return tensor ? [placeOf(value.config.keras_history!)] : [];
}

/** What a layer was given besides its inputs. */
function keywordsOf(node: Json): CallOptions<Place> {
  const kwargs = Array.isArray(node) ? undefined : (node as { readonly kwargs?: Config }).kwargs;
  const read = (value: Json): unknown => {
    if (Array.isArray(value)) return value.map(read);
    return isSerialized(value) ? tensorsIn(value)[0] : value;
  };
  const known = ["mask", "initial_state", "attention_mask", "use_causal_mask", "return_attention_scores"];
  return Object.fromEntries(
    Object.entries(kwargs ?? {}).flatMap(([key, value]) =>
      known.includes(key) && value !== null ? [[camelCase(key), read(value)]] : [],
    ),
  );
}
