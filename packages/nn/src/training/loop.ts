import { gradients, noGrad, type Tensor, type TensorLike } from "@gradiente/autograd";
import { discard } from "@gradiente/autograd/extend";
import { type Callback, History } from "../callbacks/callback.ts";
import { automaticVerbosity, ProgressBar } from "../callbacks/progress-bar.ts";
import { DataError, NotReadyError, TrainingError } from "../errors.ts";
import type { Model } from "../model.ts";
import { isBuiltIn } from "../optimizers/resolve.ts";
import { checkInputShape, checkTargets } from "./checks.ts";
import type { Compiled } from "./compiled.ts";
import { type Arrays, type Batch, type BatchIterable, type Column, isBatchIterable } from "./data.ts";
import type { Logs } from "./logs.ts";
import { ArraySource, type ClassWeight, type Source, sourceOf } from "./source.ts";

/** Validation data: arrays (with sample weights), or batches. */
export type ValidationData = readonly [Arrays, Arrays] | readonly [Arrays, Arrays, TensorLike] | BatchIterable;

/** Options of `fit`. */
export interface FitOptions {
  /** Default: 1. */
  readonly epochs?: number;
  /** Default: 32. Data sets have batches of their own. */
  readonly batchSize?: number;
  readonly validationData?: ValidationData;
  /** The fraction of the samples held out for validation, taken from the end before shuffling. Default: 0. */
  readonly validationSplit?: number;
  /** Validate after every so many epochs. Default: 1. */
  readonly validationFreq?: number;
  /** Default: `batchSize`. */
  readonly validationBatchSize?: number;
  /** New random order in every epoch. Default: true. */
  readonly shuffle?: boolean;
  readonly callbacks?: readonly Callback[];
  /** 0 prints nothing, 1 a bar, 2 a line per epoch; "auto" (default) is 1 on a terminal and 2 elsewhere. */
  readonly verbose?: 0 | 1 | 2 | "auto";
  /** The epoch (from 0) to continue at. Default: 0. */
  readonly initialEpoch?: number;
  /** Batches per epoch, of a data set that has more (each epoch begins anew). Default: all. */
  readonly stepsPerEpoch?: number;
  readonly classWeight?: ClassWeight;
  readonly sampleWeight?: TensorLike;
  /** Ends training after the current batch; `fit` returns as usual. */
  readonly signal?: AbortSignal;
  /** Fixes shuffling and noise of this run. Default: go on from the model's seed. */
  readonly seed?: number;
  /** A loss that is not a number: fail, saying where it came from (default), or go on. */
  readonly onNonFinite?: "throw" | "continue";
}

/** Options of `evaluate`. */
export interface EvaluateOptions {
  readonly batchSize?: number;
  readonly sampleWeight?: TensorLike;
  readonly signal?: AbortSignal;
}

/** Other work gets its turn after at most this long, in milliseconds. */
const turn = 50;

/** Lets timers, signals and input be served now and then, without giving up the thread at every batch. */
export class Breather {
  private last: number = performance.now();

  due(): boolean {
    return performance.now() - this.last >= turn;
  }

  async breathe(): Promise<void> {
    await new Promise<void>((resolve) => {
      if (typeof setImmediate === "function") setImmediate(resolve);
      else setTimeout(resolve, 0);
    });
    this.last = performance.now();
  }
}

/** The compiled part of a model. @throws {NotReadyError} before `compile`. */
export function compiledOf(op: string, model: Model): Compiled {
  if (model.compiled === null) {
    throw new NotReadyError({
      op,
      message: `the model "${model.name}" has not been compiled`,
      hint: 'call compile({ loss, optimizer, metrics }) first, for example { loss: "mse", optimizer: "sgd" }',
    });
  }
  return model.compiled;
}

/** @throws {NotReadyError} for a model that has no weights yet: what it would give is only chance. */
export function checkBuilt(op: string, model: Model): void {
  if (model.built) return;
  throw new NotReadyError({
    op,
    message: `the model "${model.name}" is not built, so it has no weights`,
    hint: "state inputShape on the first layer, call ensureBuilt([null, ...]), or fit the model first",
  });
}

/** Builds the model for the source if need be, and checks shapes and labels, before any step. */
function prepare(op: string, model: Model, source: Source): void {
  if (source.columns === null) return;
  const { x, y } = source.columns;
  prepareColumns(op, model, x, y);
}

/** @throws {LayerInputError} for samples of another shape than the model's. */
export function checkInputs(op: string, model: Model, x: readonly Column[]): void {
  prepareColumns(op, model, x, null);
}

