import type { TypedArray } from "@gradiente/autograd";
import { type Config, isSerialized, type Json, type Serialized } from "../config.ts";
import { ModelFileError } from "../errors.ts";
import type { Loss } from "../losses/loss.ts";
import { type LossLike, lossConfig } from "../losses/resolve.ts";
import { Metric, type MetricFunction } from "../metrics/metric.ts";
import { type MetricLike, metricConfig } from "../metrics/resolve.ts";
import type { Model } from "../model.ts";
import type { Weight } from "../module.ts";
import type { Optimizer } from "../optimizers/optimizer.ts";
import { resolveOptimizer } from "../optimizers/resolve.ts";
import type { Compiled, CompileOptions } from "../training/compiled.ts";
import type { FileDataset } from "./hdf5/reader.ts";
import type { ArrayToWrite } from "./hdf5/writer.ts";
import { isRecord } from "./json.ts";
import { write } from "./layout.ts";
import { customFunction, customInstance, registeredName } from "./scope.ts";

/**
 * What a model was compiled with, but for the optimizer, as files contain it.
 * @param objects - Write losses as objects even where they were given by name: Keras 3 cannot read the names "mse",
 *   "mae" and the like in whole-model HDF5 files, not even in its own.
 */
export function trainingConfig({ options, losses }: Compiled, objects: boolean = false): Config {
  const loss = (given: unknown, resolved: Loss): Json => {
    if (typeof given === "string" && !objects) return given;
    return typeof given === "function" ? functionName(given) : lossConfig(resolved);
  };
  const several = losses.map((resolved, i) => loss(givenLoss(options.loss, i), resolved));
  const metrics = (list: readonly unknown[] | undefined): Json =>
    list === undefined ? null : list.map((m) => (Array.isArray(m) ? metrics(m) : metricJson(m)));
  return {
    loss: several.length === 1 ? several[0]! : several,
    loss_weights: options.lossWeights ?? null,
    metrics: metrics(options.metrics),
    weighted_metrics: metrics(options.weightedMetrics),
    run_eagerly: false,
    steps_per_execution: 1,
    jit_compile: false,
  };
}

function givenLoss(loss: CompileOptions["loss"], index: number): unknown {
  return Array.isArray(loss) ? loss[index] : loss;
}

function metricJson(metric: unknown): Json {
  if (metric instanceof Metric) return metricConfig(metric);
  return typeof metric === "function" ? functionName(metric) : (metric as string);
}

/** The name a function is registered by, or its own. */
function functionName(value: { readonly name: string }): string {
  return registeredName(value) ?? (value.name || "<lambda>");
}

/** An array of an optimizer, and its name in whole-model HDF5 files. */
export interface OptimizerArrayToWrite extends ArrayToWrite {
  readonly path: string;
}

/** Everything an optimizer keeps, in Keras' order: the number of steps, the rate, arrays for weights. */
export function optimizerArrays(model: Model, optimizer: Optimizer): OptimizerArrayToWrite[] {
  const { name: prefix } = optimizer;
  const number = (name: string, data: TypedArray | BigInt64Array): OptimizerArrayToWrite => ({
    path: `${prefix}/${name}`,
    data,
    shape: [],
  });
  const owners = new Map(model.layers.flatMap((l) => l.weights.map((w): [Weight, string] => [w, l.name])));
  const names = new Map<string, number>();
  const free = (path: string): string => {
    const n = names.get(path) ?? 0;
    names.set(path, n + 1);
    return n === 0 ? path : `${path}_${n}`;
  };
  return [
    number("iteration", BigInt64Array.of(BigInt(optimizer.steps))),
    ...(optimizer.schedule === null ? [number("learning_rate", Float32Array.of(optimizer.learningRate))] : []),
    ...optimizer.arrays(model.trainableWeights).map(({ name, weight, value }) => ({
      path: free(`${prefix}/${model.name}_${owners.get(weight) ?? ""}_${weight.name.replaceAll("/", "_")}_${name}`),
      data: value.data,
      shape: value.shape,
    })),
    ...optimizer.numbers.map(([name, value]) => number(name, Float32Array.of(value))),
  ];
}

