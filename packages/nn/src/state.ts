import { type DType, type Generator, Tensor, type TypedArray, tensor } from "@gradiente/autograd";
import { CheckpointError } from "./errors.ts";

/** What a checkpoint holds of an object: plain values, with arrays and tensors anywhere among them. */
export type State =
  | null
  | boolean
  | number
  | string
  | TypedArray
  | Tensor
  | readonly State[]
  | { readonly [name: string]: State };

/** A state as text, and the tensors that the text refers to by name. */
export interface EncodedState {
  readonly json: string;
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/** Numbers that JSON cannot write. */
const special: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  "-Infinity": Number.NEGATIVE_INFINITY,
  "-0": -0,
};
/** States are trees of a few levels; what is deeper was not written here. */
const deepest = 64;

/** A state as text and tensors, which are named by their path in it. Every number comes back bit for bit. */
export function encodeState(state: State): EncodedState {
  const tensors = new Map<string, Tensor>();
  /** A path as a name; the paths of `{ "a/b": x }` and `{ a: { b: y } }` are the same, names are not. */
  const named = (path: string, value: Tensor): string => {
    let name = path;
    while (tensors.has(name)) name += "~";
    tensors.set(name, value);
    return name;
  };
  const encode = (value: State, path: string): unknown => {
    if (typeof value === "number") {
      const name = Object.is(value, -0) ? "-0" : String(value);
      return Object.hasOwn(special, name) ? { $number: name } : value;
    }
    if (value === null || typeof value !== "object") return value;
    if (value instanceof Tensor) {
      return { $tensor: named(path, value) };
    }
    if (isTypedArray(value)) {
      return { $array: named(path, tensor({ data: value, shape: [value.length] })) };
    }
    if (isList(value)) return value.map((item, i) => encode(item, `${path}/${i}`));
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, encode(item, path === "" ? name : `${path}/${name}`)]),
    );
  };
  return { json: JSON.stringify(encode(state, "")), tensors };
}

/** The state behind a text and tensors. @throws {CheckpointError} when they are not one. */
export function decodeState(
  json: string,
  tensors: ReadonlyMap<string, { readonly data: TypedArray; readonly shape: readonly number[]; readonly dtype: DType }>,
): State {
  const find = (name: unknown) => {
    const found = typeof name === "string" ? tensors.get(name) : undefined;
    if (found === undefined) throw damaged(`the tensor ${JSON.stringify(name)} is missing`);
    return found;
  };
  const decode = (value: unknown, depth: number): State => {
    if (depth > deepest) throw damaged(`values are nested more than ${deepest} deep`);
    if (value === null || typeof value !== "object") return value as State;
    if (Array.isArray(value)) return value.map((item) => decode(item, depth + 1));
    if ("$number" in value) return special[String(value.$number)] ?? Number.NaN;
    if ("$array" in value) return find(value.$array).data;
    if ("$tensor" in value) {
      const { data, shape, dtype } = find(value.$tensor);
      return tensor({ data, shape }, { dtype });
    }
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, decode(item, depth + 1)]));
  };
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch (error) {
    throw damaged(`its text is not JSON: ${(error as Error).message}`);
  }
  return decode(parsed, 0);
}

function damaged(message: string): CheckpointError {
  return new CheckpointError({ op: "loadCheckpoint", message, reason: "damaged" });
}

function isTypedArray(value: object): value is TypedArray {
  return (
    value instanceof Float32Array ||
    value instanceof Float64Array ||
    value instanceof Int32Array ||
    value instanceof Uint8Array
  );
}

function isList(value: object): value is readonly State[] {
  return Array.isArray(value);
}

/** Reads a record in a state by its fields. What is missing or of another kind is a typed error. */
export class Fields {
  private readonly what: string;
  private readonly record: { readonly [name: string]: State };

  /** @param what - whom errors name. */
  constructor(what: string, state: State | undefined) {
    this.what = what;
    if (
      state === null ||
      typeof state !== "object" ||
      isList(state) ||
      state instanceof Tensor ||
      isTypedArray(state)
    ) {
      throw misfit(`what it holds of ${what} is not a record`);
    }
    this.record = state as { readonly [name: string]: State };
  }

  /** @throws {CheckpointError} when there is no such field. */
  get(name: string): State {
    if (!Object.hasOwn(this.record, name)) throw misfit(`it holds no "${name}" of ${this.what}`);
    return this.record[name]!;
  }

  fields(name: string): Fields {
    return new Fields(`${this.what}.${name}`, this.get(name));
  }

  number(name: string): number {
    const value = this.get(name);
    if (typeof value !== "number") throw misfit(`"${name}" of ${this.what} is not a number`);
    return value;
  }

  numberOrNull(name: string): number | null {
    return this.get(name) === null ? null : this.number(name);
  }

  text(name: string): string {
    const value = this.get(name);
    if (typeof value !== "string") throw misfit(`"${name}" of ${this.what} is not a text`);
    return value;
  }

  boolean(name: string): boolean {
    return this.get(name) === true;
  }

  list(name: string): readonly State[] {
    const value = this.get(name);
    if (value === null || typeof value !== "object" || !isList(value)) {
      throw misfit(`"${name}" of ${this.what} is not a list`);
    }
    return value;
  }

  listOrNull(name: string): readonly State[] | null {
    return this.get(name) === null ? null : this.list(name);
  }

  numbers(name: string): number[] {
    return this.list(name).map((value) => {
      if (typeof value !== "number") throw misfit(`"${name}" of ${this.what} is not a list of numbers`);
      return value;
    });
  }

  strings(name: string): string[] {
    return this.list(name).map((value) => {
      if (typeof value !== "string") throw misfit(`"${name}" of ${this.what} is not a list of texts`);
      return value;
    });
  }

  /** A list of tensors, or of nothing in their places. */
  tensors(name: string): (Tensor | null)[] {
    return this.list(name).map((value) => {
      if (value === null || value instanceof Tensor) return value;
      throw misfit(`"${name}" of ${this.what} is not a list of tensors`);
    });
  }

  names(): readonly string[] {
    return Object.keys(this.record);
  }
}

/** What a checkpoint holds of a generator. */
export function generatorState(generator: Generator): State {
  return { ...generator.state };
}

/** Lets a generator go on from what {@link generatorState} gave. */
export function restoreGenerator(generator: Generator, state: State): void {
  const saved = new Fields("a random generator", state);
  const [first = 0, second = 0] = saved.numbers("key");
  generator.restore({ key: [first, second], counter: saved.number("counter") });
}

/** An error for a checkpoint of another run. */
export function misfit(message: string): CheckpointError {
  return new CheckpointError({
    op: "resume",
    message: `the checkpoint does not fit this run: ${message}`,
    hint: "go on with the model, data, options and callbacks it was written with, or remove it to start anew",
    reason: "mismatch",
  });
}

/** A copy of what is a state; undefined for functions and other objects. */
export function copyOfState(value: unknown): State | undefined {
  if (value === null || typeof value === "boolean" || typeof value === "number" || typeof value === "string") {
    return value;
  }
  if (typeof value !== "object") return undefined;
  if (value instanceof Tensor) return value.clone();
  if (isTypedArray(value)) return value.slice();
  const isRecord = Object.getPrototypeOf(value) === Object.prototype;
  if (!Array.isArray(value) && !isRecord) return undefined;
  const copies = Object.entries(value).map(([name, item]) => [name, copyOfState(item)] as const);
  if (copies.some(([, item]) => item === undefined)) return undefined;
  return (Array.isArray(value) ? copies.map(([, item]) => item) : Object.fromEntries(copies)) as State;
}
