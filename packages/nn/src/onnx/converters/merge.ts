import type { Tensor } from "@gradiente/autograd";
import type { Conversion, Converter } from "../converter.ts";
import type { GraphBuilder } from "../graph-builder.ts";

const names = ({ inputs }: Conversion): readonly string[] => inputs.map((v) => v.name);

/** An operation of two, from the left. */
const pairwise =
  (op: string): Converter =>
  (c) =>
    names(c).reduce((a, b) => c.graph.add(op, [a, b]));

/** `x` divided by its norm along an axis. */
export function unit(g: GraphBuilder, x: string, axis: number): string {
  const squares = g.add("ReduceSum", [g.add("Mul", [x, x]), g.ints([axis])]);
  return g.add("Div", [x, g.add("Sqrt", [g.add("Max", [squares, g.scalar(1e-12)])])]);
}

function dot({ graph: g, inputs, config }: Conversion): string {
  const [a, b] = inputs.map(({ name, shape }, i) => {
    const given = (config.axes as readonly number[])[i]!;
    const axis = given < 0 ? shape.length + given : given;
    const x = config.normalize === true ? unit(g, name, axis) : name;
    // The summed axis last in the first operand, in the middle of the second.
    return shape.length === 3 && axis === (i === 0 ? 1 : 2) ? g.transpose(x, [0, 2, 1]) : x;
  }) as [string, string];
  const ranks = inputs.map((v) => v.shape.length);
  if (ranks[0] === 2 && ranks[1] === 2) return g.add("ReduceSum", [g.add("Mul", [a, b]), g.ints([-1])]);
  return g.add("MatMul", [a, b]);
}

/** Attention of several heads. Weights are in Keras' order: query, key, value and output, each with its bias. */
function multiHeadAttention(c: Conversion): string {
  const { graph: g, layer, config, inputs } = c;
  const values = layer.weights.map((w) => w.value as Tensor);
  const step = config.use_bias === false ? 1 : 2;
  const parts = ["query", "key", "value", "output"].map((name, i) => {
    const kernel = values[i * step]!;
    const bias = step === 2 ? values[i * step + 1]! : null;
    return { name, kernel, bias };
  });
  const project = (x: string, i: number, columns: number): string => {
    const { name, kernel, bias } = parts[i]!;
    const rows = kernel.size / columns;
    const flat = g.add("MatMul", [x, g.weight(`${name}/kernel`, [rows, columns], () => kernel.data)]);
    return bias === null ? flat : g.add("Add", [flat, g.weight(`${name}/bias`, [columns], () => bias.data)]);
  };
  const query = inputs[0]!.name;
  const value = inputs[1]?.name ?? query;
  const key = inputs[2]?.name ?? value;
  const split = (x: string, i: number, axes: readonly number[]): string => {
    const [, heads, dim] = parts[i]!.kernel.shape as readonly [number, number, number];
    return g.transpose(g.reshape(project(x, i, heads * dim), [0, 0, heads, dim]), axes);
  };
  const scale = g.scalar(1 / Math.sqrt(config.key_dim as number));
  const queries = g.add("Mul", [split(query, 0, [0, 2, 1, 3]), scale]);
  const scores = g.add("MatMul", [queries, split(key, 1, [0, 2, 3, 1])]);
  const weights = g.add("Softmax", [scores], { axis: -1 });
  const mixed = g.add("MatMul", [weights, split(value, 2, [0, 2, 1, 3])]);
  const [heads, dim, features] = parts[3]!.kernel.shape as readonly [number, number, number];
  return project(g.reshape(g.transpose(mixed, [0, 2, 1, 3]), [0, 0, heads * dim]), 3, features);
}

/** Layers of several inputs. */
export const mergeConverters: Readonly<Record<string, Converter>> = {
  Add: pairwise("Add"),
  Subtract: pairwise("Sub"),
  Multiply: pairwise("Mul"),
  Average: (c) => c.graph.add("Mean", names(c)),
  Maximum: (c) => c.graph.add("Max", names(c)),
  Minimum: (c) => c.graph.add("Min", names(c)),
  Concatenate: (c) => c.graph.add("Concat", names(c), { axis: c.config.axis as number }),
  Dot: dot,
  MultiHeadAttention: multiHeadAttention,
};
