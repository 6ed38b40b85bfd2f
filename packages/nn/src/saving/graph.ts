import { type Config, camelCase, isSerialized, type Json, type Serialized } from "../config.ts";
import { ModelFileError } from "../errors.ts";
import { Functional } from "../functional.ts";
import { InputLayer } from "../layers/core.ts";
import type { BatchShape, Layer } from "../module.ts";
import { Sequential } from "../sequential.ts";
import { type CallOptions, givenTensors, mapOptions, SymbolicTensor } from "../symbolic.ts";
import { isRecord } from "./json.ts";

/** Makes a layer of a file's description. */
type MakeLayer = (given: Serialized) => Layer;

function malformed(message: string): ModelFileError {
  return new ModelFileError({ op: "loadModel", message });
}

/** The shape a first layer states, in the forms of Keras 2 and 3. */
export function batchShapeOf(config: Config): BatchShape | null {
  return shapeOf(config.batch_shape ?? config.batch_input_shape);
}

function shapeOf(value: Json | undefined): BatchShape | null {
  if (!Array.isArray(value) || value.length === 0) return null;
  const lengths = value.map((n) => {
    if (n === null || (typeof n === "number" && Number.isSafeInteger(n) && n >= 0)) return n;
    throw malformed(`the shape ${JSON.stringify(value)} of an input has a length that is none`);
  });
  return lengths;
}

/** The descriptions of a model's layers. */
function entriesOf(value: Json | undefined): readonly (Serialized & Config)[] {
  if (!Array.isArray(value)) throw malformed("a model has no list of layers");
  return value.map((entry) => {
    if (isRecord(entry) && isSerialized(entry)) return entry;
    throw malformed("a model's list of layers has something else in it");
  });
}

/** A Sequential model by its options in a file, which were a list of layers in the first versions of Keras. */
export function sequentialOf(config: Config, makeLayer: MakeLayer): Sequential {
  const layers = entriesOf(Array.isArray(config) ? config : config.layers).map(makeLayer);
  const model = new Sequential(layers, typeof config.name === "string" ? { name: config.name } : {});
  const shape = shapeOf(config.build_input_shape);
  if (!model.built && shape !== null && layers.length > 0) model.ensureBuilt(shape);
  return model;
}

/** Which output, of which call of which layer. */
interface Place {
  readonly layer: string;
  readonly use: number;
  readonly output: number;
}

function placeOf(value: Json): Place {
  const [layer, use = 0, output = 0] = Array.isArray(value) ? value : [];
  if (typeof layer === "string" && typeof use === "number" && typeof output === "number") return { layer, use, output };
  throw malformed(`${JSON.stringify(value)} does not say which output of which layer is meant`);
}

/** A functional model by its options in a file, in the forms of Keras 2 and 3. */
export function functionalOf(config: Config, makeLayer: MakeLayer): Functional {
  const all = entriesOf(config.layers);
  const operations = new Set(all.filter(isOperation).map(nameOf));
  const entries = operations.size === 0 ? all : withoutMasks(all, operations, config);
  const layers = new Map<string, Layer>();
  const made = new Map<string, (readonly SymbolicTensor[])[]>();
  for (const entry of entries) {
    const layer = makeLayer(entry);
    const name = nameOf(entry);
    if (layers.has(name)) throw malformed(`two layers are named "${name}"`);
    layer.nameIfUnnamed(name);
    layers.set(name, layer);
    made.set(
      name,
      layer instanceof InputLayer
        ? [SymbolicTensor.outputsOf(layer, [], [[null, ...(layer.statedInputShape ?? [])]])]
        : [],
    );
  }
  const calls = entries.flatMap((entry) =>
    listOf(entry.inbound_nodes).map((node, use) => ({
      name: nameOf(entry),
      use,
      from: placesOf(node),
      options: withoutMask(keywordsOf(node), operations),
    })),
  );
  const find = ({ layer, use, output }: Place) => made.get(layer)?.[use]?.[output];
  const keyOf = (layer: string, use: number): string => `${use} ${layer}`;
  /** The call that must be made before another; null where there is none. */
  const missing = ({ name, use, from, options }: (typeof calls)[number]): string | null => {
    if (made.get(name)!.length !== use) return keyOf(name, use - 1);
    const place = [...from, ...givenTensors(options)].find((p) => find(p) === undefined);
    return place === undefined ? null : keyOf(place.layer, place.use);
  };
  // Files list layers in an order that need not be that of their use. A call that lacks another waits for that one, so
  // that none is looked at more often than it has inputs.
  const waiting = new Map<string, typeof calls>();
  for (let i = 0; i < calls.length; i++) {
    const call = calls[i]!;
    const lacking = missing(call);
    if (lacking !== null) {
      const others = waiting.get(lacking);
      if (others === undefined) waiting.set(lacking, [call]);
      else others.push(call);
      continue;
    }
    const parents = call.from.map(find) as SymbolicTensor[];
    const options = mapOptions(call.options, (place) => find(place)!);
    made.get(call.name)!.push(layers.get(call.name)!.connect(parents, options));
    const key = keyOf(call.name, call.use);
    calls.push(...(waiting.get(key) ?? []));
    waiting.delete(key);
  }
  for (const [first] of waiting.values()) {
    const message = `the inputs of the layer "${first!.name}" are not in the file`;
    throw new ModelFileError({ op: "loadModel", message });
  }
  const ends = (places: Json | undefined): SymbolicTensor[] => {
    const list = listOf(places);
    return (Array.isArray(list[0]) ? list : [list]).map((item) => {
      const { layer, use, output } = placeOf(item);
      const found = made.get(layer)?.[use]?.[output];
      if (found === undefined)
        throw malformed(`an input or output of the model, ${JSON.stringify(item)}, is not there`);
      return found;
    });
  };
  return new Functional({
    ...(typeof config.name === "string" ? { name: config.name } : {}),
    inputs: ends(config.input_layers),
    outputs: ends(config.output_layers),
  });
}

