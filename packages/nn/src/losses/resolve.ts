import { type Config, isSerialized, type Serialized, serialized } from "../config.ts";
import { makeNamed, refuseClass } from "../names.ts";
import { customFunction } from "../saving/scope.ts";
import { Loss, type LossFunction } from "./loss.ts";
import * as all from "./losses.ts";

const { FunctionLoss, ...classes } = all;

/** @internal */
export const lossNames = [
  "mean_squared_error",
  "mse",
  "mean_absolute_error",
  "mae",
  "mean_absolute_percentage_error",
  "mape",
  "mean_squared_logarithmic_error",
  "msle",
  "categorical_crossentropy",
  "sparse_categorical_crossentropy",
  "binary_crossentropy",
  "bce",
  "binary_focal_crossentropy",
  "categorical_focal_crossentropy",
  "categorical_generalized_cross_entropy",
  "kl_divergence",
  "kld",
  "poisson",
  "hinge",
  "squared_hinge",
  "categorical_hinge",
  "huber",
  "log_cosh",
  "logcosh",
  "cosine_similarity",
  "dice",
  "tversky",
  "circle",
  "ctc",
] as const;

/** Keras' names of losses. */
export type LossName = (typeof lossNames)[number];

/** Short names that Keras knows too. */
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
  kld: "KLDivergence",
  KLD: "KLDivergence",
  logcosh: "LogCosh",
};

/** What stands for a loss: a name, an object, or any function of targets and predictions. */
export type LossLike = LossName | Loss | Serialized | LossFunction;

/** The loss that an option stands for. @throws {ArgumentError} for an unknown name. */
export function resolveLoss(given: LossLike): Loss {
  if (given instanceof Loss) return given;
  refuseClass("loss", given, Loss);
  if (typeof given === "function") return new FunctionLoss(given.name || "Loss", given);
  const value = customFunction<LossFunction>(isSerialized(given) ? given.class_name : given);
  if (value !== null) return new FunctionLoss(value.name, value);
  return makeNamed<Loss>("compile", "loss", isSerialized(given) ? withReduction(given) : given, classes, others);
}

/** Elsewhere null stands for an option that is left out; for a loss it is the reduction "none". */
function withReduction(given: Serialized): Serialized {
  return given.config.reduction === null ? { ...given, config: { ...given.config, reduction: "none" } } : given;
}

/** What files contain for a loss. */
export function lossConfig(loss: Loss): Config {
  return serialized("keras.losses", loss.className, loss.getConfig());
}
