import { type Config, isSerialized, optionsOf, type Serialized } from "../config.ts";
import { ModelFileError } from "../errors.ts";
import { checkOptionNames } from "../option-checks.ts";

/** A class that files may name: it is made from its options, by `fromConfig` where it has one. */
export interface SerializableClass<T = object> {
  new (options: never): T;
  /** Keras' class name. Default: the name of the class. */
  readonly className?: string;
  /** Makes an object from what its `getConfig` gave. Default: `new` with the options in the names they have here. */
  fromConfig?(config: Config): T;
}

/** A function that files may name: an activation, a loss, a metric. */
export type SerializableFunction = (...args: never[]) => unknown;

/** Classes and functions of one's own, by the names that files have for them. */
export type CustomObjects = Readonly<Record<string, SerializableClass | SerializableFunction>>;

const registered = new Map<string, SerializableClass | SerializableFunction>();

/** What loading a model takes into account. */
interface Scope {
  readonly objects: ReadonlyMap<string, SerializableClass | SerializableFunction>;
  /** Numbers that weights may still be made of; null where nothing is loaded. */
  elementsLeft: number | null;
}
let scope: Scope = { objects: new Map(), elementsLeft: null };

/**
 * Makes a class (a layer, loss, metric, optimizer, initializer, …) or a function of one's own known to files: written as
 * `package>name`, and found again when they are loaded. For one file only, see the option `customObjects` of `loadModel`.
 * @param options `package` defaults to "Custom", `name` to the class's `className` or the function's name, as in Keras.
 * @returns what was given.
 *
 * @example
 * ```ts
 * const twice = registerSerializable((x: Tensor) => x.mul(2), { name: "twice" });
 * new Activation(twice).getConfig().activation; // "Custom>twice"
 * ```
 */
export function registerSerializable<T extends SerializableClass | SerializableFunction>(
  object: T,
  options: { readonly package?: string; readonly name?: string } = {},
): T {
  checkOptionNames("registerSerializable", options, ["package", "name"]);
  const name = options.name ?? ownName(object);
  registered.set(`${options.package ?? "Custom"}>${name}`, object);
  return object;
}

function ownName(object: SerializableClass | SerializableFunction): string {
  return Object.hasOwn(object, "className") ? (object as SerializableClass).className! : object.name;
}

/** The name that files have for a registered object: `package>name`; null for one that is not registered. */
export function registeredName(object: unknown): string | null {
  for (const [name, own] of registered) if (own === object) return name;
  return null;
}

/** Runs `make` with custom objects and, where weights are made, with a limit to what they may hold together. */
export function withScope<T>(objects: CustomObjects, elements: number | null, make: () => T): T {
  const before = scope;
  scope = { objects: new Map([...before.objects, ...Object.entries(objects)]), elementsLeft: elements };
  try {
    return make();
  } finally {
    scope = before;
  }
}

/** The registered or custom object that a file's name or description stands for. */
export function customObject(given: string | Serialized): SerializableClass | SerializableFunction | undefined {
  const names = isSerialized(given) ? [given.registered_name, given.class_name] : [given];
  for (const name of names) {
    if (typeof name !== "string") continue;
    const found =
      scope.objects.get(name) ??
      registered.get(name) ??
      scope.objects.get(name.replace(/^.*>/, "")) ??
      byLastPart(name);
    if (found !== undefined) return found;
  }
  return undefined;
}

function byLastPart(name: string): SerializableClass | SerializableFunction | undefined {
  if (name.includes(">")) return undefined;
  for (const [key, object] of registered) if (key.endsWith(`>${name}`)) return object;
  return undefined;
}

/** An object of the registered or custom class that a file's name or description stands for; null where there is none. */
export function customInstance(given: string | Serialized): object | null {
  const type = customObject(given);
  if (type === undefined || !isClass(type)) return null;
  const config = isSerialized(given) ? given.config : {};
  if (type.fromConfig !== undefined) return type.fromConfig(config);
  return new (type as new (options: object) => object)(optionsOf(config));
}

/** The registered or custom function that a name stands for; null where there is none. */
export function customFunction<F extends SerializableFunction>(name: string): F | null {
  const found = customObject(name);
  return found === undefined || isClass(found) ? null : (found as F);
}

/** Classes, unlike functions, have a prototype that cannot be replaced. */
function isClass(object: SerializableClass | SerializableFunction): object is SerializableClass {
  return Object.getOwnPropertyDescriptor(object, "prototype")?.writable === false;
}

/**
 * Whether weights are made for a file that fills them, so that no initial values are needed.
 * @throws {ModelFileError} when they would hold more numbers than the file does.
 */
export function claimWeight(name: string, shape: readonly number[]): boolean {
  if (scope.elementsLeft === null) return false;
  const size = shape.reduce((a, b) => a * b, 1);
  if (!(size <= scope.elementsLeft)) {
    throw new ModelFileError({
      op: "loadModel",
      message: `the model has a weight "${name}" of shape (${shape.join(", ")}), more than the numbers in its file`,
    });
  }
  scope.elementsLeft -= size;
  return true;
}