/** Operations that Keras 3 writes beside layers where it computes masks. */
const maskOperations: ReadonlySet<string> = new Set([
  "NotEqual",
  "Any",
  "LogicalOr",
  "LogicalAnd",
  "LogicalNot",
  "ExpandDims",
  "Squeeze",
  "ZerosLike",
  "OnesLike",
]);

function isOperation({ class_name: name, module }: Serialized): boolean {
  return maskOperations.has(name) && (module === undefined || module?.startsWith("keras.src.ops") === true);
}

/** Options without a mask that operations compute: here it travels with tensors, and comes out the same. */
function withoutMask(options: CallOptions<Place>, operations: ReadonlySet<string>): CallOptions<Place> {
  const { mask, ...others } = options;
  if (mask === undefined) return options;
  const places = givenTensors<Place>({ mask });
  return places.length > 0 && places.every(({ layer }) => operations.has(layer)) ? others : options;
}

/** The layers that outputs depend on, when masks that operations compute are left to tensors. */
function withoutMasks(
  entries: readonly (Serialized & Config)[],
  operations: ReadonlySet<string>,
  config: Config,
): readonly (Serialized & Config)[] {
  const byName = new Map(entries.map((entry) => [nameOf(entry), entry]));
  const needed = new Set<string>();
  const visit = (name: string): void => {
    const entry = byName.get(name);
    if (entry === undefined || needed.has(name)) return;
    needed.add(name);
    for (const node of listOf(entry.inbound_nodes)) {
      const given = givenTensors(withoutMask(keywordsOf(node), operations));
      for (const { layer } of [...placesOf(node), ...given]) visit(layer);
    }
  };
  for (const list of [listOf(config.input_layers), listOf(config.output_layers)]) {
    for (const item of Array.isArray(list[0]) ? list : [list]) visit(placeOf(item).layer);
  }
  return entries.filter((entry) => needed.has(nameOf(entry)));
}

const listOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);

function nameOf(entry: Serialized & Config): string {
  const name = entry.name ?? entry.config.name;
  if (typeof name === "string") return name;
  throw malformed(`a ${entry.class_name} has no name`);
}

/** Arguments that are inputs, in the order of positions. */
const inputNames = ["inputs", "query", "value", "key"];

/** What a layer was applied to: `{ args: [tensor …] }` in Keras 3, `[[name, use, output, {}] …]` in Keras 2. */
function placesOf(node: Json): readonly Place[] {
  const named = keywords(node);
  const byName = inputNames.flatMap((name) => tensorsIn(named[name] ?? null));
  if (!Array.isArray(node)) return [...tensorsIn(isRecord(node) ? (node.args ?? null) : null), ...byName];
  return [...(Array.isArray(node[0]) ? node : [node]).map(placeOf), ...byName];
}

/** The tensors in what a file says of a call, by their places. */
function tensorsIn(value: Json): readonly Place[] {
  if (Array.isArray(value)) return isPlace(value) ? [placeOf(value)] : value.flatMap(tensorsIn);
  const tensor = isSerialized(value) && value.class_name === "__keras_tensor__";
  return tensor ? [placeOf(value.config.keras_history ?? null)] : [];
}

const isPlace = (value: readonly Json[]): boolean =>
  value.length === 3 && typeof value[0] === "string" && typeof value[1] === "number";

/** The named arguments of a call: in Keras 2 they follow the first input's place. */
function keywords(node: Json): Config {
  if (!Array.isArray(node)) return isRecord(node) && isRecord(node.kwargs) ? node.kwargs : {};
  const [first] = node;
  const given = Array.isArray(first) ? first[3] : node[3];
  return isRecord(given) ? given : {};
}

/** Named arguments of calls that layers here take, too. */
const callArguments: readonly string[] = [
  "mask",
  "initial_state",
  "attention_mask",
  "use_causal_mask",
  "return_attention_scores",
  "count_weights",
];

/** What a layer was given besides its inputs. */
function keywordsOf(node: Json): CallOptions<Place> {
  const read = (value: Json): unknown => {
    if (Array.isArray(value)) return isPlace(value) ? placeOf(value) : value.map(read);
    return isSerialized(value) ? tensorsIn(value)[0] : value;
  };
  return Object.fromEntries(
    Object.entries(keywords(node)).flatMap(([key, value]) =>
      callArguments.includes(key) && value !== null ? [[camelCase(key), read(value)]] : [],
    ),
  );
}