/** An array of an optimizer in a file; older layouts have no names. */
export interface OptimizerArrayInFile {
  readonly name: string | null;
  readonly array: FileDataset;
}

/** Compiles a model as a file says. @returns the optimizer, or null where the file names no loss. */
export function restoreTraining(model: Model, training: Config): Optimizer | null {
  const given = training.optimizer ?? training.optimizer_config;
  const { loss } = training;
  if (loss === null || loss === undefined) return null;
  const fail = (what: string): ModelFileError =>
    new ModelFileError({
      op: "loadModel",
      message: `the file's training configuration has no valid ${what}`,
      hint: "load the model with compile: false",
    });
  if (!isSerialized(given) && typeof given !== "string") throw fail("optimizer");
  if (typeof loss !== "string" && typeof loss !== "object") throw fail("loss");
  const optimizer = resolveOptimizer(given as Serialized);
  const weights = training.loss_weights;
  checkCounts([training.metrics ?? null, training.weighted_metrics ?? null]);
  const metrics = metricsOf(training.metrics, model.outputNames);
  const weighted = metricsOf(training.weighted_metrics, model.outputNames);
  const numbers = isRecord(weights) ? model.outputNames.map((name) => weights[name] ?? 1) : weights;
  model.compile({
    loss: loss as LossLike | readonly LossLike[],
    optimizer,
    metrics,
    ...(weighted.length === 0 ? {} : { weightedMetrics: weighted }),
    ...(Array.isArray(numbers) && numbers.every((n) => typeof n === "number") ? { lossWeights: numbers } : {}),
  });
  return optimizer;
}

/** What metrics of one file may count together: a number in it costs nothing, what is counted for it does. */
const mostCounts = 2 ** 24;

/** Refuses metrics with so many thresholds or classes that a small file would fill the memory. */
function checkCounts(given: Json | undefined): void {
  let left = mostCounts;
  const visit = (value: Json | undefined): void => {
    if (Array.isArray(value)) for (const item of value) visit(item);
    if (!isRecord(value)) return;
    const { num_thresholds: thresholds, num_classes: classes } = value;
    if (typeof thresholds === "number") left -= 16 * thresholds; // several arrays of each
    if (typeof classes === "number") left -= classes * classes;
    if (!(left >= 0)) {
      throw new ModelFileError({
        op: "loadModel",
        message: "the file's metrics have more thresholds and pairs of classes than can be counted",
        hint: "load the model with compile: false",
      });
    }
    for (const item of Object.values(value)) visit(item);
  };
  visit(given);
}

/** Metrics in the lists, or lists by output, that versions of Keras write. */
function metricsOf(given: Json | undefined, outputs: readonly string[]): (MetricLike | readonly MetricLike[])[] {
  if (given === null || given === undefined) return [];
  if (typeof given === "string") return [customFunction<MetricFunction>(given) ?? (given as MetricLike)];
  if (isSerialized(given)) return [metricOf(given)];
  if (isRecord(given)) return outputs.map((name) => metricsOf(given[name], outputs).flat());
  if (!Array.isArray(given)) return [];
  const lists = given.some(Array.isArray);
  return given.flatMap((m): (MetricLike | readonly MetricLike[])[] => {
    if (lists) return [metricsOf(m, outputs).flat()];
    return metricsOf(m, outputs);
  });
}

/** A function in Keras' wrapper is known by its name. */
function metricOf(given: Serialized): MetricLike {
  // At once: metrics are made when the first batch comes, when nothing is known of custom objects any more.
  const own = customInstance(given);
  if (own instanceof Metric) return own;
  if (given.class_name !== "MeanMetricWrapper") return given;
  const { fn, name } = given.config;
  return (name === "accuracy" || name === "acc" ? name : fn) as MetricLike;
}

