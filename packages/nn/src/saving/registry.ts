import { type Config, isSerialized, optionsOf, type Serialized } from "../config.ts";
import { ModelFileError } from "../errors.ts";
import * as activations from "../layers/activations.ts";
import * as attention from "../layers/attention.ts";
import * as augmentation from "../layers/augmentation.ts";
import { BatchNormalization } from "../layers/batch-normalization.ts";
import * as cells from "../layers/cells.ts";
import * as convolution from "../layers/convolution.ts";
import * as transposed from "../layers/convolution-transposed.ts";
import * as core from "../layers/core.ts";
import { EinsumDense } from "../layers/einsum-dense.ts";
import { Embedding, Masking } from "../layers/embedding.ts";
import { CategoryEncoding, Discretization } from "../layers/encoding.ts";
import { Normalization } from "../layers/feature-normalization.ts";
import { IntegerLookup, StringLookup } from "../layers/lookup.ts";
import * as merge from "../layers/merge.ts";
import * as heads from "../layers/multi-head-attention.ts";
import * as noise from "../layers/noise.ts";
import * as normalization from "../layers/normalization.ts";
import * as pooling from "../layers/pooling.ts";
import * as recurrent from "../layers/recurrent.ts";
import * as resizing from "../layers/resizing.ts";
import * as shape from "../layers/shape.ts";
import * as spatial from "../layers/spatial.ts";
import { Bidirectional, TimeDistributed } from "../layers/wrappers.ts";
import { Layer } from "../module.ts";
import { batchShapeOf, functionalOf, sequentialOf } from "./graph.ts";
import { refusedCode } from "./json.ts";
import { customInstance } from "./scope.ts";

/** Makes a layer from its options as files contain them. */
type LayerReader = (config: Config, options: Record<string, unknown>) => Layer;

type LayerClass = (new (...args: never[]) => Layer) & { readonly className: string };

/** Classes whose first options are arguments of their own, in order. */
const positional: readonly (readonly [LayerClass, readonly string[]])[] = [
  [core.Dense, ["units"]],
  [core.Dropout, ["rate"]],
  [core.Activation, ["activation"]],
  [shape.Reshape, ["targetShape"]],
  [shape.Permute, ["dims"]],
  [shape.RepeatVector, ["n"]],
  [spatial.ZeroPadding1D, ["padding"]],
  [spatial.ZeroPadding2D, ["padding"]],
  [spatial.ZeroPadding3D, ["padding"]],
  [spatial.Cropping1D, ["cropping"]],
  [spatial.Cropping2D, ["cropping"]],
  [spatial.Cropping3D, ["cropping"]],
  [spatial.UpSampling1D, ["size"]],
  [spatial.UpSampling2D, ["size"]],
  [spatial.UpSampling3D, ["size"]],
  [noise.SpatialDropout1D, ["rate"]],
  [noise.SpatialDropout2D, ["rate"]],
  [noise.SpatialDropout3D, ["rate"]],
  [noise.GaussianNoise, ["stddev"]],
  [noise.GaussianDropout, ["rate"]],
  [noise.AlphaDropout, ["rate"]],
  [noise.Rescaling, ["scale"]],
  [augmentation.RandomFlip, ["mode"]],
  [augmentation.RandomBrightness, ["factor"]],
  [augmentation.RandomContrast, ["factor"]],
  [augmentation.RandomRotation, ["factor"]],
  [augmentation.RandomTranslation, ["heightFactor", "widthFactor"]],
  [augmentation.RandomZoom, ["heightFactor", "widthFactor"]],
  [augmentation.RandomCrop, ["height", "width"]],
  [resizing.Resizing, ["height", "width"]],
  [resizing.CenterCrop, ["height", "width"]],
  [EinsumDense, ["equation", "outputShape"]],
  [convolution.Conv1D, ["filters", "kernelSize"]],
  [convolution.Conv2D, ["filters", "kernelSize"]],
  [convolution.Conv3D, ["filters", "kernelSize"]],
  [transposed.Conv1DTranspose, ["filters", "kernelSize"]],
  [transposed.Conv2DTranspose, ["filters", "kernelSize"]],
  [transposed.Conv3DTranspose, ["filters", "kernelSize"]],
  [convolution.SeparableConv1D, ["filters", "kernelSize"]],
  [convolution.SeparableConv2D, ["filters", "kernelSize"]],
  [convolution.DepthwiseConv1D, ["kernelSize"]],
  [convolution.DepthwiseConv2D, ["kernelSize"]],
  [pooling.AdaptiveAveragePooling1D, ["outputSize"]],
  [pooling.AdaptiveAveragePooling2D, ["outputSize"]],
  [pooling.AdaptiveAveragePooling3D, ["outputSize"]],
  [pooling.AdaptiveMaxPooling1D, ["outputSize"]],
  [pooling.AdaptiveMaxPooling2D, ["outputSize"]],
  [pooling.AdaptiveMaxPooling3D, ["outputSize"]],
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
  ...Object.values(pooling).filter((type) => !type.className.startsWith("Adaptive")),
  BatchNormalization,
  normalization.LayerNormalization,
  normalization.GroupNormalization,
  normalization.UnitNormalization,
  normalization.RMSNormalization,
  ...Object.values(attention),
  ...Object.values(heads),
  Normalization,
  CategoryEncoding,
  Discretization,
  core.IdentityLayer,
  merge.Add,
  merge.Subtract,
  merge.Multiply,
  merge.Average,
  merge.Maximum,
  merge.Minimum,
  merge.Concatenate,
];

