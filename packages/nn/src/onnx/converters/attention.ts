import { type Conversion, type Converter, constantOf, unsupported, weightOf } from "../converter.ts";
import type { GraphBuilder } from "../graph-builder.ts";
import { elementType } from "../model-proto.ts";

/** Queries, values and keys: the value stands for the key, and the query for both, where they are not given. */
function roles({ inputs }: Conversion): readonly [query: string, value: string, key: string] {
  const [query, value = query, key = value] = inputs.map((v) => v.name) as [string, string?, string?];
  return [query, value!, key!];
}

/** Which keys each query may attend to, as call and layer say; null for all. */
function maskOf(c: Conversion): string | null {
  const { graph: g, config, options } = c;
  const [query, value] = roles(c);
  const window = (config.sliding_window ?? null) as number | null;
  const masks: string[] = [];
  if (options.attentionMask) masks.push(g.add("Cast", [options.attentionMask.name], { to: elementType.bool }));
  if (options.useCausalMask || window !== null) {
    const steps = (x: string) => g.add("Slice", [g.add("Shape", [x]), g.ints([1]), g.ints([2])]);
    // Ones at the places (query, key) that are allowed.
    let pairs = g.add("Expand", [g.scalar(1), g.add("Concat", [steps(query), steps(value)], { axis: 0 })]);
    if (options.useCausalMask) pairs = g.add("Trilu", [pairs], { upper: 0 });
    if (window !== null) {
      const below = g.add("Trilu", [pairs, g.int(window - 1)], { upper: 0 });
      pairs = g.add("Trilu", [below, g.int(1 - window)], { upper: 1 });
    }
    masks.push(g.add("Cast", [pairs], { to: elementType.bool }));
  }
  return masks.length === 0 ? null : masks.reduce((a, b) => g.add("And", [a, b]));
}

/** Attention of several heads, of which some may share keys and values. */
function headsAttention(c: Conversion): readonly string[] {
  const { graph: g, layer, config, options } = c;
  if (String(config.attention_axes ?? 1) !== "1" || c.shape.length !== 3) {
    throw unsupported(layer, "it attends along other axes than 1", "bring them together with Reshape");
  }
  const [query, value, key] = roles(c);
  const lengthsOf = (name: string) => weightOf(layer, `${name}/kernel`)!.shape;
  /** A product of the last axis, which makes it `columns` long. */
  const project = (x: string, name: string, columns: number): string => {
    const kernel = weightOf(layer, `${name}/kernel`)!;
    const bias = weightOf(layer, `${name}/bias`);
    const rows = kernel.size / columns;
    const flat = g.add("MatMul", [x, g.weight(`${name}/kernel`, [rows, columns], () => kernel.data)]);
    return bias === null ? flat : g.add("Add", [flat, g.weight(`${name}/bias`, [columns], () => bias.data)]);
  };
  const split = (x: string, name: string, axes: readonly number[] = [0, 2, 1, 3]): string => {
    const [, heads, dim] = lengthsOf(name) as readonly [number, number, number];
    return g.transpose(g.reshape(project(x, name, heads * dim), [0, 0, heads, dim]), axes);
  };
  const [, heads, keyDim] = lengthsOf("query") as readonly [number, number, number];
  /** Keys or values for every head of the queries. */
  const shared = (x: string, name: string): string => {
    const [, own, dim] = lengthsOf(name) as readonly [number, number, number];
    if (own === heads) return x;
    const copies = g.add("Tile", [g.add("Unsqueeze", [x, g.ints([2])]), g.ints([1, 1, heads / own, 1, 1])]);
    return g.reshape(copies, [0, heads, -1, dim]);
  };
  const queries = g.add("Mul", [split(query, "query"), g.scalar(1 / Math.sqrt(keyDim))]);
  const keys = g.transpose(shared(split(key, "key"), "key"), [0, 1, 3, 2]);
  const products = g.add("MatMul", [queries, keys]);
  const mask = headsMask(c);
  const scores = mask === null ? products : g.add("Where", [mask, products, g.scalar(-1e9)]);
  const soft = g.add("Softmax", [scores], { axis: -1 });
  // Where nothing may be attended to, nothing is.
  const weights = mask === null ? soft : g.add("Where", [mask, soft, g.scalar(0)]);
  const mixed = g.add("MatMul", [weights, shared(split(value, "value"), "value")]);
  const gated =
    weightOf(layer, "gate/kernel") === null ? mixed : g.add("Mul", [mixed, g.add("Sigmoid", [split(query, "gate")])]);
  const [count, dim, ...lengths] = lengthsOf("attention_output") as readonly [number, number, ...number[]];
  const flat = g.reshape(g.transpose(gated, [0, 2, 1, 3]), [0, 0, count * dim]);
  const output = project(
    flat,
    "attention_output",
    lengths.reduce((a, b) => a * b, 1),
  );
  const shaped = lengths.length === 1 ? output : g.reshape(output, [0, 0, ...lengths]);
  return options.returnAttentionScores ? [shaped, weights] : [shaped];
}

/** The mask with an axis for the heads. */
function headsMask(c: Conversion): string | null {
  const mask = maskOf(c);
  const given = c.options.attentionMask;
  return mask !== null && given?.shape.length === 3 ? c.graph.add("Unsqueeze", [mask, c.graph.ints([1])]) : mask;
}

/** Attention by one score for every pair of a query and a key. */
const pairAttention =
  (scoresOf: (c: Conversion, query: string, key: string) => string): Converter =>
  (c) => {
    const { graph: g, options } = c;
    const [query, value, key] = roles(c);
    const scores = scoresOf(c, query, key);
    const mask = maskOf(c);
    const allowed = mask === null ? scores : g.add("Where", [mask, scores, g.add("Sub", [scores, g.scalar(1e9)])]);
    const weights = g.add("Softmax", [allowed], { axis: -1 });
    const output = g.add("MatMul", [weights, value]);
    return options.returnAttentionScores ? [output, weights] : [output];
  };

/** Σ factor · tanh(scale · (query + key)) for every pair. */
function sumScores(g: GraphBuilder, query: string, key: string, scale: string | null, factor: string | null): string {
  const sums = g.add("Add", [g.add("Unsqueeze", [query, g.ints([2])]), g.add("Unsqueeze", [key, g.ints([1])])]);
  const curved = g.add("Tanh", [scale === null ? sums : g.add("Mul", [sums, scale])]);
  return g.add("ReduceSum", [factor === null ? curved : g.add("Mul", [curved, factor]), g.ints([-1])], { keepdims: 0 });
}

function constant(c: Conversion, name: string): string | null {
  const value = weightOf(c.layer, name);
  return value === null ? null : constantOf(c, name, value);
}

export const attentionConverters: Readonly<Record<string, Converter>> = {
  MultiHeadAttention: headsAttention,
  GroupedQueryAttention: headsAttention,
  Attention: pairAttention((c, query, key) => {
    const { graph: g, config, layer } = c;
    const scale = constant(c, "scale");
    if (config.score_mode === "concat") return sumScores(g, query, key, scale, constant(c, "concat_score_weight"));
    if (config.score_mode !== "dot") throw unsupported(layer, `its score mode is "${config.score_mode}"`);
    const products = g.add("MatMul", [query, g.transpose(key, [0, 2, 1])]);
    return scale === null ? products : g.add("Mul", [products, scale]);
  }),
  AdditiveAttention: pairAttention((c, query, key) => sumScores(c.graph, query, key, null, constant(c, "scale"))),
};
