import type { Tensor } from "@gradiente/autograd";
import type { Json } from "../../config.ts";
import type { BatchShape } from "../../module.ts";
import { type Conversion, type Converter, unsupported, weightOf } from "../converter.ts";
import { unit } from "./merge.ts";

const positive = (axis: number, shape: BatchShape): number => (axis < 0 ? shape.length + axis : axis);

/** A running average and the factor and offset it stands for, folded into one product and one sum. */
function batchNormalization({ graph: g, layer, config, x, shape }: Conversion): string {
  const values = (name: string) => weightOf(layer, name)?.data ?? null;
  const [mean, variance] = [values("moving_mean")!, values("moving_variance")!];
  const [gamma, beta] = [values("gamma"), values("beta")];
  const factor = Array.from(variance, (v, i) => (gamma?.[i] ?? 1) / Math.sqrt(v + (config.epsilon as number)));
  const offset = Array.from(mean, (m, i) => (beta?.[i] ?? 0) - m * factor[i]!);
  const after = shape.length - 1 - positive(config.axis as number, shape);
  const wide = [mean.length, ...new Array<number>(after).fill(1)];
  const product = g.add("Mul", [x, g.weight("factor", wide, () => factor)]);
  return g.add("Add", [product, g.weight("offset", wide, () => offset)]);
}

/** `x` less its mean along axes, divided by the root of variance plus epsilon. */
function standardized({ graph: g, config }: Conversion, x: string, axes: readonly number[]): string {
  const centred = g.add("Sub", [x, g.add("ReduceMean", [x, g.ints(axes)])]);
  const variance = g.add("ReduceMean", [g.add("Mul", [centred, centred]), g.ints(axes)]);
  return g.add("Div", [centred, g.add("Sqrt", [g.add("Add", [variance, g.scalar(config.epsilon as number)])])]);
}

/** `x` times gamma plus beta, which are given a shape to broadcast. */
function affine({ graph: g, layer }: Conversion, x: string, wide: readonly number[]): string {
  const constant = (name: string) => {
    const value = weightOf(layer, name);
    return value === null ? null : g.weight(name, wide, () => value.data);
  };
  const [gamma, beta] = [constant("gamma"), constant("beta")];
  const scaled = gamma === null ? x : g.add("Mul", [x, gamma]);
  return beta === null ? scaled : g.add("Add", [scaled, beta]);
}

function layerNormalization(c: Conversion): string {
  const { graph: g, layer, config, x, shape } = c;
  if (config.rms_scaling === true) throw unsupported(layer, "rmsScaling has no counterpart", "use RMSNormalization");
  const axes = axesOf(config.axis!, shape);
  const lengths = axes.map((a) => shape[a] as number);
  const last = axes.every((a, i) => a === shape.length - axes.length + i);
  if (!last) {
    return affine(
      c,
      standardized(c, x, axes),
      shape.map((n, i) => (axes.includes(i) ? n! : 1)),
    );
  }
  const size = lengths.reduce((a, b) => a * b, 1);
  const constant = (name: string, otherwise: number) => {
    const value = weightOf(layer, name);
    return g.weight(name, lengths, () => value?.data ?? new Array<number>(size).fill(otherwise));
  };
  return g.add("LayerNormalization", [x, constant("gamma", 1), constant("beta", 0)], {
    axis: -axes.length,
    epsilon: { float: config.epsilon as number },
  });
}

function groupNormalization(c: Conversion): string {
  const { graph: g, layer, config, x, shape } = c;
  const at = positive(config.axis as number, shape);
  const channels = shape[at] as number;
  const groups = config.groups === -1 ? channels : (config.groups as number);
  const before = shape.slice(0, at).map(() => 0);
  // One length that is not known can be left to be found.
  const after = shape.slice(at + 1).map((n) => n ?? -1);
  if (after.filter((n) => n === -1).length > 1) throw unsupported(layer, "the lengths after its axis are not fixed");
  const split = g.reshape(x, [...before, groups, channels / groups, ...after]);
  const axes = Array.from({ length: shape.length + 1 }, (_, i) => i).filter((i) => i !== 0 && i !== at);
  return affine(c, g.reshape(standardized(c, split, axes), [...before, channels, ...after]), [
    channels,
    ...after.map(() => 1),
  ]);
}

const axesOf = (axis: Json, shape: BatchShape): readonly number[] =>
  (Array.isArray(axis) ? axis : [axis]).map((a: number) => positive(a, shape)).sort((a: number, b: number) => a - b);

function rmsNormalization(c: Conversion): string {
  const { graph: g, config, layer, x, shape } = c;
  const axes = axesOf(config.axis ?? -1, shape);
  const mean = g.add("ReduceMean", [g.add("Mul", [x, x]), g.ints(axes)]);
  const y = g.add("Div", [x, g.add("Sqrt", [g.add("Add", [mean, g.scalar(config.epsilon as number)])])]);
  const scale = weightOf(layer, "scale")!;
  const wide = shape.map((n, i) => (axes.includes(i) ? n! : 1));
  return g.add("Mul", [y, g.weight("scale", wide, () => scale.data)]);
}

/** Numbers nested in lists, or a tensor, as elements and shape. */
function statistic(layer: Conversion["layer"], name: string, given: Json): Pick<Tensor, "shape"> & { data: number[] } {
  const value = weightOf(layer, name);
  if (value !== null) return { data: [...value.data], shape: value.shape };
  if (given === null) throw unsupported(layer, "no statistics are known", "call adapt(data) first");
  const shape: number[] = [];
  for (let level: Json = given; Array.isArray(level); level = level[0] as Json) shape.push(level.length);
  return { data: [given].flat(shape.length as 1) as number[], shape };
}

/** Statistics of the features, learned or given. */
function normalization({ graph: g, layer, config, x, shape }: Conversion): string {
  const kept = config.axis === null ? [] : axesOf(config.axis ?? -1, shape);
  const constant = (name: "mean" | "variance", f: (v: number) => number): string => {
    const { data, shape: own } = statistic(layer, name, config[name] ?? null);
    // A few given lengths belong to the last of the kept axes.
    const places = kept.slice(kept.length - own.length);
    const wide = shape.map((_, i) => (places.includes(i) ? own[places.indexOf(i)]! : 1));
    return g.weight(name, wide, () => data.map(f));
  };
  const mean = constant("mean", (v) => v);
  const spread = constant("variance", (v) => Math.max(Math.sqrt(v), 1e-7));
  if (config.invert === true) return g.add("Add", [g.add("Mul", [x, spread]), mean]);
  return g.add("Div", [g.add("Sub", [x, mean]), spread]);
}

export const normalizationConverters: Readonly<Record<string, Converter>> = {
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  GroupNormalization: groupNormalization,
  RMSNormalization: rmsNormalization,
  UnitNormalization: ({ graph, config, x, shape }) => unit(graph, x, axesOf(config.axis!, shape)),
  Normalization: normalization,
};
