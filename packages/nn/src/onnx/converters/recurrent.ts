import type { Tensor } from "@gradiente/autograd";
import type { RecurrentCell } from "../../layers/cells.ts";
import type { RNN } from "../../layers/recurrent.ts";
import type { Bidirectional } from "../../layers/wrappers.ts";
import { activationOf, type Conversion, type Converter, unsupported, weightOf } from "../converter.ts";

/** Activations that ONNX's recurrent operators know, with their parameters. */
const known: Readonly<Record<string, { readonly name: string; readonly alpha?: number; readonly beta?: number }>> = {
  linear: { name: "Affine", alpha: 1, beta: 0 },
  relu: { name: "Relu" },
  tanh: { name: "Tanh" },
  sigmoid: { name: "Sigmoid" },
  hard_sigmoid: { name: "HardSigmoid", alpha: 1 / 6, beta: 0.5 },
  leaky_relu: { name: "LeakyRelu", alpha: 0.2 },
  elu: { name: "Elu", alpha: 1 },
  softsign: { name: "Softsign" },
  softplus: { name: "Softplus" },
};

interface Kind {
  readonly op: string;
  /** Where ONNX's gates are among Keras'. */
  readonly order: readonly number[];
  readonly states: number;
  /** Which activation each place of the operator takes. */
  readonly activations: readonly ("activation" | "gateActivation")[];
}

/** By the class of the cell. */
const kinds: Readonly<Record<string, Kind>> = {
  SimpleRNNCell: { op: "RNN", order: [0], states: 1, activations: ["activation"] },
  // Input, forget, cell, output there; input, output, forget, cell here.
  LSTMCell: { op: "LSTM", order: [0, 3, 1, 2], states: 2, activations: ["gateActivation", "activation", "activation"] },
  GRUCell: { op: "GRU", order: [0, 1, 2], states: 1, activations: ["gateActivation", "activation"] },
};

/** (rows, gates · units) as (gates · units, rows), the gates in another order. */
function rearranged({ data, shape }: Tensor, rows: number, order: readonly number[]): Float32Array {
  const columns = shape.at(-1)!;
  const units = columns / order.length;
  const result = new Float32Array(rows * columns);
  order.forEach((from, to) => {
    for (let unit = 0; unit < units; unit++) {
      for (let row = 0; row < rows; row++) {
        result[(to * units + unit) * rows + row] = data[row * columns + from * units + unit]!;
      }
    }
  });
  return result;
}

/** The biases of the inputs' product, then of the states'. */
function biases(bias: Tensor, order: readonly number[]): Float32Array {
  const columns = bias.shape.at(-1)!;
  const result = new Float32Array(2 * columns);
  const units = columns / order.length;
  const { data } = bias;
  for (let row = 0; row < data.length / columns; row++) {
    order.forEach((from, to) => {
      const start = row * columns + from * units;
      result.set(data.subarray(start, start + units), row * columns + to * units);
    });
  }
  return result;
}

interface Run {
  /** (samples, steps, units), in the order of time. */
  readonly sequence: string;
  /** (samples, units), after the last step. */
  readonly last: string;
  /** (samples, units) each: the output, and the cell of an LSTM; of every cell. */
  readonly states: readonly string[];
}

/** One cell over a sequence (steps, samples, features). `initial` has as many states as the cell, or none. */
function step(
  { graph: g, layer }: Conversion,
  { cell, scope, backwards }: { readonly cell: RecurrentCell; readonly scope: string; readonly backwards: boolean },
  x: string,
  initial: readonly string[],
): { readonly sequence: string; readonly states: readonly string[] } {
  const kind = Object.hasOwn(cell.constructor, "className") ? kinds[cell.className] : undefined;
  if (kind === undefined) throw unsupported(layer, `the cell "${cell.name}" (${cell.className}) has no counterpart`);
  const { order } = kind;
  const [kernel, recurrent] = [weightOf(cell, "kernel")!, weightOf(cell, "recurrent_kernel")!];
  const bias = weightOf(cell, "bias");
  const [features, columns] = kernel.shape as readonly [number, number];
  const units = recurrent.shape[0]!;
  const activations = kind.activations.map((which) => {
    const name = activationOf(cell, which);
    const found = Object.hasOwn(known, name) ? known[name] : undefined;
    if (found === undefined) throw unsupported(layer, `the activation "${name}" has no counterpart within a cell`);
    return found;
  });
  const inputs = [
    x,
    g.weight(`${scope}kernel`, [1, columns, features], () => rearranged(kernel, features, order)),
    g.weight(`${scope}recurrent_kernel`, [1, columns, units], () => rearranged(recurrent, units, order)),
    bias === null ? "" : g.weight(`${scope}bias`, [1, 2 * columns], () => biases(bias, order)),
    "",
    ...initial.map((state) => g.add("Unsqueeze", [state, g.ints([0])])),
  ];
  const alphas = activations.flatMap(({ alpha }) => (alpha === undefined ? [] : [alpha]));
  const betas = activations.flatMap(({ beta }) => (beta === undefined ? [] : [beta]));
  const [sequence, ...states] = g.addAll(kind.op, inputs, 1 + cell.stateSize.length, {
    hidden_size: units,
    direction: backwards ? "reverse" : "forward",
    activations: activations.map((a) => a.name),
    ...(alphas.length > 0 ? { activation_alpha: { floats: alphas } } : {}),
    ...(betas.length > 0 ? { activation_beta: { floats: betas } } : {}),
    ...(kind.op === "GRU" ? { linear_before_reset: cell.getConfig().reset_after === true ? 1 : 0 } : {}),
  }) as readonly [string, ...string[]];
  // Both have an axis for the directions, of which there is one.
  return {
    sequence: g.add("Squeeze", [sequence, g.ints([1])]),
    states: states.map((s) => g.add("Squeeze", [s, g.ints([0])])),
  };
}

