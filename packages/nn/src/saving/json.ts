import type { Config, Json } from "../config.ts";
import { ModelFileError } from "../errors.ts";

const deepest = 256;

/**
 * The object that a text in a file describes, with what Keras' encoders wrap plain values in taken off.
 * @throws {ModelFileError} for text that is not JSON, not an object, or nested more than 256 deep.
 */
export function parseConfig(text: string, where: string): Config {
  const fail = (message: string): ModelFileError =>
    new ModelFileError({ op: "loadModel", message: `${where} ${message}` });
  if (depthOf(text) > deepest) throw fail(`is nested more than ${deepest} deep`);
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (error) {
    throw fail(`is not JSON: ${(error as Error).message}`);
  }
  if (!isRecord(value)) throw fail("is not an object");
  return unwrapped(value) as Config;
}

/** How deep arrays and objects are nested, without building them. */
function depthOf(text: string): number {
  let [depth, most, quoted] = [0, 0, false];
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (quoted) {
      if (c === 0x5c) i++;
      else if (c === 0x22) quoted = false;
    } else if (c === 0x22) quoted = true;
    else if (c === 0x5b || c === 0x7b) most = Math.max(most, ++depth);
    else if (c === 0x5d || c === 0x7d) depth--;
  }
  return most;
}

export function isRecord(value: unknown): value is Config {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Tuples, shapes, arrays and functions' names as plain lists, numbers and texts. */
function unwrapped(value: Json): Json {
  if (Array.isArray(value)) return value.map(unwrapped);
  if (!isRecord(value)) return value;
  const { class_name: kind, items, config } = value;
  if ((kind === "__tuple__" || kind === "TensorShape") && Array.isArray(items)) return items.map(unwrapped);
  if ((kind === "__numpy__" || kind === "__tensor__") && isRecord(config)) return unwrapped(config.value ?? null);
  if (kind === "function" && typeof config === "string") {
    return typeof value.registered_name === "string" && value.registered_name !== "function"
      ? value.registered_name
      : config;
  }
  if (kind === "__lambda__" || kind === "Lambda") throw refusedCode();
  // Not by assignment: a file may have a key "__proto__".
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, unwrapped(inner)]));
}

/** An error for code in a file. */
export function refusedCode(): ModelFileError {
  return new ModelFileError({
    op: "loadModel",
    message: "the model contains Python code (a Lambda layer or function), which is never executed",
    hint: "write a layer of your own that does the same, and give it as customObjects",
  });
}

/** Numbers that Keras takes only with a point, which JSON in Python tells apart from whole ones. */
const fractions: ReadonlySet<string> = new Set([
  ...["learning_rate", "initial_learning_rate", "end_learning_rate", "warmup_target", "weight_decay"],
  ...["momentum", "rho", "epsilon", "beta", "beta_1", "beta_2", "decay_rate", "alpha", "power", "t_mul", "m_mul"],
  ...["clipnorm", "clipvalue", "global_clipnorm", "ema_momentum", "initial_accumulator_value", "values"],
]);

/** JSON as Python writes it: numbers that are fractions by their meaning have a point even where they are whole. */
export function stringify(value: Json, key: string = ""): string {
  if (Array.isArray(value)) return `[${value.map((inner) => stringify(inner, key)).join(",")}]`;
  if (isRecord(value)) {
    const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
    return `{${entries.map(([name, inner]) => `${JSON.stringify(name)}:${stringify(inner, name)}`).join(",")}}`;
  }
  const whole = typeof value === "number" && Number.isInteger(value) && Math.abs(value) < 1e15;
  return whole && fractions.has(key) ? `${Object.is(value, -0) ? "-0" : value}.0` : JSON.stringify(value);
}
