import { type Config, isSerialized, optionsOf, type Serialized, serialized } from "../config.ts";
import { unknownName } from "../errors.ts";
import * as all from "./initializer.ts";

const byName: Readonly<Record<InitializerName, new (options: object) => all.Initializer>> = {
  constant: all.Constant,
  zeros: all.Zeros,
  ones: all.Ones,
  identity: all.Identity,
  random_normal: all.RandomNormal,
  random_uniform: all.RandomUniform,
  truncated_normal: all.TruncatedNormal,
  variance_scaling: all.VarianceScaling,
  glorot_uniform: all.GlorotUniform,
  glorot_normal: all.GlorotNormal,
  he_uniform: all.HeUniform,
  he_normal: all.HeNormal,
  lecun_uniform: all.LecunUniform,
  lecun_normal: all.LecunNormal,
  orthogonal: all.Orthogonal,
};

/** Keras' names of initializers. */
export type InitializerName =
  | "constant"
  | "zeros"
  | "ones"
  | "identity"
  | "random_normal"
  | "random_uniform"
  | "truncated_normal"
  | "variance_scaling"
  | "glorot_uniform"
  | "glorot_normal"
  | "he_uniform"
  | "he_normal"
  | "lecun_uniform"
  | "lecun_normal"
  | "orthogonal";

/** What stands for an initializer in options. */
export type InitializerLike = InitializerName | all.Initializer | Serialized;

/** The initializer that an option stands for. @throws {ArgumentError} for an unknown name. */
export function resolveInitializer(op: string, given: InitializerLike): all.Initializer {
  if (given instanceof all.Initializer) return given;
  const name = isSerialized(given) ? given.class_name : given;
  const options = isSerialized(given) ? optionsOf(given.config) : {};
  const entry = Object.entries(byName).find(
    ([key, { name: own }]) => key === name || key.replaceAll("_", "") === String(name).toLowerCase() || own === name,
  );
  if (entry === undefined) throw unknownName(op, "initializer", name, Object.keys(byName));
  return new (entry[1] as new (options: object) => all.Initializer)(options);
}

export function initializerConfig(initializer: all.Initializer): Config {
  return serialized("keras.initializers", initializer.className, initializer.getConfig());
}
