import { type Config, isSerialized, type Serialized } from "../config.ts";
import { DataError, ModelFileError } from "../errors.ts";
import type { LossLike } from "../losses/resolve.ts";
import type { MetricLike } from "../metrics/resolve.ts";
import type { Model } from "../model.ts";
import { resolveOptimizer } from "../optimizers/resolve.ts";
import type { FileArray, ModelFile } from "./h5.ts";
import { layerOf } from "./registry.ts";

/** Options of {@link loadModel}. */
export interface LoadOptions {
  /** Compile the model as it was when saved. Default: true. */
  readonly compile?: boolean;
}

/**
 * Reads a model that `save` or Keras wrote (`.h5`), with its weights, and compiled as it was.
 * @throws {ModelFileError} when the file is missing, damaged or of another kind.
 */
export async function loadModel(path: string, { compile = true }: LoadOptions = {}): Promise<Model> {
  const { readH5 } = await import("./h5.ts");
  const file = await readH5(path);
  if (!isSerialized(file.modelConfig))
    throw new ModelFileError({ op: "loadModel", message: `"${path}" describes no model` });
  const model = layerOf(file.modelConfig) as Model;
  restoreWeights(path, model, file);
  if (compile && file.trainingConfig !== null) restoreTraining(model, file.trainingConfig, file.optimizer);
  return model;
}

/** Fills layers in the order of the file: names of layers may differ, order may not. */
function restoreWeights(path: string, model: Model, file: ModelFile): void {
  const stored = [...file.layers].filter(([, arrays]) => arrays.length > 0);
  if (!model.built) {
    if (stored.length === 0) return;
    throw new ModelFileError({
      op: "loadModel",
      message: `"${path}" has weights but does not say what shape of input they are for`,
    });
  }
  const own = model.layers.filter((layer) => layer.weights.length > 0);
  if (stored.length !== own.length) {
    throw new ModelFileError({
      op: "loadModel",
      message: `"${path}" has weights for ${stored.length} layers, but its model has ${own.length} layers with weights`,
    });
  }
  own.forEach((layer, i) => {
    const arrays = file.layers.get(layer.name) ?? stored[i]![1];
    try {
      layer.setWeights(arrays as Parameters<typeof layer.setWeights>[0]);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      throw new ModelFileError({ op: "loadModel", message: `"${path}" does not fit its own model: ${error.message}` });
    }
  });
}

/** Compiles as the file says, where everything it names is known. */
function restoreTraining(model: Model, training: Config, state: readonly FileArray[]): void {
  const optimizer = resolveOptimizer(training.optimizer_config as unknown as Serialized);
  model.compile({
    loss: training.loss as LossLike,
    optimizer,
    metrics: metricsOf(training.metrics),
    ...(Array.isArray(training.loss_weights) ? { lossWeights: training.loss_weights as number[] } : {}),
  });
  const scalar = (suffix: string) => state.find((a) => a.name.replace(/:\d+$/, "").endsWith(suffix))?.data[0];
  const steps = scalar("/iteration") ?? scalar("/iter");
  if (steps !== undefined) optimizer.restore(Number(steps));
  const rate = scalar("/learning_rate");
  if (rate !== undefined && optimizer.schedule === null) optimizer.learningRate = Number(rate);
  const weights = model.weights.filter((w) => w.trainable);
  optimizer.build(weights);
  const arrays = state.filter((a) => !/\/(iteration|iter|learning_rate)(:\d+)?$/.test(a.name));
  const slots = weights.flatMap((w) => optimizer.slotsOf(w.value));
  // Another order or number of slots (as older versions wrote) cannot be told apart safely: training starts afresh.
  const fits = arrays.length === slots.length && slots.every((s, i) => s.shape.join() === arrays[i]!.shape.join());
  if (fits) slots.forEach((slot, i) => void slot.write(arrays[i]!.data as Float32Array));
}

/** Names of metrics, from the nested lists that versions of Keras write. */
function metricsOf(given: Config[string] | undefined): MetricLike[] {
  if (!Array.isArray(given)) return typeof given === "string" ? [given as MetricLike] : [];
  return given.flatMap((m): MetricLike[] => {
    if (Array.isArray(m)) return metricsOf(m);
    if (isSerialized(m)) {
      const fn = m.config.fn;
      return typeof fn === "string" ? [fn as MetricLike] : [m];
    }
    return typeof m === "string" ? [m as MetricLike] : [];
  });
}
