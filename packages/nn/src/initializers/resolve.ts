import { type Config, type Serialized, serialized } from "../config.ts";
import { makeNamed } from "../names.ts";
import * as all from "./initializer.ts";

const { Initializer, ...classes } = all;

/** @internal */
export const initializerNames = [
  "constant",
  "zeros",
  "ones",
  "identity",
  "random_normal",
  "random_uniform",
  "truncated_normal",
  "variance_scaling",
  "glorot_uniform",
  "glorot_normal",
  "he_uniform",
  "he_normal",
  "lecun_uniform",
  "lecun_normal",
  "orthogonal",
  "uniform",
  "normal",
  "one",
  "zero",
] as const;

/** Keras' names of initializers. */
export type InitializerName = (typeof initializerNames)[number];

/** Short names that Keras knows too. */
const others = {
  uniform: "RandomUniform",
  normal: "RandomNormal",
  one: "Ones",
  zero: "Zeros",
  IdentityInitializer: "Identity",
  OrthogonalInitializer: "Orthogonal",
};

/** What stands for an initializer in options. */
export type InitializerLike = InitializerName | all.Initializer | Serialized;

/** The initializer that an option stands for. @throws {ArgumentError} for an unknown name. */
export function resolveInitializer(op: string, given: InitializerLike): all.Initializer {
  return given instanceof Initializer ? given : makeNamed<all.Initializer>(op, "initializer", given, classes, others);
}

export function initializerConfig(initializer: all.Initializer): Config {
  return serialized("keras.initializers", initializer.className, initializer.getConfig());
}