/** What parts of names, or last parts, older versions call the arrays that are kept. */
const kinds: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^(m|momentum)$/, ["momentum"]],
  [/^(v|velocity|u)$/, ["velocity", "norm"]],
  [/^rms$/, ["velocity"]],
  [/^(vhat|v_hat|velocity_hat)$/, ["velocity_hat"]],
  [/^(mg|average_gradient)$/, ["average_gradient"]],
  [/^accumulator$/, ["accumulator"]],
  [/^(linear|linears)$/, ["linear"]],
  [/^(accum_grad|accumulated_grad)$/, ["accumulated_grad"]],
  [/^(accum_var|accumulated_delta_var)$/, ["accumulated_delta_var"]],
];

/**
 * Puts an optimizer where a file left it. Arrays may lie weight by weight (as since Keras 2.11), kind by kind (before), or
 * be found by their names.
 * @returns whether the arrays for weights fitted; if not, training begins with new ones.
 */
export function restoreOptimizer(model: Model, optimizer: Optimizer, stored: readonly OptimizerArrayInFile[]): boolean {
  const rest = [...stored];
  const next = (pattern: RegExp, allowed: boolean): number | null => {
    const first = rest[0];
    if (first === undefined || !allowed || first.array.shape.length !== 0) return null;
    if (first.name !== null && !pattern.test(first.name)) return null;
    rest.shift();
    return Number(first.array.read()[0]);
  };
  const arrays = optimizer.arrays(model.trainableWeights);
  const steps = next(/(^|\/)(iteration|iterations|iter)(:\d+)?$/, true);
  if (steps === null || !Number.isSafeInteger(steps) || steps < 0) return stored.length === 0;
  const extra = optimizer.numbers.length;
  const named = rest[0]?.name !== null;
  const rate = next(/(^|\/)(learning_rate|lr)(:\d+)?$/, named || rest.length !== arrays.length + extra);
  if (rate !== null && optimizer.schedule === null && Math.fround(optimizer.learningRate) !== Math.fround(rate)) {
    optimizer.learningRate = rate;
  }
  const fits = (list: readonly OptimizerArrayInFile[], wanted: typeof arrays): boolean =>
    list.length === wanted.length && wanted.every(({ value }, i) => sameSize(value.shape, list[i]!.array.shape));
  const take = (list: readonly OptimizerArrayInFile[], wanted: typeof arrays): void => {
    wanted.forEach(({ value }, i) => {
      write(value, list[i]!.array.read());
    });
  };
  optimizer.restore(steps);
  // An optimizer that has made no step may not have made its arrays either.
  if (steps === 0 && rest.length === 0) return true;
  if (arrays.length === 0) return true;
  const own = rest.slice(0, arrays.length);
  const names = [...new Set(arrays.map((a) => a.name))];
  const byKind = names.flatMap((name) => arrays.filter((a) => a.name === name));
  const keras2 = rest.some(({ name }) => name !== null && /\/(m|v|vhat|rms|mg)(:\d+)?$|\/(m|v|u)\//.test(name));
  if (keras2) {
    const found = names.flatMap((name) => rest.filter((a) => kindOf(a.name ?? "").includes(name)));
    if (fits(found, byKind)) {
      take(found, byKind);
      return true;
    }
  }
  const inOrder = rest.length <= arrays.length + Math.max(extra, 1) && fits(own, arrays);
  if (inOrder && !(named && rest.every((a) => /Variable/.test(a.name ?? "")))) take(own, arrays);
  else if (fits(own, byKind)) take(own, byKind);
  else return false;
  return true;
}

/** What an array is, by the first part of its name that says so. */
function kindOf(name: string): readonly string[] {
  const parts = name.replace(/:\d+$/, "").split("/");
  for (const part of [parts.at(-1)!, ...parts.slice(0, -1)]) {
    const known = kinds.find(([pattern]) => pattern.test(part));
    if (known !== undefined) return known[1];
  }
  return [];
}

/** Whether shapes are equal, but for placeholders of one element. */
function sameSize(a: readonly number[], b: readonly number[]): boolean {
  const size = (shape: readonly number[]) => shape.reduce((x, y) => x * y, 1);
  return a.join() === b.join() || (size(a) === 1 && size(b) === 1);
}
