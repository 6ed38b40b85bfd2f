import { ArgumentError, noGrad, type Tensor } from "@gradiente/autograd";
import type { Config, Json } from "./config.ts";
import { DataError } from "./errors.ts";
import { InputLayer } from "./layers/core.ts";
import { freeName, Model, type ModelOptions } from "./model.ts";
import type { BatchShape, CallContext, Layer } from "./module.ts";
import { SymbolicTensor } from "./symbolic.ts";

/** Options of {@link input}. */
export interface InputOptions {
  /** Shape of one sample. */
  readonly shape: readonly (number | null)[];
  readonly name?: string;
}

/**
 * An input of a functional model: a stand-in for tensors of a shape, to apply layers to.
 *
 * @example
 * ```ts
 * const x = input({ shape: [4] });
 * const model = functional({ inputs: x, outputs: new Dense(2).apply(x) });
 * model.countParams(); // 10
 * ```
 */
export function input({ shape, name }: InputOptions): SymbolicTensor {
  const layer = new InputLayer({ shape, ...(name === undefined ? {} : { name }) });
  return new SymbolicTensor([null, ...shape], layer, []);
}

/** What {@link functional} is given. */
export interface FunctionalOptions extends ModelOptions {
  readonly inputs: SymbolicTensor | readonly SymbolicTensor[];
  readonly outputs: SymbolicTensor | readonly SymbolicTensor[];
}

/** A model of the layers between inputs and outputs. */
export function functional(options: FunctionalOptions): Functional {
  return new Functional(options);
}

const asList = (x: SymbolicTensor | readonly SymbolicTensor[]): readonly SymbolicTensor[] =>
  x instanceof SymbolicTensor ? [x] : x;

/** See {@link functional}. Layers may be used several times; their weights are shared. */
export class Functional extends Model {
  static override readonly className = "Functional";
  readonly inputs: readonly SymbolicTensor[];
  readonly outputs: readonly SymbolicTensor[];
  /** Applications of layers, each after those it depends on. */
  private readonly order: readonly SymbolicTensor[];
  private readonly chain: readonly Layer[];

  constructor({ inputs, outputs, ...options }: FunctionalOptions) {
    super(options);
    this.inputs = asList(inputs);
    this.outputs = asList(outputs);
    this.order = sorted(this.inputs, this.outputs);
    const layers: Layer[] = [];
    for (const node of this.order) {
      if (layers.includes(node.layer)) continue;
      if (!node.layer.isNamed) node.layer.nameIfUnnamed(freeName(node.layer.name, layers));
      layers.push(node.layer);
    }
    this.chain = layers;
    for (const node of this.order) {
      if (node.parents.length > 0) node.layer.ensureBuilt(node.parents[0]!.shape, this.initial.split());
    }
    this.ensureBuilt(this.inputs[0]!.shape);
  }

  /** Its layers were built when the model was put together. */
  protected override build(): void {}

  override get layers(): readonly Layer[] {
    return this.chain;
  }
  override get inputShapes(): readonly BatchShape[] {
    return this.inputs.map((i) => i.shape);
  }
  override get outputShapes(): readonly BatchShape[] {
    return this.outputs.map((o) => o.shape);
  }
  override get outputNames(): readonly string[] {
    return this.outputs.map((o) => o.layer.name);
  }
  override computeOutputShape(shape: BatchShape): BatchShape {
    if (this.inputs.length > 1) return this.outputs[0]!.shape;
    const shapes = new Map<SymbolicTensor, BatchShape>([[this.inputs[0]!, shape]]);
    for (const node of this.order) {
      if (node.parents.length > 0) shapes.set(node, node.layer.mergedShape(node.parents.map((p) => shapes.get(p)!)));
    }
    return shapes.get(this.outputs[0]!)!;
  }

  call(x: Tensor, context: CallContext): Tensor {
    return this.callAll([x], context)[0]!;
  }

  override callAll(given: readonly Tensor[], context: CallContext): readonly Tensor[] {
    const values = this.compute(given, context);
    return this.outputs.map((o) => values.get(o)!);
  }

  private compute(
    given: readonly Tensor[],
    context: CallContext,
    stop?: (layer: Layer, y: Tensor) => boolean,
  ): Map<SymbolicTensor, Tensor> {
    if (given.length !== this.inputs.length) {
      throw new DataError({
        op: this.name,
        message: `the model has ${this.inputs.length} inputs, but ${given.length} were given`,
      });
    }
    const values = new Map<SymbolicTensor, Tensor>();
    this.inputs.forEach((node, i) => {
      const x = given[i]!;
      const shape = this.adjusted(x.shape, i);
      values.set(node, shape === x.shape ? x : x.reshape(shape));
    });
    for (const node of this.order) {
      if (node.parents.length === 0) continue;
      const y = node.layer.callAll(
        node.parents.map((p) => values.get(p)!),
        context,
      )[0]!;
      values.set(node, y);
      if (stop?.(node.layer, y)) break;
    }
    return values;
  }

  override firstNonFinite(inputs: readonly Tensor[]): string | null {
    let found: string | null = null;
    noGrad(() => {
      this.compute(inputs, { training: false, generator: this.noise, losses: [] }, (layer, y) => {
        if (!y.data.every((v) => Number.isFinite(v))) found = layer.name;
        return found !== null;
      });
    });
    return found;
  }

  override getConfig(): Config {
    const uses = new Map<Layer, SymbolicTensor[]>();
    for (const node of this.order) uses.set(node.layer, [...(uses.get(node.layer) ?? []), node]);
    const place = (node: SymbolicTensor): [string, number, number] => [
      node.layer.name,
      uses.get(node.layer)!.indexOf(node),
      0,
    ];
    const keras = (node: SymbolicTensor): Config => ({
      class_name: "__keras_tensor__",
      config: { shape: node.shape, dtype: "float32", keras_history: place(node) },
    });
    return {
      name: this.name,
      trainable: this.trainable,
      layers: [...uses].map(
        ([layer, nodes]): Config => ({
          module: "keras.layers",
          class_name: layer.className,
          config: layer.getConfig(),
          registered_name: null,
          name: layer.name,
          inbound_nodes: nodes
            .filter((n) => n.parents.length > 0)
            .map(
              (n): Json => ({
                args: [n.parents.length === 1 ? keras(n.parents[0]!) : n.parents.map(keras)],
                kwargs: {},
              }),
            ),
        }),
      ),
      input_layers: this.inputs.map(place),
      output_layers: this.outputs.map(place),
    };
  }
}

/** Everything the outputs depend on, each after its parents. @throws {ArgumentError} for inputs that are missing. */
function sorted(inputs: readonly SymbolicTensor[], outputs: readonly SymbolicTensor[]): readonly SymbolicTensor[] {
  const done = new Set<SymbolicTensor>(inputs);
  const visit = (node: SymbolicTensor): void => {
    if (done.has(node)) return;
    if (node.parents.length === 0) {
      throw new ArgumentError({
        op: "functional",
        message: `an output depends on the input "${node.layer.name}" of shape (${node.shape.join(", ")}), which is not among the model's inputs`,
      });
    }
    for (const parent of node.parents) visit(parent);
    done.add(node);
  };
  for (const output of outputs) visit(output);
  return [...done];
}
