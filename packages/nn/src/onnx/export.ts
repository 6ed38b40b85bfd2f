import { ArgumentError } from "@gradiente/autograd";
import { writeAtomically } from "@gradiente/autograd/files";
import { NotReadyError } from "../errors.ts";
import type { Functional } from "../functional.ts";
import type { Model } from "../model.ts";
import type { BatchShape, Layer } from "../module.ts";
import { type CallOptions, mapOptions, type SymbolicTensor } from "../symbolic.ts";
import { type Conversion, type Converter, unsupported, type Value } from "./converter.ts";
import { activationConverters } from "./converters/activation.ts";
import { attentionConverters } from "./converters/attention.ts";
import { coreConverters } from "./converters/core.ts";
import { imageConverters } from "./converters/image.ts";
import { mergeConverters } from "./converters/merge.ts";
import { normalizationConverters } from "./converters/normalization.ts";
import { recurrentConverters } from "./converters/recurrent.ts";
import { spatialConverters } from "./converters/spatial.ts";
import { GraphBuilder } from "./graph-builder.ts";
import { encodeModel, type Port } from "./model-proto.ts";

/** Protocol buffers cannot be longer. */
const maximalSize = 2 ** 31 - 1;

const sequential: Converter = ({ layer, inputs, convert }) =>
  (layer as Model).layers
    .reduce<readonly Value[]>((values, inner) => convert(inner, values), inputs)
    .map((v) => v.name);

const functional: Converter = ({ layer, inputs, convert }) => {
  const model = layer as Functional;
  const values = new Map<SymbolicTensor, Value>(model.inputs.map((t, i) => [t, inputs[i]!]));
  const valueOf = (t: SymbolicTensor): Value => values.get(t)!;
  const given = new Set(model.inputs.map((t) => t.call));
  for (const call of model.calls) {
    if (given.has(call)) continue;
    const outputs = convert(call.layer, call.inputs.map(valueOf), mapOptions(call.options, valueOf));
    call.outputs.forEach((t, i) => {
      values.set(t, outputs[i]!);
    });
  }
  return model.outputs.map((t) => valueOf(t).name);
};

/** By Keras' class names. */
const converters: Readonly<Record<string, Converter>> = {
  ...activationConverters,
  ...attentionConverters,
  ...coreConverters,
  ...imageConverters,
  ...mergeConverters,
  ...normalizationConverters,
  ...recurrentConverters,
  ...spatialConverters,
  Sequential: sequential,
  Functional: functional,
};

/** The converter of a layer; none for classes of one's own, which may compute anything. */
function converterOf(layer: Layer): Converter {
  const converter = Object.hasOwn(converters, layer.className) ? converters[layer.className] : undefined;
  if (converter === undefined || !Object.hasOwn(layer.constructor, "className")) {
    const known = Object.keys(converters).sort().join(", ");
    throw unsupported(layer, "this class has no counterpart", `these have: ${known}`);
  }
  return converter;
}

/** Adds a layer's nodes, with its path in the names. */
function convert(
  graph: GraphBuilder,
  path: string,
  layer: Layer,
  inputs: readonly Value[],
  options: CallOptions<Value> = {},
): readonly Value[] {
  const converter = converterOf(layer);
  if (options.mask) throw unsupported(layer, "it is called with a mask, and masks are not exported");
  const conversion: Conversion = {
    graph,
    layer,
    config: layer.getConfig(),
    inputs,
    x: inputs[0]!.name,
    shape: inputs[0]!.shape,
    options,
    convert: (inner, values, inside) => {
      const result = convert(graph, path === "" ? inner.name : `${path}/${inner.name}`, inner, values, inside);
      graph.scope = path;
      return result;
    },
  };
  graph.scope = path;
  const names = converter(conversion);
  const shapes = layer.computeOutputShapes(inputs.map((v) => v.shape));
  return (typeof names === "string" ? [names] : names).map((name, i) => ({ name, shape: shapes[i]! }));
}

/** See `exportOnnx`. */
export async function exportModel(model: Model, path?: string): Promise<Uint8Array<ArrayBuffer>> {
  const { inputShapes } = model;
  if (!model.built || inputShapes === null) {
    throw new NotReadyError({
      op: "exportOnnx",
      message: `the model "${model.name}" is not built, so it has no weights`,
      hint: "state inputShape on the first layer, or call fit first",
    });
  }
  const size = model.weights.reduce((sum, w) => sum + 4 * w.value.size, 0);
  if (size > maximalSize) {
    throw new ArgumentError({
      op: "exportOnnx",
      message: `the weights take ${size} bytes; ${maximalSize} are the most`,
    });
  }
  const graph = new GraphBuilder();
  const given = (model as Partial<Functional>).inputs?.map((t) => t.layer.name) ?? ["input_layer"];
  const inputs = inputShapes.map((shape, i) => portOf(graph.name(given[i]!), shape));
  // Reserved first, so that they are as stated and the nodes' names give way.
  const names = model.outputNames.map((name) => graph.name(name));
  const values = inputs.map(({ name }, i) => ({ name, shape: inputShapes[i]! }));
  const results = convert(graph, "", model, values);
  const outputs = results.map(({ shape }, i) => portOf(names[i]!, shape));
  const bytes = encodeModel(
    graph.finish(
      model.name,
      inputs,
      results.map((v) => v.name),
      outputs,
    ),
  );
  if (path !== undefined) await writeAtomically(path, bytes);
  return bytes;
}

/** Lengths that are not fixed get names: equal ones for the samples, of which there are equally many everywhere. */
function portOf(name: string, shape: BatchShape): Port {
  return { name, shape: shape.map((n, i) => n ?? (i === 0 ? "batch" : `${name}:${i}`)) };
}
