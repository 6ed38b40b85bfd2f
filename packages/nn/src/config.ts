/** A value that JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Options in Keras' names (snake_case), as Keras files contain them. */
export type Config = { readonly [key: string]: Json };

/** An object written as its class and options, as Keras files contain them. */
export interface Serialized {
  readonly class_name: string;
  readonly config: Config;
  readonly module?: string;
  readonly registered_name?: string | null;
}

/** What is written for `object` in a Keras file. */
export function serialized(module: string, className: string, config: Config): Config {
  return { module, class_name: className, config, registered_name: null };
}

export function isSerialized(value: unknown): value is Serialized {
  if (typeof value !== "object" || value === null) return false;
  const { class_name: name, config } = value as Partial<Serialized>;
  return typeof name === "string" && typeof config === "object" && config !== null;
}

/** `kernel_initializer` → `kernelInitializer`. */
export function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** `MaxPooling2D` → `max_pooling2d`, by the rule Keras names layers with. */
export function snakeCase(name: string): string {
  return name
    .replace(/\W+/g, "")
    .replace(/(.)([A-Z][a-z]+)/g, "$1_$2")
    .replace(/([a-z])([A-Z])/g, "$1_$2")
    .toLowerCase();
}

/** Keras' options with the names they have here; `null` stands for an option that is left out. */
export function optionsOf(config: Config): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(config)) {
    const name = camelCase(key);
    if (value !== null && name !== "__proto__") options[name] = value;
  }
  return options;
}
