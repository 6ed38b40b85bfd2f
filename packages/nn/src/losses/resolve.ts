import { type Config, isSerialized, optionsOf, type Serialized, serialized, snakeCase } from "../config.ts";
import { unknownName } from "../errors.ts";
import { customFunction, customInstance } from "../saving/scope.ts";
import { Loss, type LossFunction, type LossOptions } from "./loss.ts";
import * as all from "./losses.ts";

const byName: Readonly<Record<LossName, new (options: LossOptions) => Loss>> = {
  mean_squared_error: all.MeanSquaredError,
  mse: all.MeanSquaredError,
  mean_absolute_error: all.MeanAbsoluteError,
  mae: all.MeanAbsoluteError,
  mean_absolute_percentage_error: all.MeanAbsolutePercentageError,
  mape: all.MeanAbsolutePercentageError,
  mean_squared_logarithmic_error: all.MeanSquaredLogarithmicError,
  msle: all.MeanSquaredLogarithmicError,
  categorical_crossentropy: all.CategoricalCrossentropy,
  sparse_categorical_crossentropy: all.SparseCategoricalCrossentropy,
  binary_crossentropy: all.BinaryCrossentropy,
  bce: all.BinaryCrossentropy,
  binary_focal_crossentropy: all.BinaryFocalCrossentropy,
  categorical_focal_crossentropy: all.CategoricalFocalCrossentropy,
  kl_divergence: all.KLDivergence,
  kld: all.KLDivergence,
  poisson: all.Poisson,
  hinge: all.Hinge,
  squared_hinge: all.SquaredHinge,
  categorical_hinge: all.CategoricalHinge,
  huber: all.Huber,
  log_cosh: all.LogCosh,
  logcosh: all.LogCosh,
  cosine_similarity: all.CosineSimilarity,
  dice: all.Dice,
  tversky: all.Tversky,
};

/** Keras' names of losses. */
export type LossName =
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
  | "bce"
  | "binary_focal_crossentropy"
  | "categorical_focal_crossentropy"
  | "kl_divergence"
  | "kld"
  | "poisson"
  | "hinge"
  | "squared_hinge"
  | "categorical_hinge"
  | "huber"
  | "log_cosh"
  | "logcosh"
  | "cosine_similarity"
  | "dice"
  | "tversky";

/** What stands for a loss: a name, an object, or any function of targets and predictions. */
export type LossLike = LossName | Loss | Serialized | LossFunction;

/** The loss that an option stands for. @throws {ArgumentError} for an unknown name. */
export function resolveLoss(given: LossLike): Loss {
  if (given instanceof Loss) return given;
  if (typeof given === "function") return new all.FunctionLoss(given.name || "Loss", given);
  const name = isSerialized(given) ? given.class_name : given;
  const own = customInstance(given);
  if (own !== null) return own as Loss;
  const value = customFunction<LossFunction>(name);
  if (value !== null) return new all.FunctionLoss(value.name || name, value);
  const entry = Object.entries(byName).find(([key]) => key === name || key === snakeCase(String(name)));
  if (entry === undefined) throw unknownName("compile", "loss", name, Object.keys(byName));
  return new entry[1](isSerialized(given) ? optionsOf(given.config) : {});
}

/** What files contain for a loss: its name when it has default options. */
export function lossConfig(loss: Loss): Config {
  return serialized("keras.losses", loss.className, loss.getConfig());
}
