import type { TypedArray } from "@gradiente/autograd";
import { writeAtomically } from "@gradiente/autograd/files";
import type { Dataset, File, Group } from "h5wasm";
import type { Config } from "../config.ts";
import { ModelFileError } from "../errors.ts";
import { lossConfig } from "../losses/resolve.ts";
import type { Model } from "../model.ts";
import type { Layer } from "../module.ts";

/** The version of Keras whose layout is written. */
const kerasVersion = "3.15.1";

type Library = typeof import("h5wasm");

/** The HDF5 library, loaded when the first file is read or written. */
async function library(): Promise<Library> {
  const h5: Library = globalThis.process?.versions?.node ? await import("h5wasm/node") : await import("h5wasm");
  await h5.ready;
  return h5;
}

/** Saves a whole model in Keras' HDF5 layout. */
export async function saveH5(model: Model, path: string): Promise<void> {
  const h5 = await library();
  await writeAtomically(path, async (temporary) => {
    const file = new h5.File(temporary, "w");
    try {
      writeModel(file, model);
    } finally {
      file.close();
    }
  });
}

function writeModel(file: File, model: Model): void {
  const text = (group: Group, name: string, value: string): void => group.create_attribute(name, value);
  text(file, "keras_version", kerasVersion);
  text(file, "backend", "tensorflow");
  text(file, "model_config", JSON.stringify({ class_name: model.className, config: model.getConfig() }));
  const training = trainingConfig(model);
  if (training !== null) text(file, "training_config", JSON.stringify(training));
  const weights = file.create_group("model_weights");
  text(weights, "keras_version", kerasVersion);
  text(weights, "backend", "tensorflow");
  names(
    weights,
    "layer_names",
    model.layers.map((l) => l.name),
  );
  for (const layer of model.layers) {
    const paths = weightPaths(layer, layer.name);
    writeArrays(
      weights.create_group(layer.name),
      paths,
      layer.weights.map((w) => w.value),
    );
  }
  names(weights.create_group("top_level_model_weights"), "weight_names", []);
  if (model.compiled !== null) writeOptimizer(file, model);
}

/** `dense/kernel:0`; weights of inner layers under their names too. */
function weightPaths(layer: Layer, prefix: string): string[] {
  const inner = new Map(
    layer.sublayers().flatMap((l) => weightPaths(l, `${prefix}/${l.name}`).map((p, i) => [l.weights[i]!, p] as const)),
  );
  return layer.weights.map((w) => inner.get(w) ?? `${prefix}/${w.name}:0`);
}

function names(group: Group, attribute: string, list: readonly string[]): void {
  if (list.length === 0) group.create_attribute(attribute, new Float64Array(0), [0]);
  else group.create_attribute(attribute, [...list], [list.length]);
}

function writeArrays(
  group: Group,
  paths: readonly string[],
  values: readonly { data: TypedArray; shape: readonly number[] }[],
): void {
  names(group, "weight_names", paths);
  paths.forEach((path, i) => {
    const parts = path.split("/");
    let at = group;
    for (const part of parts.slice(0, -1)) at = (at.get(part) as Group | null) ?? at.create_group(part);
    const { data, shape } = values[i]!;
    at.create_dataset({ name: parts.at(-1)!, data, shape: [...shape] });
  });
}

function trainingConfig(model: Model): Config | null {
  if (model.compiled === null) return null;
  const { options, losses, optimizer } = model.compiled;
  const loss = (i: number): Config[string] =>
    typeof given(options.loss, i) === "string" ? (given(options.loss, i) as string) : lossConfig(losses[i]!);
  return {
    loss: losses.length === 1 ? loss(0) : losses.map((_, i) => loss(i)),
    loss_weights: options.lossWeights ?? null,
    metrics: (options.metrics ?? []).flat().flatMap((m) => (typeof m === "string" ? [m] : [])),
    weighted_metrics: null,
    run_eagerly: false,
    steps_per_execution: 1,
    jit_compile: false,
    optimizer_config: { class_name: optimizer.className, config: optimizer.getConfig() },
  };
}

function given(loss: unknown, index: number): unknown {
  return Array.isArray(loss) ? loss[index] : loss;
}

function writeOptimizer(file: File, model: Model): void {
  const { optimizer } = model.compiled!;
  const prefix = optimizer.name;
  const paths = [`${prefix}/iteration`, `${prefix}/learning_rate`];
  const values: { data: TypedArray | BigInt64Array; shape: readonly number[] }[] = [
    { data: BigInt64Array.of(BigInt(optimizer.steps)), shape: [] },
    { data: Float32Array.of(optimizer.learningRate), shape: [] },
  ];
  for (const layer of model.layers) {
    for (const weight of layer.weights) {
      optimizer.slotsOf(weight.value).forEach((slot, i) => {
        paths.push(`${prefix}/${model.name}_${layer.name}_${weight.name}_${optimizer.slotNames[i]}`);
        values.push(slot);
      });
    }
  }
  writeArrays(
    file.create_group("optimizer_weights"),
    paths,
    values as { data: TypedArray; shape: readonly number[] }[],
  );
}

