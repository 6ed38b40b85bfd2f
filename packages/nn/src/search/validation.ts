import type { NdArray, TensorLike } from "@gradiente/autograd";
import type { Callback, History } from "../callbacks/callback.ts";
import { type MonitorMode, monitored } from "../callbacks/monitor.ts";
import { DataError } from "../errors.ts";
import { directionOf } from "../metrics/metric.ts";
import type { Model } from "../model.ts";
import { checkOptionNames } from "../option-checks.ts";
import {
  type Arrays,
  type BatchIterable,
  type BatchLike,
  type Column,
  columnOf,
  columnsOf,
  gather,
  isBatchIterable,
  sampleCount,
} from "../training/data.ts";
import type { FitOptions, ValidationData } from "../training/fit.ts";
import type { Logs } from "../training/logs.ts";
import type { Signal } from "../training/signal.ts";
import { kFold } from "./folds.ts";
import type { Objective, Outcome, TrialContext } from "./objective.ts";

/** What a model is made for. */
export interface TrialModelContext {
  /** Number of the trial, from 0. */
  readonly trial: number;
  /** Give it to the model: the trial's own seed. */
  readonly seed: number;
}

/** A division of batches: what {@link trainAndValidate} trains on, and what it validates on. */
export interface ValidationFold {
  readonly train: BatchIterable;
  readonly validation: BatchIterable;
}

/** Options of {@link trainAndValidate}; those of `fit` mean what they mean there. */
export interface TrainAndValidateOptions<V>
  extends Pick<
    FitOptions,
    "batchSize" | "validationBatchSize" | "shuffle" | "stepsPerEpoch" | "classWeight" | "onNonFinite"
  > {
  /** Validate on these. */
  readonly validationData?: ValidationData;
  /** Validate on this fraction of the samples, taken from the end. */
  readonly validationSplit?: number;
  /** Cross-validate: so many models for each trial, each validated on the part it was not trained on. */
  readonly folds?: number;
  /** Give every fold its share of every class: `y` are class numbers, or one-hot rows. Default: false. */
  readonly stratified?: boolean;
  readonly sampleWeight?: TensorLike;
  /** What is compared: a loss or metric on the validation data. Default: "val_loss". */
  readonly monitor?: `val_${string}`;
  /** Whether more of it is better. Default: "auto", which tells from the name. */
  readonly mode?: MonitorMode;
  /** Callbacks for each model that is trained, such as `EarlyStopping`. Default: none. */
  readonly callbacks?: (values: V) => readonly Callback[];
}

const optionNames: readonly (keyof TrainAndValidateOptions<unknown>)[] = [
  ...(["batchSize", "validationBatchSize", "shuffle", "stepsPerEpoch", "classWeight", "onNonFinite"] as const),
  ...(["validationData", "validationSplit", "folds", "stratified", "sampleWeight"] as const),
  ...(["monitor", "mode", "callbacks"] as const),
];

/** What one model is trained and validated on. */
interface Part {
  readonly train: readonly [Arrays, Arrays, TensorLike?] | BatchIterable;
  readonly validation: ValidationData;
}

/**
 * An objective for searches: trains the model that `build` makes of a trial's values, for as many epochs as the trial's
 * budget says, and scores it on data it was not trained on. A budget that grows trains the same model on.
 *
 * The score is that of the model as training left it: weights that `EarlyStopping` has restored, for instance. Data sets
 * that can be told the number of an epoch (those of `@gradiente/datasets`) show every trial the same order of samples.
 *
 * @param build makes a compiled model.
 * @param x samples, batches, or divisions of batches, such as `data.folds(5)` makes once each part is batched.
 * @param y targets, where `x` are samples.
 * @throws {DataError} for counts that differ, or unless there is exactly one kind of validation data.
 *
 * @example
 * ```ts
 * const x = Float32Array.from({ length: 60 }, (_, i) => i / 60);
 * const objective = trainAndValidate(
 *   ({ learningRate }: { learningRate: number }, { seed }) => {
 *     const model = new Sequential([new Dense(1)], { seed });
 *     model.compile({ loss: "mse", optimizer: new SGD({ learningRate }) });
 *     return model;
 *   },
 *   { data: x, shape: [60, 1] },
 *   x.map((v) => 3 * v + 1),
 *   { folds: 3 },
 * );
 * const found = await gridSearch({ learningRate: choice([0.001, 0.1]) }, objective, { budget: 20, seed: 1 });
 * found.best.values; // ({ learningRate: 0.1 })
 * ```
 */