const readers = new Map<string, LayerReader>([
  ["Sequential", (config) => sequentialOf(config, layerOf)],
  ["Functional", (config) => functionalOf(config, layerOf)],
  ["Model", (config) => functionalOf(config, layerOf)],
  [
    "Bidirectional",
    (config, { layer, backwardLayer, ...options }) =>
      new Bidirectional(innerOf(layer) as recurrent.RNN, {
        ...options,
        ...(config.merge_mode === null ? { mergeMode: null } : {}),
        ...(isSerialized(backwardLayer) ? { backwardLayer: innerOf(backwardLayer) as recurrent.RNN } : {}),
      }),
  ],
  [
    "SpectralNormalization",
    (_, { layer, ...options }) => new normalization.SpectralNormalization(innerOf(layer), options),
  ],
  ["TimeDistributed", (_, { layer, ...options }) => new TimeDistributed(innerOf(layer), options)],
  ["RNN", (_, { cell, ...options }) => new recurrent.RNN(innerOf(cell) as cells.RecurrentCell, options)],
  [
    "StackedRNNCells",
    (_, { cells: list, ...options }) =>
      new cells.StackedRNNCells((list as unknown[]).map(innerOf) as cells.RecurrentCell[], options),
  ],
]);
for (const type of plain) readers.set(type.className, (_, options) => construct(type, [options]));
for (const type of [IntegerLookup, StringLookup]) {
  readers.set(type.className, (_, options) => {
    const known = Object.entries(options).filter(([name]) => type.optionNames.includes(name));
    return construct(type, [Object.fromEntries(known)]);
  });
}
for (const [type, names] of positional) {
  readers.set(type.className, (_, options) => {
    const rest = { ...options };
    const args = names.map((name) => {
      const value = rest[name];
      delete rest[name];
      return value;
    });
    return construct(type, [...args, rest]);
  });
}

readers.set("GroupQueryAttention", readers.get("GroupedQueryAttention")!);

/** Options come from files, so that no type is known of them; classes check what they are given. */
function construct(type: LayerClass, args: readonly unknown[]): Layer {
  return Reflect.construct(type, args) as Layer;
}

/** Options that change what a layer computes and are not there, with the values that mean they are off. */
const mustBe: Readonly<Record<string, readonly unknown[]>> = {
  dataFormat: ["channels_last"],
  loraRank: [],
  quantizationConfig: [],
  virtualBatchSize: [],
  timeMajor: [false],
  ragged: [false],
};

/**
 * The layer that a file describes.
 * @throws {ModelFileError} for a class that is not known, an option that is not there, or code.
 */
export function layerOf(given: Serialized): Layer {
  const { class_name: name } = given;
  if (name === "Lambda") throw refusedCode();
  const layer = customLayer(given) ?? builtIn(given);
  layer.forgetOptions(); // files have those of other versions of Keras, too
  if (given.config.trainable === false) layer.trainable = false;
  return layer;
}

function customLayer(given: Serialized): Layer | null {
  const own = customInstance(given);
  if (own === null || own instanceof Layer) return own;
  throw new ModelFileError({
    op: "loadModel",
    message: `"${given.class_name}" is a layer in the file, but not a Layer here`,
  });
}

function builtIn(given: Serialized): Layer {
  const { class_name: name, config } = given;
  const read = readers.get(name);
  if (read === undefined) {
    const short = name.replace(/^.*>/, "");
    throw new ModelFileError({
      op: "loadModel",
      message: `the layer class "${name}" is not known; known are ${[...readers.keys()].join(", ")}`,
      hint: `if it is your own, pass customObjects: { "${short}": … } to loadModel, or call registerSerializable with it`,
    });
  }
  const options = optionsOf(config);
  for (const [option, values] of Object.entries(mustBe)) {
    if (options[option] !== undefined && !values.includes(options[option])) {
      throw new ModelFileError({
        op: "loadModel",
        message: `"${config.name}" is a ${name} with ${option} ${JSON.stringify(options[option])}, which is not there`,
      });
    }
  }
  const { dtype } = options;
  // A policy of mixed precision or another dtype is more than a name.
  if (isSerialized(dtype)) options.dtype = dtype.config.name;
  if (options.dtype !== "float64") options.dtype = "float32";
  const stated = batchShapeOf(config);
  if (stated !== null) options.inputShape = stated.slice(1);
  return read(config, options);
}

/** A layer within another. */
function innerOf(given: unknown): Layer {
  if (isSerialized(given)) return layerOf(given);
  throw new ModelFileError({ op: "loadModel", message: "a layer that wraps another does not say which" });
}