/** One array of a file. */
export interface FileArray {
  readonly name: string;
  readonly data: TypedArray | BigInt64Array;
  readonly shape: readonly number[];
}

/** What a whole-model file contains. */
export interface ModelFile {
  readonly modelConfig: Config;
  readonly trainingConfig: Config | null;
  /** Arrays by layer, in the file's order. */
  readonly layers: ReadonlyMap<string, readonly FileArray[]>;
  readonly optimizer: readonly FileArray[];
}

/** Reads a whole-model HDF5 file. @throws {ModelFileError} when it is not one. */
export async function readH5(path: string): Promise<ModelFile> {
  const { readFile } = await import("node:fs/promises");
  const head = await readFile(path).catch((error: unknown) => {
    throw new ModelFileError({ op: "loadModel", message: `"${path}" cannot be read: ${(error as Error).message}` });
  });
  const magic = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];
  if (!magic.every((byte, i) => head[i] === byte)) {
    throw new ModelFileError({
      op: "loadModel",
      message: `"${path}" is not an HDF5 file: it does not begin with the HDF5 signature`,
    });
  }
  // Checked here, since the library prints a trace of its own before it reports the same.
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const endAt = (head[8] ?? 0) < 2 ? 40 : 28;
  if (head.length < endAt + 8 || view.getBigUint64(endAt, true) > BigInt(head.length)) {
    const expected = head.length < endAt + 8 ? "a longer header" : `${view.getBigUint64(endAt, true)} bytes`;
    throw new ModelFileError({
      op: "loadModel",
      message: `"${path}" is cut short: it has ${head.length} bytes, but should have ${expected}`,
    });
  }
  const h5 = await library();
  let file: File;
  try {
    file = new h5.File(path, "r");
  } catch (error) {
    throw new ModelFileError({
      op: "loadModel",
      message: `"${path}" is damaged or cut short: ${(error as Error).message}`,
    });
  }
  try {
    return contentsOf(path, file);
  } catch (error) {
    if (error instanceof ModelFileError) throw error;
    throw new ModelFileError({ op: "loadModel", message: `"${path}" cannot be read: ${(error as Error).message}` });
  } finally {
    file.close();
  }
}

function contentsOf(path: string, file: File): ModelFile {
  const config = textAttribute(file, "model_config");
  if (config === null) {
    throw new ModelFileError({
      op: "loadModel",
      message: `"${path}" has no model_config: it holds weights, not a whole model`,
    });
  }
  const training = textAttribute(file, "training_config");
  const layers = new Map<string, readonly FileArray[]>();
  const group = file.get("model_weights") as Group | null;
  if (group !== null)
    for (const name of listAttribute(group, "layer_names")) layers.set(name, arraysOf(group.get(name) as Group));
  const optimizer = file.get("optimizer_weights") as Group | null;
  return {
    modelConfig: JSON.parse(config) as Config,
    trainingConfig: training === null ? null : (JSON.parse(training) as Config),
    layers,
    optimizer: optimizer === null ? [] : arraysOf(optimizer),
  };
}

function textAttribute(group: Group, name: string): string | null {
  const value = group.attrs[name]?.value;
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  return typeof value === "string" ? value : null;
}

/** A list of names; Keras 2 cuts long ones into numbered parts. */
function listAttribute(group: Group, name: string): string[] {
  const { attrs } = group;
  const whole = attrs[name];
  const parts =
    whole === undefined ? Object.keys(attrs).filter((k) => /\d+$/.test(k) && k.replace(/\d+$/, "") === name) : [name];
  return parts.flatMap((part) => {
    const value = attrs[part]!.value;
    return Array.isArray(value) ? (value as string[]) : typeof value === "string" ? [value] : [];
  });
}

function arraysOf(group: Group): FileArray[] {
  return listAttribute(group, "weight_names").map((name) => {
    const dataset = group.get(name) as Dataset | null;
    if (dataset === null) throw new ModelFileError({ op: "loadModel", message: `the array "${name}" is missing` });
    const value = dataset.value;
    const shape = dataset.shape ?? [];
    if (typeof value === "number") return { name, data: Float64Array.of(value), shape };
    if (typeof value === "bigint") return { name, data: BigInt64Array.of(value), shape };
    return { name, data: value as TypedArray, shape };
  });
}
