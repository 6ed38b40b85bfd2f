import { writeAtomically } from "@gradiente/autograd/files";
import { type Config, isSerialized, type Json } from "../config.ts";
import { ModelFileError, NotReadyError } from "../errors.ts";
import { Lambda } from "../layers/noise.ts";
import type { Model } from "../model.ts";
import { type Layer, layerConfig } from "../module.ts";
import { optimizerConfig } from "../optimizers/resolve.ts";
import { archive } from "./archive.ts";
import { emptyGroup, type GroupToWrite, groupAt, putArray, writeHdf5 } from "./hdf5/writer.ts";
import { isRecord, stringify } from "./json.ts";
import { legacyWeights, writeWeights } from "./layout.ts";
import { optimizerArrays, trainingConfig } from "./training.ts";
import { writeZip } from "./zip.ts";

/** The version of Keras whose layouts are written. */
const kerasVersion = "3.15.1";

/** Formats of files, by the endings of their names. */
export type ModelFormat = "keras" | "h5" | "weights.h5";

/** Options of saving. */
export interface SaveOptions {
  /** Write what `compile` was given and the optimizer's state too. Default: true. */
  readonly includeOptimizer?: boolean;
}

/** The format that the ending of a path names. @throws {ModelFileError} for another ending. */
export function formatOf(path: string): ModelFormat {
  if (path.endsWith(".weights.h5")) return "weights.h5";
  if (path.endsWith(".keras")) return "keras";
  if (path.endsWith(".h5") || path.endsWith(".hdf5")) return "h5";
  throw new ModelFileError({
    op: "save",
    message: `the format of "${path}" is not known`,
    hint: "the path must end in .keras, .h5, .weights.h5 or .safetensors",
  });
}

/** Saves a model in the format that the path's ending names. */
export async function saveModel(model: Model, path: string, options: SaveOptions = {}): Promise<void> {
  if (typeof path !== "string") {
    throw new ModelFileError({
      op: "save",
      message: `the path is ${String(path)}`,
      hint: 'for example "my_model.keras"',
    });
  }
  if (path.endsWith(".safetensors")) {
    const { saveTensors } = await import("@gradiente/autograd/files");
    await saveTensors(path, model.stateDict());
    return;
  }
  await writeAtomically(path, await encode(model, formatOf(path), options));
}

/** Saves a model's weights, and the optimizer's state. */
export async function saveWeights(model: Model, path: string): Promise<void> {
  if (formatOf(path) !== "weights.h5") {
    throw new ModelFileError({ op: "saveWeights", message: `"${path}" does not end in .weights.h5` });
  }
  await writeAtomically(path, await encode(model, "weights.h5"));
}

/** The bytes of a model file: see `encodeModel`. */
export async function encode(
  model: Model,
  format: ModelFormat,
  { includeOptimizer = true }: SaveOptions = {},
): Promise<Uint8Array> {
  if (!model.built) {
    throw new NotReadyError({ op: "save", message: `the model "${model.name}" is not built, so it has no weights` });
  }
  const training = includeOptimizer ? model.compiled : null;
  if (format !== "weights.h5") refuseLambda(model);
  if (format === "h5") return writeHdf5(legacyModel(model, training !== null));
  const root = emptyGroup();
  writeWeights(model, root);
  if (training !== null) {
    const vars = groupAt(root, ["optimizer", "vars"]);
    vars.attributes.name = training.optimizer.name;
    optimizerArrays(model, training.optimizer).forEach((array, i) => {
      putArray(vars, [String(i)], array);
    });
  }
  const weights = await writeHdf5(root);
  if (format === "weights.h5") return weights;
  const compiled =
    training === null
      ? {}
      : { compile_config: { optimizer: optimizerConfig(training.optimizer), ...trainingConfig(training) } };
  const text = (value: Json): Uint8Array => new TextEncoder().encode(stringify(value));
  return writeZip({
    [archive.metadata]: text({ keras_version: kerasVersion, date_saved: "1980-01-01@00:00:00" }),
    [archive.config]: text({ ...layerConfig(model), ...buildConfig(model), ...compiled }),
    [archive.weights]: weights,
  });
}

/** The shape a model of one's own is built for; others say it in their layers. */
function buildConfig(model: Model): Config {
  return { build_config: { input_shape: model.inputShape } };
}

function legacyModel(model: Model, withTraining: boolean): GroupToWrite {
  const versions = { keras_version: kerasVersion, backend: "tensorflow" };
  const { className } = model;
  const config = { class_name: className, config: legacyConfig(model.getConfig()), ...buildConfig(model) };
  const root = emptyGroup({ ...versions, model_config: stringify(config) });
  root.children.set("model_weights", legacyWeights(model, versions));
  if (withTraining) {
    const { optimizer } = model.compiled!;
    root.attributes.training_config = stringify({
      ...(legacyConfig(trainingConfig(model.compiled!, true)) as Config),
      optimizer_config: { class_name: optimizer.className, config: legacyOptimizer(optimizer.getConfig()) },
    });
    const arrays = optimizerArrays(model, optimizer);
    const group = emptyGroup({ weight_names: arrays.map((a) => a.path) });
    for (const array of arrays) putArray(group, array.path.split("/"), array);
    root.children.set("optimizer_weights", group);
  }
  return root;
}

/** A configuration in the words of Keras 2, which Keras 3 reads too: models without modules, dtypes by name. */
function legacyConfig(value: Json): Json {
  if (Array.isArray(value)) return value.map(legacyConfig);
  if (!isRecord(value)) return value;
  if (isSerialized(value) && value.class_name === "DTypePolicy") return value.config.name ?? null;
  const isModel = value.class_name === "Sequential" || value.class_name === "Functional";
  const entries = Object.entries(value).flatMap(([key, inner]): [string, Json][] => {
    if (isModel && (key === "module" || key === "registered_name")) return [];
    if (key === "batch_shape") return [["batch_input_shape", inner]];
    if (key === "inbound_nodes" && Array.isArray(inner)) return [[key, legacyNodes(inner)]];
    return [[key, legacyConfig(inner)]];
  });
  return Object.fromEntries(entries);
}

/** `[[[layer, use, output, {}] …] …]`, where calls have nothing but inputs. */
function legacyNodes(nodes: readonly Json[]): Json {
  const plain = nodes.every((node) => isRecord(node) && isRecord(node.kwargs) && Object.keys(node.kwargs).length === 0);
  const single = nodes.every((node) => isRecord(node) && Array.isArray(node.args) && node.args.length === 1);
  if (!plain || !single) return nodes;
  return nodes.map((node) => {
    const [given] = (node as { readonly args: readonly Json[] }).args;
    const tensors = (Array.isArray(given) ? given : [given]) as readonly Config[];
    return tensors.map((t) => [...((t.config as Config).keras_history as readonly Json[]), {}]);
  });
}

/** An optimizer's options without those that are off, since older versions do not know all of them. */
function legacyOptimizer(config: Config): Json {
  const off = config.use_ema === false ? ["use_ema", "ema_momentum", "ema_overwrite_frequency"] : [];
  return legacyConfig(
    Object.fromEntries(Object.entries(config).filter(([key, value]) => value !== null && !off.includes(key))),
  );
}

function refuseLambda(layer: Layer): void {
  if (layer instanceof Lambda) {
    throw new ModelFileError({
      op: "save",
      message: `the layer "${layer.name}" is a Lambda, whose function cannot be written to a file`,
      hint: "write a layer of your own that does the same, and registerSerializable it; or save the weights alone",
    });
  }
  for (const inner of layer.sublayers()) refuseLambda(inner);
}
