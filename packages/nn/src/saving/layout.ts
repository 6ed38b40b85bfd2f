import type { Parameter } from "@gradiente/autograd";
import { snakeCase } from "../config.ts";
import { ModelFileError, showShape } from "../errors.ts";
import type { Model } from "../model.ts";
import type { Layer, Weight } from "../module.ts";
import type { FileDataset, FileGroup } from "./hdf5/reader.ts";
import type { FileNumbers } from "./hdf5/types.ts";
import { emptyGroup, type GroupToWrite, groupAt, putArray } from "./hdf5/writer.ts";

/** A layer's place in a weights file: arrays of its own, and parts by their paths within it. */
interface Part {
  readonly name: string;
  readonly layer: Layer | null;
  readonly own: readonly Weight[];
  readonly parts: readonly (readonly [string, Part])[];
}

/** Attributes that hold a layer's sublayers in Keras, by class; `cells/` is a list. */
const attributes: Readonly<Record<string, readonly string[]>> = {
  RNN: ["cell"],
  SimpleRNN: ["cell"],
  LSTM: ["cell"],
  GRU: ["cell"],
  StackedRNNCells: ["cells/"],
  Bidirectional: ["forward_layer", "backward_layer"],
  TimeDistributed: ["layer"],
  SpectralNormalization: ["layer"],
};

/** What paths of projections begin with that Keras does not publish. */
function hidden(layer: Layer, projection: string): string {
  return layer.className === "GroupedQueryAttention" || projection === "gate" ? "_" : "";
}

function partOf(layer: Layer): Part {
  const inner = layer.sublayers();
  const weights = layer.directWeights;
  // `query/kernel` is the kernel of a projection, which is a layer in Keras.
  const groups = Map.groupBy(
    weights.filter((w) => w.name.includes("/")),
    (w) => w.name.slice(0, w.name.indexOf("/")),
  );
  const projections = [...groups].map(
    ([name, own]) =>
      [
        `${hidden(layer, name)}${name.replace(/^attention_/, "")}_dense`,
        { name, layer: null, own, parts: [] },
      ] as readonly [string, Part],
  );
  const names = Object.hasOwn(attributes, layer.className) ? attributes[layer.className]! : ["layers/"];
  const list = names.length === 1 && names[0]!.endsWith("/") ? names[0]! : null;
  const used = new Map<string, number>();
  const parts = inner.map((sublayer, i): readonly [string, Part] => {
    if (list === null) return [names[i] ?? `layers/${i}`, partOf(sublayer)];
    const base = snakeCase(sublayer.className);
    const before = used.get(base) ?? 0;
    used.set(base, before + 1);
    return [`${list}${before === 0 ? base : `${base}_${before}`}`, partOf(sublayer)];
  });
  return {
    name: layer.name,
    layer,
    own: weights.filter((w) => !w.name.includes("/")),
    parts: [...projections, ...parts],
  };
}

/** Puts a model's weights into a group, as `model.weights.h5` of Keras 3 has them. */
export function writeWeights(model: Model, root: GroupToWrite): void {
  const write = (group: GroupToWrite, { name, own, parts }: Part): void => {
    const vars = groupAt(group, ["vars"]);
    vars.attributes.name = name;
    own.forEach(({ value }, i) => {
      putArray(vars, [String(i)], value);
    });
    for (const [path, part] of parts) write(groupAt(group, path.split("/")), part);
  };
  write(root, partOf(model));
}

/** An array of a file and the weight it is for. */
interface Match {
  readonly weight: Weight;
  readonly layer: string;
  readonly array: FileDataset;
}

