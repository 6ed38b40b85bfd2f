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