function prepareColumns(op: string, model: Model, x: readonly Column[], y: readonly Column[] | null): void {
  model.buildFor(x.map((c) => c.shape));
  const expected = model.inputShapes;
  if (expected !== null) {
    if (expected.length !== x.length) {
      throw new DataError({
        op,
        message: `the model "${model.name}" has ${expected.length} inputs, but ${x.length} were given`,
      });
    }
    x.forEach((c, i) => void checkInputShape(model.inputLayerName, expected[i]!, model.adjusted(c.shape, i)));
  }
  const outputs = model.outputShapes;
  if (y !== null && outputs !== null && model.compiled !== null) checkTargets(op, model.compiled, y, outputs);
}

/** Checks one batch of a data set, whose samples nobody has seen before. */
export function checkBatch(op: string, model: Model, batch: Batch, withTargets: boolean): void {
  const columns = (xs: readonly Tensor[], read: boolean): Column[] =>
    xs.map((t) => ({
      data: read ? t.data : new Float32Array(0),
      shape: t.shape,
      dtype: t.dtype,
      row: t.size / (t.shape[0] || 1),
    }));
  prepareColumns(op, model, columns(batch.x, false), withTargets ? columns(batch.y, true) : null);
}

/** The model's outputs for a batch, and their loss with every penalty. */
function forward(
  model: Model,
  compiled: Compiled,
  batch: Batch,
  training: boolean,
): { readonly outputs: readonly Tensor[]; readonly loss: ReturnType<Compiled["lossOf"]> } {
  const context = { training, generator: model.noise, losses: [] as Tensor[] };
  const outputs = model.callAll(batch.x, context);
  const penalties = [...context.losses];
  for (const w of model.trainableWeights) if (w.regularizer !== null) penalties.push(w.regularizer.apply(w.value));
  return { outputs, loss: compiled.lossOf(batch.y, outputs, batch.sampleWeight, penalties) };
}

/** One step of training: forward, gradients, update. Returns the loss. */
export function trainStep(model: Model, batch: Batch, onNonFinite: "throw" | "continue"): number {
  const compiled = compiledOf("fit", model);
  const weights = model.trainableWeights;
  const { outputs, loss } = forward(model, compiled, batch, true);
  const value = loss.total.item();
  if (!Number.isFinite(value) && onNonFinite === "throw") throw nonFinite(model, batch, value);
  if (weights.length > 0) {
    const slopes = gradients(
      loss.total,
      weights.map((w) => w.value),
    );
    compiled.optimizer.apply(slopes, weights);
    if (isBuiltIn(compiled.optimizer)) discard(slopes);
  }
  noGrad(() => void compiled.update(value, loss.outputs, batch.y, outputs, batch.sampleWeight, batch.size));
  return value;
}

/** Says where a loss that is not a number came from. */
function nonFinite(model: Model, batch: Batch, value: number): TrainingError {
  const spoiled = model.weights.find((w) => !allFinite(w.value));
  const at = spoiled === undefined ? model.firstNonFinite(batch.x) : null;
  const cause =
    spoiled !== undefined
      ? `the weight "${spoiled.name}" is no longer finite`
      : at !== null
        ? `the output of the layer "${at}" is the first that is not finite`
        : "the outputs are finite, so it arises in the loss itself";
  return new TrainingError({
    op: "fit",
    message: `the loss is ${value} at update ${compiledOf("fit", model).optimizer.iterations + 1}; ${cause}`,
    hint: "a smaller learning rate, clipnorm or scaled inputs usually help; the last update was not made",
  });
}

function allFinite(x: Tensor): boolean {
  return x.data.every((v) => Number.isFinite(v));
}

/** One pass over a source without training. */
export async function evaluateSource(op: string, model: Model, source: Source, signal?: AbortSignal): Promise<Logs> {
  const compiled = compiledOf(op, model);
  checkBuilt(op, model);
  prepare(op, model, source);
  compiled.reset();
  const breather = new Breather();
  for await (const batch of source.batches(null)) {
    if (source.columns === null) checkBatch(op, model, batch, true);
    noGrad(() => {
      const { outputs, loss } = forward(model, compiled, batch, false);
      compiled.update(loss.total.item(), loss.outputs, batch.y, outputs, batch.sampleWeight, batch.size);
    });
    if (breather.due()) await breather.breathe();
    if (signal?.aborted) break;
  }
  return compiled.logs();
}

