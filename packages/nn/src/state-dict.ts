import { noGrad, type Tensor } from "@gradiente/autograd";
import { DataError, NotReadyError, StateDictError } from "./errors.ts";
import type { Layer, Weight } from "./module.ts";
import { checkOptionNames } from "./option-checks.ts";

/** Options of `stateDict`. */
export interface StateDictOptions {
  /** Put before every name. Default: nothing. */
  readonly prefix?: string;
}

/** Options of `loadStateDict`. */
export interface LoadStateDictOptions {
  /** Refuse names that are missing or not known. Default: true. */
  readonly strict?: boolean;
  /** Take only names that begin with this, without it. Default: all. */
  readonly prefix?: string;
}

/** The names that `loadStateDict` found no use or no value for. */
export interface LoadStateDictResult {
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
}

/** Every weight with the path to it: `dense.kernel`, `encoder.dense_1.bias`. A shared weight has its first path. */
function namedWeights(op: string, layer: Layer): Map<string, Weight> {
  if (!layer.built) {
    throw new NotReadyError({
      op,
      message: `"${layer.name}" is not built, so it has no weights`,
      hint: "state inputShape on the first layer, or call it first",
    });
  }
  const found = new Map<string, Weight>();
  const seen = new Set<Weight>();
  const visit = (inner: Layer, path: string): void => {
    const below = new Set(inner.sublayers().flatMap((l) => l.weights));
    for (const weight of inner.weights) {
      if (below.has(weight) || seen.has(weight)) continue;
      seen.add(weight);
      const name = path + weight.name.replaceAll("/", ".");
      if (found.has(name)) throw new DataError({ op, message: `two weights of "${layer.name}" are named "${name}"` });
      found.set(name, weight);
    }
    for (const part of inner.sublayers()) visit(part, `${path}${part.name}.`);
  };
  visit(layer, "");
  return found;
}

/** See `Layer.stateDict`. */
export function stateDict(layer: Layer, options: StateDictOptions = {}): Record<string, Tensor> {
  const { prefix = "" } = checkOptionNames("stateDict", options, ["prefix"]);
  const dict: Record<string, Tensor> = Object.create(null);
  for (const [name, weight] of namedWeights("stateDict", layer)) {
    dict[prefix + name] = noGrad(() => weight.value.clone());
  }
  return dict;
}

/** See `Layer.loadStateDict`. */
export function loadStateDict(
  layer: Layer,
  dict: Readonly<Record<string, Tensor>>,
  options: LoadStateDictOptions = {},
): LoadStateDictResult {
  const { strict = true, prefix = "" } = checkOptionNames("loadStateDict", options, ["strict", "prefix"]);
  const weights = namedWeights("loadStateDict", layer);
  const missing = [...weights.keys()].map((name) => prefix + name).filter((name) => !Object.hasOwn(dict, name));
  const given = Object.keys(dict).filter((name) => name.startsWith(prefix));
  const unexpected = given.filter((name) => !weights.has(name.slice(prefix.length)));
  const fitting = given.flatMap((name) => {
    const weight = weights.get(name.slice(prefix.length));
    return weight === undefined ? [] : [{ name, weight, value: dict[name]! }];
  });
  const mismatched = fitting
    .filter(({ weight, value }) => weight.value.shape.join() !== value.shape.join())
    .map(({ name, weight, value }) => ({ name, expected: weight.value.shape, given: value.shape }));
  if (mismatched.length > 0 || (strict && missing.length + unexpected.length > 0)) {
    throw new StateDictError(layer.name, strict ? { missing, unexpected, mismatched } : { mismatched });
  }
  for (const { weight, value } of fitting) weight.value.write(value.data);
  return { missing, unexpected };
}
