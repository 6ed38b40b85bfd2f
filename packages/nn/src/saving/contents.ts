import { GradienteError } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { ModelFileError } from "../errors.ts";
import type { Model } from "../model.ts";
import { nodeModule } from "../node.ts";
import type { LoadStateDictOptions, LoadStateDictResult } from "../state-dict.ts";
import { archive } from "./archive.ts";
import { type AttributeValue, type FileGroup, isHdf5, readHdf5 } from "./hdf5/reader.ts";
import { isRecord, parseConfig } from "./json.ts";
import { namedArrays, readLegacyWeights, readWeights } from "./layout.ts";
import { type OptimizerArrayInFile, restoreOptimizer } from "./training.ts";
import { isZip, readZip } from "./zip.ts";

/** A model file taken apart. */
export interface Contents {
  /** How errors call the file. */
  readonly file: string;
  /** The model's class and options; null where the file has weights only. */
  readonly model: Config | null;
  readonly training: Config | null;
  readonly weights: FileGroup | null;
  /** Whether weights lie in groups by layers' names, as before Keras 3. */
  readonly legacy: boolean;
  readonly optimizer: () => readonly OptimizerArrayInFile[];
}

/** Fills a model's weights: see `Model.loadWeights`. */
export async function loadWeights(
  model: Model,
  source: string | Uint8Array,
  options: LoadStateDictOptions,
): Promise<LoadStateDictResult> {
  if (typeof source === "string" && source.endsWith(".safetensors")) {
    const { loadTensors } = await import("@gradiente/autograd/files");
    return model.loadStateDict(await loadTensors(source), options);
  }
  const { bytes, file } = await bytesOf("loadWeights", source);
  return reported(file, () => {
    const contents = contentsOf(bytes, file);
    if (contents.weights === null) throw new ModelFileError({ op: "loadWeights", message: `${file} has no weights` });
    fill(model, contents, contents.weights);
    if (model.compiled !== null) {
      const arrays = contents.optimizer();
      if (arrays.length > 0) restoreOptimizer(model, model.compiled.optimizer, arrays);
    }
    return { missing: [], unexpected: [] };
  });
}

/** Fills a model from the weights of a file. */
export function fill(model: Model, { legacy, file }: Contents, weights: FileGroup): void {
  if (legacy) readLegacyWeights(model, weights, file);
  else readWeights(model, weights, file);
}

/** The bytes of a file, and how errors call it. */
export async function bytesOf(op: string, source: string | Uint8Array): Promise<{ bytes: Uint8Array; file: string }> {
  if (typeof source !== "string") return { bytes: source, file: "the file" };
  try {
    const { readFile } = nodeModule("node:fs/promises");
    return { bytes: await readFile(source), file: `"${source}"` };
  } catch (error) {
    throw new ModelFileError({
      op,
      message: `"${source}" cannot be read: ${(error as Error).message}`,
      ...(globalThis.process === undefined ? { hint: "where there are no files, give the bytes" } : {}),
    });
  }
}

/** Runs `read`; what a malformed file makes fail there is an error about the file. */
export function reported<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof GradienteError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ModelFileError({ op: "loadModel", message: `${file} is malformed: ${reason}` });
  }
}

/** Takes a file apart, by what it begins with. */
export function contentsOf(bytes: Uint8Array, file: string): Contents {
  if (isZip(bytes)) {
    const entries = readZip(bytes, file);
    const content = (name: string): Uint8Array => {
      const entry = entries.get(name);
      if (entry === undefined) {
        throw new ModelFileError({ op: "loadModel", message: `${file} is a ZIP archive without "${name}"` });
      }
      return entry();
    };
    const model = parseConfig(new TextDecoder().decode(content(archive.config)), `"${archive.config}" in ${file}`);
    const training = isRecord(model.compile_config) ? model.compile_config : null;
    return inHdf5(content(archive.weights), `"${archive.weights}" in ${file}`, { model, training });
  }
  if (!isHdf5(bytes)) {
    throw new ModelFileError({
      op: "loadModel",
      message: `${file} is not a model file: it begins neither as HDF5 nor as a ZIP archive`,
    });
  }
  return inHdf5(bytes, file, null);
}

/** What an HDF5 file contains: weights in one of the layouts, and a model's description unless it lies beside. */
function inHdf5(
  bytes: Uint8Array,
  file: string,
  beside: { readonly model: Config; readonly training: Config | null } | null,
): Contents {
  const root = readHdf5(bytes, file);
  const config = (name: string): Config | null => {
    const value = textOf(root.attributes.get(name));
    return value === null ? null : parseConfig(value, `"${name}" in ${file}`);
  };
  const whole = root.groups.get("model_weights");
  const legacy = whole !== undefined || root.attributes.has("layer_names") || root.attributes.has("layer_names0");
  const { model, training } = beside ?? { model: config("model_config"), training: config("training_config") };
  return {
    file,
    model,
    training,
    weights: whole ?? root,
    legacy: legacy || (beside === null && model !== null),
    optimizer: () => {
      const named = root.groups.get("optimizer_weights");
      if (named !== undefined) return namedArrays(named, file);
      const vars = [...(root.groups.get("optimizer")?.groups.get("vars")?.datasets ?? [])];
      return vars.sort(([a], [b]) => Number(a) - Number(b)).map(([, array]) => ({ name: null, array }));
    },
  };
}

function textOf(value: AttributeValue | undefined): string | null {
  return typeof value === "string" ? value : null;
}

/** How many numbers arrays in a group claim to hold. */
export function numbersIn(group: FileGroup): number {
  let count = 0;
  for (const { shape } of group.datasets.values()) count += shape.reduce((a, b) => a * b, 1);
  for (const inner of group.groups.values()) count += numbersIn(inner);
  return count;
}
