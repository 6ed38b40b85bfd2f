import { ArgumentError } from "@gradiente/autograd";
import { Callback, History } from "../callbacks/callback.ts";
import { automaticVerbosity, ProgressBar } from "../callbacks/progress-bar.ts";
import { DataError } from "../errors.ts";
import type { Model } from "../model.ts";
import { checkOptionNames } from "../option-checks.ts";
import { type Arrays, type BatchIterable, isBatchIterable } from "./data.ts";
import { checkCount } from "./evaluate.ts";
import { TrainingRun } from "./run.ts";
import type { Signal } from "./signal.ts";
import { ArraySource, type Source, sourceOf } from "./source.ts";
import { compiledOf, prepare } from "./step.ts";
import { type ClassWeight, checkClasses } from "./weights.ts";

/** Validation data: arrays (with sample weights), or batches. */
export type ValidationData = readonly [Arrays, Arrays] | readonly [Arrays, Arrays, Arrays] | BatchIterable;

/** Options of `fit`. */
export interface FitOptions {
  /** Default: 1. */
  readonly epochs?: number;
  /** Default: 32. Data sets have batches of their own. */
  readonly batchSize?: number;
  readonly validationData?: ValidationData;
  /** The fraction of the samples held out for validation, taken from the end before shuffling. Default: 0. */
  readonly validationSplit?: number;
  /** Validate after every so many epochs, or after those listed (from 1). Default: 1. */
  readonly validationFreq?: number | readonly number[];
  /** Default: `batchSize`. */
  readonly validationBatchSize?: number;
  /** At most so many batches in each validation, which begins anew. Default: all. */
  readonly validationSteps?: number;
  /** New random order in every pass over arrays. Default: true. */
  readonly shuffle?: boolean;
  readonly callbacks?: readonly Callback[];
  /** 0 prints nothing, 1 a bar, 2 a line per epoch; "auto" (default) is 1 on a terminal and 2 elsewhere. */
  readonly verbose?: 0 | 1 | 2 | "auto";
  /** The epoch (from 0) to continue at. Default: 0. */
  readonly initialEpoch?: number;
  /**
   * Batches per epoch; the next epoch goes on where this one stopped. A pass that ends within an epoch ends it (with a
   * warning), and the next epoch begins a new one. Default: an epoch is a pass.
   */
  readonly stepsPerEpoch?: number;
  /** What the samples of a class count for, of one output. Multiplied with `sampleWeight`. */
  readonly classWeight?: ClassWeight;
  /** What each sample counts for: one array for all outputs, or a list of one for each. */
  readonly sampleWeight?: Arrays;
  /** Ends training after the current batch; `fit` returns as usual. */
  readonly signal?: Signal;
  /** Fixes shuffling and noise of this run. Default: go on from the model's seed. */
  readonly seed?: number;
  /** A loss that is not a number: fail, saying where it came from (default), or go on. */
  readonly onNonFinite?: "throw" | "continue";
  /**
   * A checkpoint (`.ckpt`) to go on from, bit for bit as the run that wrote it would have. See also
   * `BackupAndRestore`, which finds it by itself.
   */
  readonly resumeFrom?: string;
}

const optionNames: readonly (keyof FitOptions)[] = [
  "epochs",
  "batchSize",
  "validationData",
  "validationSplit",
  "validationFreq",
  "validationBatchSize",
  "validationSteps",
  "shuffle",
  "callbacks",
  "verbose",
  "initialEpoch",
  "stepsPerEpoch",
  "classWeight",
  "sampleWeight",
  "signal",
  "seed",
  "onNonFinite",
  "resumeFrom",
];

/** Trains a model: see `Model.fit`. */
export async function fit(
  model: Model,
  x: Arrays | BatchIterable,
  y: Arrays | undefined,
  options: FitOptions,
): Promise<History> {
  const compiled = compiledOf("fit", model);
  checkOptions(options);
  const whole = sourceOf("fit", x, y, {
    batchSize: options.batchSize ?? 32,
    sampleWeight: options.sampleWeight,
    classWeight: options.classWeight,
  });
  const [source, validation] = divide(whole, options);
  prepare("fit", model, source, true);
  if (validation !== null) prepare("fit", model, validation, true);
  const output = model.outputShapes?.[0];
  if (output !== undefined) checkClasses("fit", options.classWeight, compiled.losses[0]!, output);
  if (options.seed !== undefined) model.reseed(options.seed);
  model.markTrainable();

  const requested = options.verbose ?? "auto";
  const verbose = requested === "auto" ? automaticVerbosity() : requested;
  const history = new History();
  const callbacks: Callback[] = [...(options.callbacks ?? []), history];
  if (verbose !== 0 && !callbacks.some((c) => c instanceof ProgressBar)) callbacks.unshift(new ProgressBar());
  callbacks.sort((a, b) => a.turn - b.turn);
  const run = new TrainingRun({ model, compiled, source, validation, callbacks, history, options, verbose });
  return run.go();
}

