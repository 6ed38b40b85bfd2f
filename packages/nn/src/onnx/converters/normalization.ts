import type { Json } from "../../config.ts";
import type { BatchShape } from "../../module.ts";
import { type Conversion, type Converter, constantOf, unsupported, weightOf } from "../converter.ts";
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
  const given = config.axis as number | readonly number[];
  const axes = (typeof given === "number" ? [given] : [...given]).map((a) => positive(a, shape)).sort((a, b) => a - b);
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
  if (positive(config.axis as number, shape) !== shape.length - 1) throw unsupported(layer, "its axis is not the last");
  const channels = shape.at(-1) as number;
  const groups = config.groups === -1 ? channels : (config.groups as number);
  const kept = shape.slice(0, -1).map(() => 0);
  const split = g.reshape(x, [...kept, groups, channels / groups]);
  const axes = [...shape.slice(1, -1).map((_, i) => i + 1), shape.length];
  return affine(c, g.reshape(standardized(c, split, axes), [...kept, channels]), [channels]);
}

function rmsNormalization(c: Conversion): string {
  const { graph: g, config, layer, x, shape } = c;
  if (positive((config.axis ?? -1) as number, shape) !== shape.length - 1)
    throw unsupported(layer, "its axis is not the last");
  const mean = g.add("ReduceMean", [g.add("Mul", [x, x]), g.ints([-1])]);
  const root = g.add("Sqrt", [g.add("Add", [mean, g.scalar(config.epsilon as number)])]);
  const scale = weightOf(layer, "scale");
  const y = g.add("Div", [x, root]);
  return scale === null ? y : g.add("Mul", [y, constantOf(c, "scale", scale)]);
}

const flat = (value: Json): number[] => (Array.isArray(value) ? value.flatMap(flat) : [value as number]);

/** Statistics of the features, along the last axis. */
function normalization({ graph: g, layer, config, x, shape }: Conversion): string {
  const { axis = -1, mean = null, variance = null, invert = false } = config;
  const along = Array.isArray(axis) ? axis : [axis];
  if (mean === null || variance === null) {
    throw unsupported(layer, "no statistics are known", "call adapt(data) first");
  }
  const [means, spreads] = [flat(mean), flat(variance).map((v) => Math.max(Math.sqrt(v), 1e-7))];
  if (means.length > 1 && (along.length !== 1 || positive(along[0] as number, shape) !== shape.length - 1)) {
    throw unsupported(layer, "its axis is not the last");
  }
  const centre = g.weight("mean", [means.length], () => means);
  const spread = g.weight("deviation", [spreads.length], () => spreads);
  if (invert === true) return g.add("Add", [g.add("Mul", [x, spread]), centre]);
  return g.add("Div", [g.add("Sub", [x, centre]), spread]);
}

export const normalizationConverters: Readonly<Record<string, Converter>> = {
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  GroupNormalization: groupNormalization,
  RMSNormalization: rmsNormalization,
  UnitNormalization: ({ graph, layer, config: { axis }, x }) => {
    if (typeof axis !== "number") throw unsupported(layer, "it is over several axes");
    return unit(graph, x, axis);
  },
  Normalization: normalization,
};