/** Trains a model: see `Model.fit`. */
export async function fit(
  model: Model,
  x: Arrays | BatchIterable,
  y: Arrays | undefined,
  options: FitOptions,
): Promise<History> {
  const compiled = compiledOf("fit", model);
  const { epochs = 1, batchSize = 32, initialEpoch = 0, shuffle = true, validationFreq = 1, signal } = options;
  if (!Number.isInteger(epochs) || epochs < 0) {
    throw new DataError({ op: "fit", message: `epochs is ${epochs}, expected a whole number, 0 or more` });
  }
  if (options.seed !== undefined) model.reseed(options.seed);
  const whole = sourceOf("fit", x, y, {
    batchSize,
    sampleWeight: options.sampleWeight,
    classWeight: options.classWeight,
    steps: options.stepsPerEpoch,
  });
  const [source, validation] = divide(whole, options);
  prepare("fit", model, source);
  if (validation !== null) prepare("fit", model, validation);
  model.markTrainable();

  const requested = options.verbose ?? "auto";
  const verbose = requested === "auto" ? automaticVerbosity() : requested;
  const history = new History();
  const callbacks: Callback[] = [...(options.callbacks ?? []), history];
  if (verbose !== 0 && !callbacks.some((c) => c instanceof ProgressBar)) callbacks.unshift(new ProgressBar());
  const continues = callbacks.some((c) => "handlesNonFinite" in c);
  const onNonFinite = options.onNonFinite ?? (continues ? "continue" : "throw");
  const announce = (): void => {
    for (const c of callbacks) c.attach(model, { epochs, steps: source.steps, verbose, initialEpoch });
  };
  announce();

  model.stopTraining = false;
  const breather = new Breather();
  let logs: Logs | null = null;
  for (const c of callbacks) await c.onTrainBegin();
  try {
    for (let epoch = initialEpoch; epoch < epochs && !model.stopTraining && !signal?.aborted; epoch++) {
      for (const c of callbacks) await c.onEpochBegin(epoch);
      compiled.reset();
      let index = 0;
      for await (const batch of source.batches(shuffle ? model.shuffling : null)) {
        if (source.columns === null) checkBatch("fit", model, batch, true);
        for (const c of callbacks) {
          const pending = c.onBatchBegin(index);
          if (pending) await pending;
        }
        model.trainStep(batch, onNonFinite);
        const soFar = compiled.logs();
        for (const c of callbacks) {
          const pending = c.onBatchEnd(index, soFar);
          if (pending) await pending;
        }
        index++;
        if (breather.due()) await breather.breathe();
        if (signal?.aborted || model.stopTraining || index === options.stepsPerEpoch) break;
      }
      if (signal?.aborted) break;
      logs = compiled.logs();
      if (epoch === initialEpoch) announce();
      if (validation !== null && (epoch + 1) % validationFreq === 0) {
        const own = await evaluateSource("fit", model, validation, signal);
        if (signal?.aborted) break;
        logs = { ...logs, ...Object.fromEntries(Object.entries(own).map(([k, v]) => [`val_${k}`, v])) };
      }
      for (const c of callbacks) await c.onEpochEnd(epoch, logs);
    }
    compiled.optimizer.finalize(model.trainableWeights);
  } finally {
    for (const c of callbacks) await c.onTrainEnd(logs);
  }
  return history;
}

/** The training part and the validation part of what `fit` was given. */
function divide(whole: Source, options: FitOptions): readonly [Source, Source | null] {
  const { validationData, validationSplit = 0, batchSize = 32 } = options;
  const size = options.validationBatchSize ?? batchSize;
  if (validationData !== undefined) {
    if (isBatchIterable(validationData)) {
      return [whole, sourceOf("validationData", validationData, undefined, { batchSize: size })];
    }
    const [x, y, sampleWeight] = validationData as readonly [Arrays, Arrays, TensorLike?];
    return [whole, sourceOf("validationData", x, y, { batchSize: size, sampleWeight })];
  }
  if (validationSplit === 0) return [whole, null];
  if (!(whole instanceof ArraySource)) {
    throw new DataError({
      op: "fit",
      message: "validationSplit needs arrays; give a data set's validation part as validationData",
    });
  }
  const at = Math.floor(whole.count * (1 - validationSplit));
  if (!(validationSplit > 0 && validationSplit < 1) || at === 0 || at === whole.count) {
    throw new DataError({
      op: "fit",
      message: `validationSplit ${validationSplit} of ${whole.count} samples leaves nothing to ${at === whole.count ? "validate" : "train"} on`,
    });
  }
  return whole.split(at);
}