export function trainAndValidate<V>(
  build: (values: V, context: TrialModelContext) => Model | Promise<Model>,
  x: Arrays,
  y: Arrays,
  options: TrainAndValidateOptions<V>,
): Objective<V>;
export function trainAndValidate<V>(
  build: (values: V, context: TrialModelContext) => Model | Promise<Model>,
  x: BatchIterable | readonly ValidationFold[],
  options?: TrainAndValidateOptions<V>,
): Objective<V>;
export function trainAndValidate<V>(
  build: (values: V, context: TrialModelContext) => Model | Promise<Model>,
  x: Arrays | BatchIterable | readonly ValidationFold[],
  yOrOptions?: Arrays | TrainAndValidateOptions<V>,
  last?: TrainAndValidateOptions<V>,
): Objective<V> {
  const batched = isFolds(x) || isBatchIterable(x);
  const options = ((batched ? yOrOptions : last) ?? {}) as TrainAndValidateOptions<V>;
  checkOptionNames("trainAndValidate", options, optionNames);
  const partsFor = batched ? batchedParts(x, options) : arrayParts(x as Arrays, yOrOptions as Arrays, options);
  const { monitor = "val_loss", mode = "auto", folds, stratified = false, validationSplit, batchSize = 32 } = options;
  const upwards = mode === "max" || (mode === "auto" && directionOf(monitor.replace(/^val_/, "")) === "up");

  const objective = async (values: V, context: TrialContext) => {
    const { trial, seed, searchSeed } = context;
    const runs: ModelRun[] = [];
    for (const part of partsFor(searchSeed)) {
      runs.push(new ModelRun(await build(values, { trial, seed }), part, options.callbacks?.(values) ?? [], options));
    }
    return async (budget: number, signal: Signal): Promise<Outcome> => {
      const results: RunResult[] = [];
      for (const run of runs) results.push(await run.train(budget, signal));
      // An interrupted epoch has no values to compare.
      if (signal.aborted) return { score: Number.NaN };
      const scores = results.map(({ logs }) => monitored("trainAndValidate", monitor, logs));
      const curves = results.map(({ history }) => history[monitor] ?? []);
      const epochs = Math.min(...curves.map((c) => c.length));
      return {
        score: mean(scores),
        logs: Object.fromEntries(
          Object.keys(results[0]!.logs).map((name) => [name, mean(results.map(({ logs }) => logs[name]!))]),
        ),
        ...(scores.length > 1 && { folds: scores }),
        curve: Array.from({ length: epochs }, (_, i) => mean(curves.map((c) => c[i]!))),
      };
    };
  };
  return Object.assign(objective, {
    direction: upwards ? ("max" as const) : ("min" as const),
    scoreName: monitor,
    budgetName: "epochs",
    settings: {
      monitor,
      folds: folds ?? (isFolds(x) ? x.length : null),
      stratified,
      validationSplit: validationSplit ?? null,
      batchSize: batched ? null : batchSize,
    },
  });
}

interface RunResult {
  readonly logs: Logs;
  readonly history: History["history"];
}

/** A model under training on one part of the data. */
class ModelRun {
  private readonly model: Model;
  private readonly samples: Part["train"];
  private readonly validation: ValidationData;
  private readonly fit: FitOptions;
  private epochs = 0;

  constructor(model: Model, part: Part, callbacks: readonly Callback[], options: TrainAndValidateOptions<never>) {
    const { batchSize, validationBatchSize, shuffle, stepsPerEpoch, classWeight, onNonFinite } = options;
    this.model = model;
    this.samples = isBatchIterable(part.train) ? sameEpochs(part.train) : part.train;
    this.validation = isBatchIterable(part.validation) ? sameEpochs(part.validation) : part.validation;
    const given = { batchSize, validationBatchSize, shuffle, stepsPerEpoch, classWeight, onNonFinite };
    const stated = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    this.fit = { ...stated, validationData: this.validation, callbacks, verbose: 0 };
  }

  /** Trains on until the model has had so many epochs in all. */
  async train(epochs: number, signal: Signal): Promise<RunResult> {
    const { model, samples: train, validation } = this;
    const options = { ...this.fit, initialEpoch: this.epochs, epochs, signal };
    const { history } = isBatchIterable(train)
      ? await model.fit(train, options)
      : await model.fit(train[0], train[1], train[2] === undefined ? options : { ...options, sampleWeight: train[2] });
    this.epochs = epochs;
    const last = Object.entries(history).flatMap(([name, values]) =>
      name.startsWith("val_") || values.length === 0 ? [] : [[name, values.at(-1)!] as const],
    );
    const batchSize = this.fit.validationBatchSize ?? this.fit.batchSize ?? 32;
    const own = isBatchIterable(validation)
      ? await model.evaluate(validation, { signal })
      : await model.evaluate(validation[0], validation[1], {
          batchSize,
          signal,
          ...(validation[2] !== undefined && { sampleWeight: validation[2] }),
        });
    const validated = Object.entries(own).map(([name, value]) => [`val_${name}`, value] as const);
    return { logs: { loss: Number.NaN, ...Object.fromEntries([...last, ...validated]) }, history };
  }
}

