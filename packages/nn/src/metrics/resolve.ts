import { type Config, isSerialized, optionsOf, type Serialized, snakeCase } from "../config.ts";
import { unknownName } from "../errors.ts";
import * as losses from "../losses/functions.ts";
import { customFunction, customInstance, registeredName } from "../saving/scope.ts";
import * as accuracies from "./accuracy.ts";
import * as confusion from "./confusion.ts";
import { MeanMetric, Metric, type MetricFunction } from "./metric.ts";
import * as scores from "./scores.ts";

const functions: Readonly<Record<string, MetricFunction>> = {
  binary_accuracy: accuracies.binaryAccuracy,
  categorical_accuracy: accuracies.categoricalAccuracy,
  sparse_categorical_accuracy: accuracies.sparseCategoricalAccuracy,
  mean_squared_error: losses.meanSquaredError,
  mse: losses.meanSquaredError,
  mean_absolute_error: losses.meanAbsoluteError,
  mae: losses.meanAbsoluteError,
  mean_absolute_percentage_error: losses.meanAbsolutePercentageError,
  mape: losses.meanAbsolutePercentageError,
  mean_squared_logarithmic_error: losses.meanSquaredLogarithmicError,
  msle: losses.meanSquaredLogarithmicError,
  categorical_crossentropy: losses.categoricalCrossentropy,
  sparse_categorical_crossentropy: losses.sparseCategoricalCrossentropy,
  binary_crossentropy: losses.binaryCrossentropy,
  kl_divergence: losses.klDivergence,
  poisson: losses.poisson,
  hinge: losses.hinge,
  squared_hinge: losses.squaredHinge,
  categorical_hinge: losses.categoricalHinge,
  huber: losses.huber,
  log_cosh: losses.logCosh,
};

/** Keras' names of metrics. "accuracy" is the binary, categorical or sparse one, as the shapes demand. */
export type MetricName =
  | "binary_accuracy"
  | "categorical_accuracy"
  | "sparse_categorical_accuracy"
  | "mean_squared_error"
  | "mse"
  | "mean_absolute_error"
  | "mae"
  | "mean_absolute_percentage_error"
  | "mape"
  | "mean_squared_logarithmic_error"
  | "msle"
  | "categorical_crossentropy"
  | "sparse_categorical_crossentropy"
  | "binary_crossentropy"
  | "kl_divergence"
  | "poisson"
  | "hinge"
  | "squared_hinge"
  | "categorical_hinge"
  | "huber"
  | "log_cosh"
  | "auc"
  | "precision"
  | "recall"
  | "true_positives"
  | "false_positives"
  | "true_negatives"
  | "false_negatives"
  | "top_k_categorical_accuracy"
  | "sparse_top_k_categorical_accuracy"
  | "root_mean_squared_error"
  | "r2_score"
  | "f1_score"
  | "fbeta_score"
  | "accuracy"
  | "acc";

/** Classes by Keras' names; those without options of their own are functions above. */
const classes: Readonly<Record<string, new (options: never) => Metric>> = {
  ...confusion,
  BinaryAccuracy: accuracies.BinaryAccuracy,
  TopKCategoricalAccuracy: scores.TopKCategoricalAccuracy,
  SparseTopKCategoricalAccuracy: scores.SparseTopKCategoricalAccuracy,
  RootMeanSquaredError: scores.RootMeanSquaredError,
  CosineSimilarity: scores.CosineSimilarityMetric,
  LogCoshError: scores.LogCoshError,
  R2Score: scores.R2Score,
  FBetaScore: scores.FBetaScore,
  F1Score: scores.F1Score,
  MeanIoU: scores.MeanIoU,
};

/** What stands for a metric: a name, an object, or any function of targets and predictions (its mean is taken). */
export type MetricLike = MetricName | Metric | Serialized | MetricFunction;

/** Shapes that decide what "accuracy" means. */
export interface MetricShapes {
  readonly yTrue: readonly number[];
  readonly yPred: readonly number[];
}

/** The metric that an option stands for. @throws {ArgumentError} for an unknown name. */
export function resolveMetric(given: MetricLike, shapes: MetricShapes): Metric {
  if (given instanceof Metric) return given;
  if (typeof given === "function") return new MeanMetric(given.name || "metric", given);
  const name = isSerialized(given) ? given.class_name : given;
  const own = customInstance(given);
  if (own !== null) return own as Metric;
  const custom = customFunction<MetricFunction>(name);
  if (custom !== null) return new MeanMetric(custom.name || name, custom);
  if (name === "accuracy" || name === "acc") return new MeanMetric(name, accuracyFor(shapes));
  const found = Object.entries(classes).find(([own]) => own === name || snakeCase(own) === name);
  if (found !== undefined) {
    const make = found[1] as new (options: object) => Metric;
    return new make(isSerialized(given) ? optionsOf(given.config) : {});
  }
  const key = Object.hasOwn(functions, name) ? name : snakeCase(String(name));
  const value = Object.hasOwn(functions, key) ? functions[key] : undefined;
  if (value === undefined) throw unknownName("compile", "metric", name, ["accuracy", ...Object.keys(functions)]);
  const options = isSerialized(given) ? optionsOf(given.config) : {};
  return new MeanMetric(String(options.name ?? name), (t, p) => (value as MetricFunction)(t, p));
}

/** What files contain for a metric. */
export function metricConfig(metric: Metric): Config {
  const registered = registeredName(metric.constructor);
  const { className } = metric;
  return { module: "keras.metrics", class_name: className, config: metric.getConfig(), registered_name: registered };
}

/** Fails for a name that is not known, before any shape is. */
export function checkMetricName(given: MetricLike): void {
  resolveMetric(given, { yTrue: [1], yPred: [1, 1] });
}

/** By Keras' rule: one output is binary, targets of lower rank or one column are class numbers, others one-hot. */
function accuracyFor({ yTrue, yPred }: MetricShapes): MetricFunction {
  if (yPred.at(-1) === 1) return (t, p) => accuracies.binaryAccuracy(t, p);
  if (yTrue.length < yPred.length || yTrue.at(-1) === 1) return accuracies.sparseCategoricalAccuracy;
  return accuracies.categoricalAccuracy;
}
