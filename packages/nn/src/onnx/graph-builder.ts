import type { Attribute, Constant, Graph, Node, Port } from "./model-proto.ts";

/** Attributes as converters write them: whole numbers are ints; floats are stated as such. */
export type Attributes = Readonly<Record<string, number | string | readonly number[] | readonly string[] | Attribute>>;

/** Puts a graph together, node by node. Values are known by their names. */
export class GraphBuilder {
  private nodes: Node[] = [];
  private readonly constants = new Map<string, Constant>();
  private readonly taken = new Set<string>();
  /** What transposes were made of, so that one that undoes another takes its place. */
  private readonly transposes = new Map<string, { readonly input: string; readonly axes: readonly number[] }>();
  /** Put before the names of nodes: the path to the layer that is being converted. */
  scope = "";

  /** A name that no other value has. */
  name(base: string): string {
    let name = base;
    for (let n = 1; this.taken.has(name); n++) name = `${base}_${n}`;
    this.taken.add(name);
    return name;
  }

  /** Adds an operation of one output. */
  add(op: string, inputs: readonly string[], attributes: Attributes = {}): string {
    return this.addAll(op, inputs, 1, attributes)[0]!;
  }

  /** Adds an operation of several outputs. */
  addAll(op: string, inputs: readonly string[], count: number, attributes: Attributes = {}): readonly string[] {
    const name = this.name(this.scope === "" ? op : `${this.scope}/${op}`);
    const outputs = Array.from({ length: count }, (_, i) => (i === 0 ? name : this.name(`${name}:${i}`)));
    const typed = Object.entries(attributes).map(([key, value]) => [key, attributeOf(value)] as const);
    this.nodes.push({ name, op, inputs, outputs, attributes: Object.fromEntries(typed) });
    return outputs;
  }

  /** Exchanges axes. A transpose of a transpose is one, or none. */
  transpose(x: string, axes: readonly number[]): string {
    const before = this.transposes.get(x);
    if (before !== undefined)
      return this.transpose(
        before.input,
        axes.map((a) => before.axes[a]!),
      );
    if (axes.every((a, i) => a === i)) return x;
    const y = this.add("Transpose", [x], { perm: axes });
    this.transposes.set(y, { input: x, axes });
    return y;
  }

  /** Another shape; 0 stands for the input's own length, −1 for what is left. */
  reshape(x: string, shape: readonly number[]): string {
    return this.add("Reshape", [x, this.ints(shape)]);
  }

  /** A weight, which a layer that is used several times has once. */
  weight(name: string, shape: readonly number[], data: () => ArrayLike<number>): string {
    const full = `${this.scope}/${name}`;
    if (!this.constants.has(full)) {
      this.taken.add(full);
      this.constants.set(full, { name: full, shape, data: Float32Array.from(data()) });
    }
    return full;
  }

  /** A number. */
  scalar(value: number): string {
    return this.shared(`float ${value}`, [], () => Float32Array.of(value));
  }

  /** A whole number. */
  int(value: number): string {
    return this.shared(`int ${value}`, [], () => BigInt64Array.of(BigInt(value)));
  }

  /** A list of whole numbers. */
  ints(values: readonly number[]): string {
    return this.shared(`ints [${values.join(", ")}]`, [values.length], () => BigInt64Array.from(values, BigInt));
  }

  private shared(name: string, shape: readonly number[], data: () => Constant["data"]): string {
    if (!this.constants.has(name)) {
      this.taken.add(name);
      this.constants.set(name, { name, shape, data: data() });
    }
    return name;
  }

  /** The graph of what the outputs depend on, which get names of their own. */
  finish(name: string, inputs: readonly Port[], results: readonly string[], outputs: readonly Port[]): Graph {
    outputs.forEach((port, i) => {
      this.nodes.push({
        name: `${port.name} (output)`,
        op: "Identity",
        inputs: [results[i]!],
        outputs: [port.name],
        attributes: {},
      });
    });
    const needed = new Set(outputs.map((port) => port.name));
    const nodes: Node[] = [];
    for (const node of this.nodes.reverse()) {
      if (!node.outputs.some((output) => needed.has(output))) continue;
      for (const input of node.inputs) needed.add(input);
      nodes.unshift(node);
    }
    const constants = [...this.constants.values()].filter((constant) => needed.has(constant.name));
    return { name, nodes, constants, inputs, outputs };
  }
}

function attributeOf(value: Attributes[string]): Attribute {
  if (typeof value === "number") return { int: value };
  if (typeof value === "string") return { string: value };
  if (!Array.isArray(value)) return value as Attribute;
  const list = value as readonly number[] | readonly string[];
  return list.every((v) => typeof v === "string") ? { strings: list } : { ints: list as readonly number[] };
}