/** A data set whose passes can be numbered. */
interface NumberedEpochs {
  iterate(options: { readonly epoch: number }): AsyncIterable<BatchLike>;
}

/** The same batches, beginning with the first epoch whatever was read before; others are taken as they come. */
function sameEpochs(batches: BatchIterable): BatchIterable {
  if (!("iterate" in batches) || typeof batches.iterate !== "function") return batches;
  const numbered = batches as NumberedEpochs;
  let epoch = 0;
  return { [Symbol.asyncIterator]: () => numbered.iterate({ epoch: epoch++ })[Symbol.asyncIterator]() };
}

function isFolds(x: unknown): x is readonly ValidationFold[] {
  return Array.isArray(x) && x.length > 0 && x.every((v) => typeof v === "object" && v !== null && "train" in v);
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** Checks that exactly one way to validate is stated. */
function checkOne(options: TrainAndValidateOptions<never>, known: readonly (keyof TrainAndValidateOptions<never>)[]) {
  const ways = ["validationData", "validationSplit", "folds"] as const;
  const given = ways.filter((name) => options[name] !== undefined);
  if (given.length === 1 && known.includes(given[0]!)) return;
  throw new DataError({
    op: "trainAndValidate",
    message: `${given.length === 0 ? "nothing is" : `${given.join(" and ")} are`} given to validate on, expected ${known.length === 1 ? "" : "one of "}${known.join(", ")}`,
    hint: "a data set is divided before it is batched: give [{ train, validation }, ...], or validationData",
  });
}

type Parts = (searchSeed: number) => readonly Part[];

function batchedParts(
  x: Arrays | BatchIterable | readonly ValidationFold[],
  options: TrainAndValidateOptions<never>,
): Parts {
  if (isFolds(x)) return () => x;
  checkOne(options, ["validationData"]);
  const parts = [{ train: x as BatchIterable, validation: options.validationData! }];
  return () => parts;
}

function arrayParts(x: Arrays, y: Arrays, options: TrainAndValidateOptions<never>): Parts {
  const op = "trainAndValidate";
  checkOne(options, ["validationData", "validationSplit", "folds"]);
  const { validationData, validationSplit, folds, stratified = false, sampleWeight } = options;
  if (validationData !== undefined) {
    const train = sampleWeight === undefined ? ([x, y] as const) : ([x, y, sampleWeight] as const);
    return () => [{ train, validation: validationData }];
  }
  const columns = {
    x: columnsOf(op, "x", x),
    y: columnsOf(op, "y", y),
    weight: sampleWeight === undefined ? [] : [columnOf(op, "sampleWeight", sampleWeight)],
  };
  const named = Object.entries(columns).flatMap(([name, list]) => list.map((c) => [name, c] as const));
  const count = sampleCount(op, named);
  const rows = (order: Int32Array): readonly [Arrays, Arrays, TensorLike] | readonly [Arrays, Arrays] => {
    // Typed arrays, which `fit` uses as they are, where it would copy a tensor's values each time.
    const chosen = (column: Column): NdArray => {
      const { data, shape } = gather(column, order, 0, order.length);
      return { data, shape };
    };
    const [xs, ys] = [columns.x.map(chosen), columns.y.map(chosen)];
    return columns.weight[0] === undefined ? [xs, ys] : [xs, ys, chosen(columns.weight[0])];
  };
  if (validationSplit !== undefined) {
    const at = Math.floor(count * (1 - validationSplit));
    if (!(validationSplit > 0 && validationSplit < 1) || at === 0 || at === count) {
      throw new DataError({
        op,
        message: `validationSplit ${validationSplit} of ${count} samples leaves an empty part`,
      });
    }
    const all = Int32Array.from({ length: count }, (_, i) => i);
    const parts = [{ train: rows(all.subarray(0, at)), validation: rows(all.subarray(at)) }];
    return () => parts;
  }
  kFold(count, folds!); // fails at once for a number that cannot be
  const labels = stratified ? classesOf(columns.y[0]!) : undefined;
  let made: { readonly seed: number; readonly parts: readonly Part[] } | null = null;
  return (seed) => {
    if (made?.seed !== seed) {
      const chosen = kFold(count, folds!, { seed, ...(labels && { stratify: labels }) });
      made = { seed, parts: chosen.map((f) => ({ train: rows(f.train), validation: rows(f.validation) })) };
    }
    return made.parts;
  };
}

/** Class numbers, of labels or of one-hot rows. */
function classesOf({ data, shape, row }: Column): ArrayLike<number> {
  if (row === 1) return data;
  return Array.from({ length: shape[0]! }, (_, i) => {
    const one = data.subarray(i * row, (i + 1) * row);
    return one.indexOf(Math.max(...one));
  });
}