/** Fills a model's weights from a group in the layout of Keras 2.12 and later. @throws {ModelFileError} if they differ. */
export function readWeights(model: Model, root: FileGroup, file: string): void {
  const matches: Match[] = [];
  const read = (stored: Stored | undefined, { name, own, parts }: Part): void => {
    const arrays = stored?.arrays ?? [];
    // Arrays of layers without weights are states of generators.
    if (own.length > 0 || arrays.length === 0) match(file, name, own, arrays, matches);
    if (stored === undefined) {
      for (const [, part] of parts) read(undefined, part);
      return;
    }
    const seen = new Map<string, number>();
    for (const [path, part] of parts) {
      const [list, item] = path.split("/");
      if (item === undefined || part.layer === null) {
        read(stored.parts.get(path) ?? stored.parts.get(`_${path}`), part);
        continue;
      }
      const base = snakeCase(part.layer.className);
      const index = seen.get(base) ?? 0;
      seen.set(base, index + 1);
      // Before version 2.15 layers lay in another attribute, which skips numbers.
      const items = stored.parts.get(list!) ?? stored.parts.get("_layer_checkpoint_dependencies");
      read(items === undefined ? undefined : instances(items, base)[index], part);
    }
  };
  read(storedIn(root), partOf(model));
  fill(matches);
}

/** What a file has for one layer. */
interface Stored {
  arrays: FileDataset[];
  readonly parts: Map<string, Stored>;
}

/** The groups of a file as parts; files written under Windows have backslashes in names instead of groups. */
function storedIn(root: FileGroup): Stored {
  const whole: Stored = { arrays: [], parts: new Map() };
  const visit = (group: FileGroup, at: Stored): void => {
    for (const [name, inner] of group.groups) {
      let place = at;
      for (const step of name.split("\\")) {
        if (step === "vars") {
          place.arrays = numbered([...inner.datasets].map(([key, array]) => [key, array]));
          break;
        }
        const next = place.parts.get(step) ?? { arrays: [], parts: new Map<string, Stored>() };
        place.parts.set(step, next);
        place = next;
      }
      if (name.split("\\").at(-1) !== "vars") visit(inner, place);
    }
  };
  visit(root, whole);
  return whole;
}

/** Values in the order of the numbers that are their names. */
function numbered<T>(entries: readonly (readonly [string, T])[]): T[] {
  return [...entries].sort(([a], [b]) => Number(a) - Number(b)).map(([, value]) => value);
}

/** Parts named `dense`, `dense_1`, … in the order of their numbers. */
function instances(items: Stored, base: string): Stored[] {
  return numbered(
    [...items.parts].flatMap(([key, part]) => {
      if (key === base) return [["0", part] as const];
      const number = key.startsWith(`${base}_`) ? key.slice(base.length + 1) : "";
      return /^\d+$/.test(number) ? [[number, part] as const] : [];
    }),
  );
}

function match(
  file: string,
  layer: string,
  weights: readonly Weight[],
  arrays: readonly FileDataset[],
  matches: Match[],
): void {
  if (weights.length !== arrays.length) {
    const names = weights.map((w) => w.name).join(", ");
    throw new ModelFileError({
      op: "loadModel",
      message: `${file} has ${arrays.length} arrays for the layer "${layer}", which has ${weights.length} weights${names === "" ? "" : ` (${names})`}`,
    });
  }
  weights.forEach((weight, i) => {
    const array = arrays[i]!;
    if (array.shape.join() !== weight.value.shape.join()) {
      throw new ModelFileError({
        op: "loadModel",
        message: `${file} has an array of shape ${showShape(array.shape)} for the weight "${weight.name}" of the layer "${layer}", whose shape is ${showShape(weight.value.shape)}`,
      });
    }
    matches.push({ weight, layer, array });
  });
}

/** Writes arrays into the weights, once all are known to fit. */
function fill(matches: readonly Match[]): void {
  for (const { weight, array } of matches) write(weight.value, array.read());
}

/** Writes numbers of a file into a parameter. */
export function write(parameter: Parameter, numbers: FileNumbers): void {
  parameter.write(numbers instanceof BigInt64Array ? Float64Array.from(numbers, Number) : numbers);
}

