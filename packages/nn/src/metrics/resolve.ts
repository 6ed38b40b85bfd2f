import { type Config, isSerialized, type Serialized } from "../config.ts";
import { makeNamed, refuseClass } from "../names.ts";
import { customFunction, registeredName } from "../saving/scope.ts";
import { binaryAccuracy, categoricalAccuracy, sparseCategoricalAccuracy } from "./accuracy.ts";
import * as classes from "./index.ts";
import { MeanMetric, Metric, type MetricFunction } from "./metric.ts";

/** @internal */
export const metricNames = [
  "accuracy",
  "acc",
  "binary_accuracy",
  "categorical_accuracy",
  "sparse_categorical_accuracy",
  "top_k_categorical_accuracy",
  "sparse_top_k_categorical_accuracy",
  "mean_squared_error",
  "mse",
  "root_mean_squared_error",
  "mean_absolute_error",
  "mae",
  "mean_absolute_percentage_error",
  "mape",
  "mean_squared_logarithmic_error",
  "msle",
  "log_cosh_error",
  "log_cosh",
  "huber",
  "cosine_similarity",
  "pearson_correlation",
  "concordance_correlation",
  "r2_score",
  "categorical_crossentropy",
  "sparse_categorical_crossentropy",
  "binary_crossentropy",
  "bce",
  "kl_divergence",
  "poisson",
  "hinge",
  "squared_hinge",
  "categorical_hinge",
  "auc",
  "precision",
  "recall",
  "true_positives",
  "false_positives",
  "true_negatives",
  "false_negatives",
  "f1_score",
  "fbeta_score",
  "binary_io_u",
] as const;

/** Keras' names of metrics. "accuracy" is the binary, categorical or sparse one, as the shapes demand. */
export type MetricName = (typeof metricNames)[number];

/** Further names that Keras knows, or that its losses have. */
const others = {
  mse: "MeanSquaredError",
  MSE: "MeanSquaredError",
  mae: "MeanAbsoluteError",
  MAE: "MeanAbsoluteError",
  mape: "MeanAbsolutePercentageError",
  MAPE: "MeanAbsolutePercentageError",
  msle: "MeanSquaredLogarithmicError",
  MSLE: "MeanSquaredLogarithmicError",
  bce: "BinaryCrossentropy",
  BCE: "BinaryCrossentropy",
  log_cosh: "LogCoshError",
  fbeta_score: "FBetaScore",
  sparse_top_k_categorical_accuracy: "SparseTopKCategoricalAccuracy",
  top_k_categorical_accuracy: "TopKCategoricalAccuracy",
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
  refuseClass("metric", given, Metric);
  if (typeof given === "function") return new MeanMetric(given.name || "metric", given);
  const name = isSerialized(given) ? given.class_name : given;
  if (name === "accuracy" || name === "acc") return new MeanMetric(name, accuracyFor(shapes));
  const custom = customFunction<MetricFunction>(name);
  if (custom !== null) return new MeanMetric(custom.name || name, custom);
  // A metric given by its name is shown under it.
  const described = isSerialized(given) ? given : { class_name: name, config: { name } };
  return makeNamed<Metric>("compile", "metric", described, classes, others);
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
  if (yPred.at(-1) === 1) return (t, p) => binaryAccuracy(t, p);
  if (yTrue.length < yPred.length || yTrue.at(-1) === 1) return sparseCategoricalAccuracy;
  return categoricalAccuracy;
}
