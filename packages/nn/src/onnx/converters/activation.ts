import type { Layer } from "../../module.ts";
import { activationOf, type Conversion, type Converter, constantOf, unsupported, weightOf } from "../converter.ts";
import type { GraphBuilder } from "../graph-builder.ts";

type Function = (graph: GraphBuilder, x: string, classes: number | null) => string;

const one =
  (op: string, attributes: Parameters<GraphBuilder["add"]>[2] = {}): Function =>
  (g, x) =>
    g.add(op, [x], attributes);

const clip =
  (low: number, high: number): Function =>
  (g, x) =>
    g.add("Clip", [x, g.scalar(low), g.scalar(high)]);

const softplus = one("Softplus");

/** Activations of single elements, by Keras' names. */
const elementwise: Readonly<Record<string, Function>> = {
  linear: (_, x) => x,
  relu: one("Relu"),
  relu6: clip(0, 6),
  leaky_relu: one("LeakyRelu", { alpha: { float: 0.2 } }),
  elu: one("Elu", { alpha: { float: 1 } }),
  celu: one("Celu", { alpha: { float: 1 } }),
  selu: one("Selu", { alpha: { float: 1.6732632423543772 }, gamma: { float: 1.0507009873554805 } }),
  gelu: one("Gelu"),
  sigmoid: one("Sigmoid"),
  hard_sigmoid: one("HardSigmoid", { alpha: { float: 1 / 6 }, beta: { float: 0.5 } }),
  log_sigmoid: (g, x) => g.add("Neg", [softplus(g, g.add("Neg", [x]), null)]),
  tanh: one("Tanh"),
  hard_tanh: clip(-1, 1),
  tanh_shrink: (g, x) => g.add("Sub", [x, g.add("Tanh", [x])]),
  hard_shrink: one("Shrink", { lambd: { float: 0.5 }, bias: { float: 0 } }),
  soft_shrink: one("Shrink", { lambd: { float: 0.5 }, bias: { float: 0.5 } }),
  softplus,
  softsign: one("Softsign"),
  silu: (g, x) => g.add("Mul", [x, g.add("Sigmoid", [x])]),
  swish: (g, x) => g.add("Mul", [x, g.add("Sigmoid", [x])]),
  hard_silu: one("HardSwish"),
  hard_swish: one("HardSwish"),
  exponential: one("Exp"),
  mish: one("Mish"),
  squareplus: (g, x) => {
    const root = g.add("Sqrt", [g.add("Add", [g.add("Mul", [x, x]), g.scalar(4)])]);
    return g.add("Mul", [g.add("Add", [x, root]), g.scalar(0.5)]);
  },
  sparse_plus: (g, x) => {
    const shifted = g.add("Add", [x, g.scalar(1)]);
    const curve = g.add("Mul", [g.add("Mul", [shifted, shifted]), g.scalar(0.25)]);
    const left = g.add("Where", [g.add("Less", [x, g.scalar(-1)]), g.scalar(0), curve]);
    return g.add("Where", [g.add("Less", [x, g.scalar(1)]), left, x]);
  },
  sparse_sigmoid: one("HardSigmoid", { alpha: { float: 0.5 }, beta: { float: 0.5 } }),
};

/** Activations of whole rows: those along the last axis. */
const rowwise: Readonly<Record<string, Function>> = {
  softmax: one("Softmax", { axis: -1 }),
  log_softmax: one("LogSoftmax", { axis: -1 }),
  glu: (g, x) => {
    const [value, gate] = g.addAll("Split", [x], 2, { axis: -1, num_outputs: 2 }) as readonly [string, string];
    return g.add("Mul", [value, g.add("Sigmoid", [gate])]);
  },
  sparsemax: (g, x, classes) => {
    // As the activation here (and Keras'): the threshold is the sum of the support's cumulative sums, less one.
    const [sorted] = g.addAll("TopK", [x, g.ints([classes!])], 2, { axis: -1 }) as readonly [string, string];
    const sums = g.add("CumSum", [sorted, g.ints([-1])]);
    const ranks = g.weight("ranks", [classes!], () => Array.from({ length: classes! }, (_, i) => i + 1));
    const bound = g.add("Add", [g.add("Mul", [sorted, ranks]), g.scalar(1)]);
    const support = g.add("Cast", [g.add("Greater", [bound, sums])], { to: 1 });
    const total = g.add("ReduceSum", [g.add("Mul", [sums, support]), g.ints([-1])]);
    const count = g.add("ReduceSum", [support, g.ints([-1])]);
    const threshold = g.add("Div", [g.add("Sub", [total, g.scalar(1)]), count]);
    return g.add("Relu", [g.add("Sub", [x, threshold])]);
  },
};

/** Whether an activation looks at single elements, so that the order of axes does not matter to it. */
export function isElementwise(activation: string): boolean {
  return Object.hasOwn(elementwise, activation);
}

/** Adds an activation by its name. `classes` is the length of the last axis. */
export function activate(
  graph: GraphBuilder,
  layer: Layer,
  x: string,
  activation: string,
  classes: number | null,
): string {
  if (activation === "glu" && layer.className !== "Activation") {
    throw unsupported(layer, "glu gives half as many outputs as the layer states", "make it a layer of its own");
  }
  const table = isElementwise(activation) ? elementwise : rowwise;
  const f = Object.hasOwn(table, activation) ? table[activation] : undefined;
  if (f === undefined || (activation === "sparsemax" && classes === null)) {
    throw unsupported(layer, `the activation "${activation}" has no counterpart`);
  }
  return f(graph, x, classes);
}

/** `x` with the layer's activation. `classes` is the length of its last axis. */
export function activated({ graph, layer }: Conversion, x: string, classes: number | null): string {
  return activate(graph, layer, x, activationOf(layer), classes);
}

function rectify({ graph: g, config, x }: Conversion): string {
  const { max_value: most, negative_slope: slope, threshold } = config as Readonly<Record<string, number | null>>;
  let y: string;
  if (threshold === 0) y = slope === 0 ? g.add("Relu", [x]) : g.add("LeakyRelu", [x], { alpha: { float: slope! } });
  else {
    const below = g.add("Mul", [g.add("Sub", [x, g.scalar(threshold!)]), g.scalar(slope!)]);
    y = g.add("Where", [g.add("Greater", [x, g.scalar(threshold!)]), x, below]);
  }
  return most === null ? y : g.add("Min", [y, g.scalar(most!)]);
}

/** Layers that are activations. */
export const activationConverters: Readonly<Record<string, Converter>> = {
  Activation: (c) => activated(c, c.x, c.shape.at(-1)!),
  ReLU: rectify,
  LeakyReLU: ({ graph, config, x }) =>
    graph.add("LeakyRelu", [x], { alpha: { float: config.negative_slope as number } }),
  ELU: ({ graph, config, x }) => graph.add("Elu", [x], { alpha: { float: config.alpha as number } }),
  PReLU: (c) => c.graph.add("PRelu", [c.x, constantOf(c, "alpha", weightOf(c.layer, "alpha")!)]),
  Softmax: ({ graph: g, config, x }) => {
    if (typeof config.axis === "number") return g.add("Softmax", [x], { axis: config.axis });
    const total = g.add("ReduceLogSumExp", [x, g.ints(config.axis as readonly number[])]);
    return g.add("Exp", [g.add("Sub", [x, total])]);
  },
};