/** The order of weights in whole-model HDF5 files: those that are trained first. */
function legacyOrder(layer: Layer): readonly Weight[] {
  const trained = layer.trainableWeights;
  return [...trained, ...layer.weights.filter((w) => !trained.includes(w))];
}

/** `dense/kernel:0`; weights of inner layers under their names too. */
function weightPaths(layer: Layer, prefix: string): ReadonlyMap<Weight, string> {
  const inner = layer.sublayers().flatMap((l) => [...weightPaths(l, `${prefix}/${l.name}`)]);
  return new Map([...layer.weights.map((w): [Weight, string] => [w, `${prefix}/${w.name}:0`]), ...inner]);
}

/** A group of the layers' weights, as whole-model HDF5 files have it. */
export function legacyWeights(model: Model, versions: GroupToWrite["attributes"]): GroupToWrite {
  const group = emptyGroup({ ...versions, layer_names: model.layers.map((l) => l.name) });
  for (const layer of model.layers) {
    const paths = weightPaths(layer, layer.name);
    const own = legacyOrder(layer);
    const names = own.map((w) => paths.get(w)!);
    const inner = emptyGroup({ weight_names: names });
    own.forEach(({ value }, i) => {
      putArray(inner, names[i]!.split("/"), value);
    });
    group.children.set(layer.name, inner);
  }
  group.children.set("top_level_model_weights", emptyGroup({ weight_names: [] }));
  return group;
}

/** Fills a model's weights from groups by layer, as Keras wrote them before version 3: by name, else by order. */
export function readLegacyWeights(model: Model, group: FileGroup, file: string): void {
  const stored = listAttribute(group, "layer_names").flatMap((name) => {
    const arrays = namedArrays(group.groups.get(name), file);
    return arrays.length > 0 ? [{ name, arrays: arrays.map((a) => a.array) }] : [];
  });
  const byName = new Map(stored.toReversed().map((s) => [s.name, s]));
  const stateful = (layer: Layer): boolean => layer.weights.length > 0 || byName.has(layer.name);
  const layers = model.layers.filter(stateful);
  if (stored.length !== layers.length) {
    throw new ModelFileError({
      op: "loadModel",
      message: `${file} has weights for ${stored.length} layers, but its model has ${layers.length} layers with weights`,
    });
  }
  const matches: Match[] = [];
  layers.forEach((layer, i) => {
    const { arrays } = byName.get(layer.name) ?? stored[i]!;
    if (layer.weights.length > 0) match(file, layer.name, legacyOrder(layer), arrays, matches);
  });
  fill(matches);
}

/** An array with the name that a list of names has for it. */
export interface NamedArray {
  readonly name: string;
  readonly array: FileDataset;
}

/** The arrays that a group's `weight_names` lists. */
export function namedArrays(group: FileGroup | undefined, file: string): NamedArray[] {
  if (group === undefined) return [];
  return listAttribute(group, "weight_names").map((name) => {
    const parts = name.split("/").filter((part) => part !== "");
    let at: FileGroup | undefined = group;
    for (const part of parts.slice(0, -1)) at = at?.groups.get(part);
    const array = at?.datasets.get(parts.at(-1) ?? "");
    if (array === undefined)
      throw new ModelFileError({ op: "loadModel", message: `${file} lacks the array "${name}"` });
    return { name, array };
  });
}

/** A list of names; long ones are cut into numbered attributes. */
function listAttribute({ attributes: own }: FileGroup, name: string): readonly string[] {
  const texts = (key: string): readonly string[] | null => {
    const value = own.get(key);
    if (typeof value === "string") return [value];
    return Array.isArray(value) ? (value as readonly string[]) : null;
  };
  if (own.has(name)) return texts(name) ?? [];
  const parts: string[] = [];
  for (let i = 0; own.has(`${name}${i}`); i++) parts.push(...(texts(`${name}${i}`) ?? []));
  return parts;
}