/** The layer's cell, or the stacked ones one after the other. */
function run(c: Conversion, layer: RNN, scope: string, initial: readonly string[]): Run {
  if (layer.stateful) throw unsupported(layer, "it keeps its states between batches");
  const { cell, goBackwards: backwards } = layer;
  const stacked = cell.className === "StackedRNNCells";
  const cells = stacked ? (cell.sublayers() as readonly RecurrentCell[]) : [cell];
  let sequence = c.graph.transpose(c.x, [1, 0, 2]);
  let at = 0;
  const outputs: string[] = [];
  const states = cells.flatMap((one, i) => {
    const own = initial.slice(at, at + one.stateSize.length);
    at += one.stateSize.length;
    const result = step(c, { cell: one, scope: stacked ? `${scope}${i}/` : scope, backwards }, sequence, own);
    sequence = result.sequence;
    outputs.push(result.states[0]!);
    return result.states;
  });
  return { sequence: c.graph.transpose(sequence, [1, 0, 2]), last: outputs.at(-1)!, states };
}

/** A sequence from its end. */
function reversed({ graph: g }: Conversion, sequence: string): string {
  return g.add("Slice", [sequence, g.ints([-1]), g.ints([-(2 ** 31)]), g.ints([1]), g.ints([-1])]);
}

/** What a layer gives: its sequence in the order of reading, or its last output. */
function outputOf(c: Conversion, layer: RNN, { sequence, last }: Run): string {
  if (!layer.returnSequences) return last;
  return layer.goBackwards ? reversed(c, sequence) : sequence;
}

const initialOf = ({ options }: Conversion): readonly string[] => (options.initialState ?? []).map((v) => v.name);

const recurrent: Converter = (c) => {
  const layer = c.layer as RNN;
  const result = run(c, layer, "", initialOf(c));
  return [outputOf(c, layer, result), ...(layer.returnState ? result.states : [])];
};

const joins: Readonly<Record<string, (c: Conversion, a: string, b: string) => string>> = {
  concat: ({ graph }, a, b) => graph.add("Concat", [a, b], { axis: -1 }),
  sum: ({ graph }, a, b) => graph.add("Add", [a, b]),
  mul: ({ graph }, a, b) => graph.add("Mul", [a, b]),
  ave: ({ graph }, a, b) => graph.add("Mean", [a, b]),
};

const bidirectional: Converter = (c) => {
  const { forward, backward, mergeMode } = c.layer as Bidirectional;
  const initial = initialOf(c);
  const half = initial.length / 2;
  const ahead = run(c, forward, "forward/", initial.slice(0, half));
  const back = run(c, backward, "backward/", initial.slice(half));
  const first = outputOf(c, forward, ahead);
  const second = outputOf(c, backward, back);
  // The backward layer's sequence is turned, so that the steps of both meet.
  const turned = !backward.returnSequences ? second : backward.goBackwards ? back.sequence : reversed(c, back.sequence);
  const states = forward.returnState ? [...ahead.states, ...back.states] : [];
  return [...(mergeMode === null ? [first, turned] : [joins[mergeMode]!(c, first, turned)]), ...states];
};

export const recurrentConverters: Readonly<Record<string, Converter>> = {
  RNN: recurrent,
  SimpleRNN: recurrent,
  LSTM: recurrent,
  GRU: recurrent,
  Bidirectional: bidirectional,
};
