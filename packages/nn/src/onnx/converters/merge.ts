import type { Conversion, Converter } from "../converter.ts";
import type { GraphBuilder } from "../graph-builder.ts";

const names = ({ inputs }: Conversion): readonly string[] => inputs.map((v) => v.name);

/** An operation of two, from the left. */
const pairwise =
  (op: string): Converter =>
  (c) =>
    names(c).reduce((a, b) => c.graph.add(op, [a, b]));

/** `x` divided by its norm along axes. */
export function unit(g: GraphBuilder, x: string, axes: readonly number[]): string {
  const squares = g.add("ReduceSum", [g.add("Mul", [x, x]), g.ints(axes)]);
  return g.add("Div", [x, g.add("Sqrt", [g.add("Max", [squares, g.scalar(1e-12)])])]);
}

function dot({ graph: g, inputs, config }: Conversion): string {
  const [a, b] = inputs.map(({ name, shape }, i) => {
    const given = (config.axes as readonly number[])[i]!;
    const axis = given < 0 ? shape.length + given : given;
    const x = config.normalize === true ? unit(g, name, [axis]) : name;
    // The summed axis last in the first operand, in the middle of the second.
    return shape.length === 3 && axis === (i === 0 ? 1 : 2) ? g.transpose(x, [0, 2, 1]) : x;
  }) as [string, string];
  const ranks = inputs.map((v) => v.shape.length);
  if (ranks[0] === 2 && ranks[1] === 2) return g.add("ReduceSum", [g.add("Mul", [a, b]), g.ints([-1])]);
  return g.add("MatMul", [a, b]);
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
};
