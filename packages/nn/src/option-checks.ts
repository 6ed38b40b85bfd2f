import { ArgumentError } from "@gradiente/autograd";
import { unknownName } from "./errors.ts";

/** A class whose objects are made of options. */
export interface WithOptions {
  readonly name: string;
  /** Names of the options there are. */
  readonly optionNames: readonly string[];
}

/**
 * Refuses options that a class does not have, where it is the one an object is made of: classes of one's own that extend
 * it may have others.
 * @param made the constructor's `new.target`.
 * @throws {ArgumentError} as {@link checkOptionNames} does.
 */
export function checkOptionsOf(type: WithOptions, made: unknown, options: unknown): void {
  if (made === type) checkOptionNames(type.name, options, type.optionNames);
}

/**
 * @returns the options.
 * @throws {ArgumentError} for options that are no object, and for names that are not among the known ones.
 */
export function checkOptionNames<T>(op: string, options: T, known: readonly string[]): T {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new ArgumentError({
      op,
      message: `the options are ${JSON.stringify(options) ?? String(options)}, not an object`,
      hint: `options are given by name: ${known.join(", ")}`,
    });
  }
  for (const name of Object.keys(options)) if (!known.includes(name)) throw unknownName(op, "option", name, known);
  return options;
}

/** @throws {ArgumentError} unless it is a whole number, 0 or more. */
export function checkWhole(op: string, name: string, value: unknown): void {
  if (value === undefined || (Number.isInteger(value) && (value as number) >= 0)) return;
  throw new ArgumentError({ op, message: `${name} is ${JSON.stringify(value)}, expected a whole number, 0 or more` });
}

/** @throws {ArgumentError} for what is no path. */
export function checkPath(op: string, path: unknown, example: string): void {
  if (typeof path === "string" && path !== "") return;
  const message = path === "" ? "the path is empty" : `the path is ${JSON.stringify(path) ?? String(path)}`;
  throw new ArgumentError({ op, message, hint: `for example ${example}` });
}
