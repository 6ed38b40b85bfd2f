import { type Config, isSerialized } from "../config.ts";
import { ModelFileError } from "../errors.ts";
import { Model } from "../model.ts";
import type { BatchShape } from "../module.ts";
import { bytesOf, contentsOf, fill, numbersIn, reported } from "./contents.ts";
import { isRecord } from "./json.ts";
import { layerOf } from "./registry.ts";
import { type CustomObjects, withScope } from "./scope.ts";
import { restoreOptimizer, restoreTraining } from "./training.ts";

/** Options of {@link loadModel}. */
export interface LoadOptions {
  /** Compile the model as it was when saved, and restore the optimizer. Default: true. */
  readonly compile?: boolean;
  /** Classes and functions of one's own that the file names; see also `registerSerializable`. */
  readonly customObjects?: CustomObjects;
  /** Is told when an optimizer's state does not fit and training would begin with a new one. Default: `console.warn`. */
  readonly onWarning?: (message: string) => void;
}

/** Loads a model: see `loadModel`. */
export async function load(source: string | Uint8Array, options: LoadOptions): Promise<Model> {
  const { bytes, file } = await bytesOf("loadModel", source);
  return reported(file, () => {
    const contents = contentsOf(bytes, file);
    const { customObjects = {}, compile = true, onWarning = warn } = options;
    if (contents.model === null) {
      throw new ModelFileError({
        op: "loadModel",
        message: `${file} holds weights, not a whole model`,
        hint: "make the model and call loadWeights",
      });
    }
    const described = contents.model;
    const stored = contents.weights === null ? 0 : numbersIn(contents.weights);
    const most = Math.min(stored, 1_000_000 + 128 * bytes.length);
    const model = withScope(customObjects, most, () => modelOf(described, file));
    if (model.built && contents.weights !== null) fill(model, contents, contents.weights);
    else if (stored > 0) {
      throw new ModelFileError({
        op: "loadModel",
        message: `${file} has weights but does not say what shape of input they are for`,
      });
    }
    const { training } = contents;
    if (!compile || training === null || Object.keys(training).length === 0) return model;
    const optimizer = withScope(customObjects, null, () => restoreTraining(model, training));
    if (optimizer !== null && !restoreOptimizer(model, optimizer, contents.optimizer())) {
      onWarning(`loadModel: the optimizer's state in ${file} does not fit the model; training begins with a new one.`);
    }
    return model;
  });
}

function warn(message: string): void {
  console.warn(message);
}

function modelOf(described: Config, file: string): Model {
  if (!isSerialized(described)) throw new ModelFileError({ op: "loadModel", message: `${file} describes no model` });
  const model = layerOf(described);
  if (!(model instanceof Model)) {
    throw new ModelFileError({ op: "loadModel", message: `${file} describes a ${described.class_name}, not a model` });
  }
  const build = described.build_config;
  if (!model.built && isRecord(build) && Array.isArray(build.input_shape)) {
    model.ensureBuilt(build.input_shape as BatchShape);
  }
  return model;
}
