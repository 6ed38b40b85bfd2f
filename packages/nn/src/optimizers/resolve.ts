import { type Config, isSerialized, optionsOf, type Serialized, serialized } from "../config.ts";
import { unknownName } from "../errors.ts";
import { type Classes, knownOptions, refuseClass } from "../names.ts";
import { customInstance } from "../saving/scope.ts";
import { resolveSchedule } from "../schedules/resolve.ts";
import { InverseTimeDecay } from "../schedules/schedules.ts";
import { Adafactor } from "./adafactor.ts";
import { Adam, Adamax, AdamW, Nadam } from "./adam.ts";
import { Adadelta, Adagrad, RMSprop } from "./adaptive.ts";
import { Ftrl, Lamb, Lion } from "./ftrl-lion-lamb.ts";
import { LBFGS } from "./lbfgs.ts";
import { Optimizer } from "./optimizer.ts";
import { SGD } from "./sgd.ts";

const byName: Readonly<Record<OptimizerName, Classes<Optimizer>[string]>> = {
  sgd: SGD,
  adam: Adam,
  adamw: AdamW,
  rmsprop: RMSprop,
  adagrad: Adagrad,
  adadelta: Adadelta,
  adamax: Adamax,
  nadam: Nadam,
  ftrl: Ftrl,
  lion: Lion,
  lamb: Lamb,
  adafactor: Adafactor,
  lbfgs: LBFGS,
};

/** Keras' names of optimizers, and `lbfgs`, which Keras does not have. */
export type OptimizerName =
  | "sgd"
  | "adam"
  | "adamw"
  | "rmsprop"
  | "adagrad"
  | "adadelta"
  | "adamax"
  | "nadam"
  | "ftrl"
  | "lion"
  | "lamb"
  | "adafactor"
  | "lbfgs";

/** What stands for an optimizer: a name (with Keras' defaults) or an object. */
export type OptimizerLike = OptimizerName | Optimizer | Serialized;

/** The optimizer that an option stands for. @throws {ArgumentError} for an unknown name. */
export function resolveOptimizer(given: OptimizerLike): Optimizer {
  if (given instanceof Optimizer) return given;
  refuseClass("optimizer", given, Optimizer);
  const own = customInstance(given);
  if (own !== null) return own as Optimizer;
  // Some versions of Keras write the package a class was registered in before its name: "Custom>SGD".
  const name = isSerialized(given) ? given.class_name.replace(/^.*>/, "") : given;
  const entry = Object.entries(byName).find(([key]) => key === String(name).toLowerCase());
  if (entry === undefined) throw unknownName("compile", "optimizer", name, Object.keys(byName));
  const type = entry[1];
  if (!isSerialized(given)) return new type({} as never);
  const { learningRate: stated, lr, decay } = optionsOf(given.config);
  const learningRate = stated ?? lr;
  const rate = isSerialized(learningRate)
    ? resolveSchedule(learningRate)
    : // Keras 2 divided a rate by 1 + decay · steps.
      typeof decay === "number" && decay > 0 && typeof learningRate === "number"
      ? new InverseTimeDecay({ initialLearningRate: learningRate, decaySteps: 1, decayRate: decay })
      : learningRate;
  const { learningRate: _, ...kept } = knownOptions(given.config, type.optionNames);
  return new type((rate === undefined ? kept : { ...kept, learningRate: rate }) as never);
}

const classes: ReadonlySet<unknown> = new Set(Object.values(byName));

/** Whether it is one of this package's own, which keep no gradient beyond a step; a class that extends one may. */
export function isBuiltIn(optimizer: Optimizer): boolean {
  return classes.has(optimizer.constructor);
}

export function optimizerConfig(optimizer: Optimizer): Config {
  return serialized("keras.optimizers", optimizer.className, optimizer.getConfig());
}
