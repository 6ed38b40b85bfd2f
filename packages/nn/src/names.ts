import { ArgumentError } from "@gradiente/autograd";
import { type Config, isSerialized, optionsOf, type Serialized, snakeCase } from "./config.ts";
import { unknownName } from "./errors.ts";
import type { WithOptions } from "./option-checks.ts";
import { customInstance } from "./saving/scope.ts";

/** Classes that an object of options makes things of, under their names in Keras. */
export type Classes<T> = Readonly<Record<string, (new (options: never) => T) & Pick<WithOptions, "optionNames">>>;

/**
 * The object that a name or a file's description stands for, of classes known by their own names and by those in snake
 * case: `GlorotUniform` is `glorot_uniform` too.
 *
 * @param others further names, with the class each stands for.
 * @throws {ArgumentError} for a name that is not known, naming the nearest.
 */
export function makeNamed<T>(
  op: string,
  kind: string,
  given: string | Serialized,
  classes: Classes<T>,
  others: Readonly<Record<string, string>> = {},
): T {
  const name = isSerialized(given) ? given.class_name : given;
  const own = customInstance(given);
  if (own !== null) return own as T;
  const full = Object.hasOwn(others, name) ? others[name]! : name;
  const found = Object.entries(classes).find(([own]) => own === full || snakeCase(own) === full);
  if (found === undefined) {
    throw unknownName(op, kind, name, [...Object.keys(classes).map(snakeCase), ...Object.keys(others)]);
  }
  const type = found[1];
  return new type((isSerialized(given) ? knownOptions(given.config, type.optionNames) : {}) as never);
}

/** The options of a file's description that a class has: files have those of other versions of Keras, too. */
export function knownOptions(config: Config, known: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(optionsOf(config)).filter(([name]) => known.includes(name)));
}

/** @throws {ArgumentError} for a class in place of an object of it. */
export function refuseClass(kind: string, given: unknown, base: abstract new (...args: never[]) => object): void {
  if (typeof given !== "function" || !(given.prototype instanceof base)) return;
  throw new ArgumentError({
    op: "compile",
    message: `the ${kind} is the class ${given.name || "of one"}, not an object of it`,
    hint: `write new ${given.name || "…"}()`,
  });
}