/** @throws {DataError | ArgumentError} for values that mean nothing, before anything is done. */
function checkOptions(options: FitOptions): void {
  checkOptionNames("fit", options, optionNames);
  const { epochs = 1, initialEpoch = 0, validationFreq = 1, shuffle = true, signal } = options;
  if (typeof shuffle !== "boolean") {
    throw new ArgumentError({ op: "fit", message: `shuffle is ${JSON.stringify(shuffle)}, expected true or false` });
  }
  if (signal !== undefined && typeof signal?.aborted !== "boolean") {
    throw new ArgumentError({ op: "fit", message: "signal is no AbortSignal", hint: "new AbortController().signal" });
  }
  for (const [name, value] of Object.entries({ epochs, initialEpoch })) {
    if (Number.isInteger(value) && value >= 0) continue;
    throw new DataError({ op: "fit", message: `${name} is ${value}, expected a whole number, 0 or more` });
  }
  for (const name of ["batchSize", "validationBatchSize", "stepsPerEpoch", "validationSteps"] as const) {
    checkCount("fit", name, options[name]);
  }
  for (const each of [validationFreq].flat()) checkCount("fit", "validationFreq", each);
  const { callbacks = [], verbose = "auto" } = options;
  if (!Array.isArray(callbacks) || !callbacks.every((c) => c instanceof Callback)) {
    throw new ArgumentError({
      op: "fit",
      message: "callbacks are not a list of callbacks",
      hint: "write [new EarlyStopping()]; new LambdaCallback({ onEpochEnd: … }) makes one of functions",
    });
  }
  if (!["auto", 0, 1, 2].includes(verbose)) {
    throw new ArgumentError({ op: "fit", message: `verbose is ${verbose}, expected "auto", 0, 1 or 2` });
  }
}

/** The training part and the validation part of what `fit` was given. */
function divide(whole: Source, options: FitOptions): readonly [Source, Source | null] {
  const { validationData, validationSplit = 0, batchSize = 32 } = options;
  const size = options.validationBatchSize ?? batchSize;
  if (validationData !== undefined) {
    if (isBatchIterable(validationData)) {
      if ("size" in validationData && validationData.size === 0) {
        throw new DataError({ op: "fit", message: "the data set given as validationData is empty" });
      }
      return [whole, sourceOf("validationData", validationData, undefined, { batchSize: size })];
    }
    if (!Array.isArray(validationData)) {
      throw new DataError({
        op: "fit",
        message: "validationData is neither a pair nor batches",
        hint: "give [x, y] or [x, y, sampleWeight], or a data set of batches { x, y }",
      });
    }
    if (validationData.length < 2) {
      throw new DataError({ op: "fit", message: "validationData has no targets", hint: "give [x, y]" });
    }
    const [x, y, sampleWeight] = validationData as readonly [Arrays, Arrays, Arrays?];
    return [whole, sourceOf("validationData", x, y, { batchSize: size, sampleWeight })];
  }
  if (validationSplit === 0) return [whole, null];
  if (!(whole instanceof ArraySource)) {
    throw new DataError({
      op: "fit",
      message: "validationSplit needs arrays; give a data set's validation part as validationData",
    });
  }
  if (!(validationSplit > 0 && validationSplit < 1)) {
    throw new DataError({ op: "fit", message: `validationSplit is ${validationSplit}, expected a fraction below 1` });
  }
  const at = Math.floor(whole.count * (1 - validationSplit));
  if (at === 0 || at === whole.count) {
    throw new DataError({
      op: "fit",
      message: `validationSplit ${validationSplit} of ${whole.count} samples leaves nothing to ${at === whole.count ? "validate" : "train"} on`,
    });
  }
  return whole.split(at, size);
}
