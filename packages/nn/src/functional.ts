import { ArgumentError, noGrad, type Tensor } from "@gradiente/autograd";
import { type Config, type Json, snakeCase } from "./config.ts";
import type { ModelGraph } from "./drawing/graph.ts";
import { DataError } from "./errors.ts";
import { LayerNames } from "./layer-names.ts";
import { checkLayerOptions } from "./layer-options.ts";
import { InputLayer } from "./layers/core.ts";
import { Model, type ModelOptions, modelOptionNames } from "./model.ts";
import { type BatchShape, type CallContext, type Layer, layerConfig } from "./module.ts";
import { checkOptionNames } from "./option-checks.ts";
import { type LayerCall, mapOptions, SymbolicTensor } from "./symbolic.ts";

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
 *
 * @throws {ArgumentError} for what is not the shape of a sample.
 */
export function input(options: InputOptions): SymbolicTensor {
  if (!Array.isArray(options?.shape)) {
    throw new ArgumentError({
      op: "input",
      message: `the options are ${JSON.stringify(options) ?? String(options)}, without a shape`,
      hint: "write input({ shape: [28, 28] }), without the number of samples",
    });
  }
  const { shape, name } = checkOptionNames("input", options, ["shape", "name"]);
  const layer = new InputLayer({ shape, ...(name === undefined ? {} : { name }) });
  return SymbolicTensor.outputsOf(layer, [], [[null, ...shape]])[0]!;
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

/** @throws {ArgumentError} for what no layer gave. */
function asList(name: string, x: SymbolicTensor | readonly SymbolicTensor[]): readonly SymbolicTensor[] {
  const list: readonly unknown[] = Array.isArray(x) ? x : [x];
  const wrong = list.find((t) => !(t instanceof SymbolicTensor));
  if (list.length > 0 && wrong === undefined && !list.includes(undefined)) return list as readonly SymbolicTensor[];
  throw new ArgumentError({
    op: "functional",
    message: `${name} ${list.length === 0 ? "is empty" : `has ${String(wrong)} in it`}, not what layers gave`,
    hint: "const x = input({ shape: [4] }); functional({ inputs: x, outputs: new Dense(2).apply(x) })",
  });
}

/** See {@link functional}. Layers may be used several times; their weights are shared. */
export class Functional extends Model {
  static override readonly className = "Functional";
  readonly inputs: readonly SymbolicTensor[];
  readonly outputs: readonly SymbolicTensor[];
  /** @internal Applications of layers, each after those it depends on. */
  readonly calls: readonly LayerCall[];
  private readonly chain: readonly Layer[];

  constructor(given: FunctionalOptions) {
    if (new.target === Functional) checkOptionNames("functional", given, ["inputs", "outputs", ...modelOptionNames]);
    const { inputs, outputs, ...options } = given;
    super(options);
    this.inputs = asList("inputs", inputs);
    this.outputs = asList("outputs", outputs);
    this.calls = sorted(this.inputs, this.outputs);
    const names = new LayerNames();
    for (const layer of new Set(this.calls.map((call) => call.layer))) {
      checkLayerOptions(layer);
      if (!layer.isNamed) layer.nameIfUnnamed(names.free(layer.name));
      names.take(layer.name);
    }
    for (const t of this.inputs) if (t.call.inputs.length === 0) t.layer.ensureBuilt(t.shape);
    this.chain = byDepth(this.calls, this.inputs, this.outputs);
    for (const { layer, inputs: given } of this.applications()) {
      layer.ensureBuiltFor(
        given.map((t) => t.shape),
        this.initial.split(),
      );
    }
    this.ensureBuiltFor(this.inputs.map((t) => t.shape));
  }

  /** Its layers were built when the model was put together. */
  protected override build(): void {}

  /** The calls that compute something: all but those that stand for the model's inputs. */
  private applications(): readonly LayerCall[] {
    const given = new Set(this.inputs.map((t) => t.call));
    return this.calls.filter((call) => !given.has(call));
  }

  override get isComposition(): boolean {
    return this.constructor === Functional;
  }

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
    return this.computeOutputShapes([shape])[0]!;
  }

  override computeOutputShapes(given: readonly BatchShape[]): readonly BatchShape[] {
    if (given.length !== this.inputs.length) return this.outputShapes;
    const shapes = new Map(this.inputs.map((t, i) => [t, given[i]!]));
    for (const { layer, inputs, outputs, options } of this.applications()) {
      const own = layer.computeOutputShapes(
        inputs.map((t) => shapes.get(t)!),
        options,
      );
      outputs.forEach((t, i) => {
        shapes.set(t, own[i]!);
      });
    }
    return this.outputs.map((t) => shapes.get(t)!);
  }

  call(x: Tensor, context: CallContext): Tensor {
    return this.callMany([x], context)[0]!;
  }

  protected override callMany(given: readonly Tensor[], context: CallContext): readonly Tensor[] {
    const values = this.compute(given, context);
    return this.outputs.map((o) => values.get(o)!);
  }

  private compute(
    given: readonly Tensor[],
    context: CallContext,
    stop?: (layer: Layer, outputs: readonly Tensor[]) => boolean,
  ): Map<SymbolicTensor, Tensor> {
    if (given.length !== this.inputs.length) {
      throw new DataError({
        op: this.name,
        message: `the model has ${this.inputs.length} inputs, but ${given.length} were given`,
      });
    }
    const values = new Map(this.inputs.map((t, i) => [t, given[i]!]));
    const valueOf = (t: SymbolicTensor): Tensor => values.get(t)!;
    for (const { layer, inputs, outputs, options } of this.applications()) {
      const own = layer.callAll(inputs.map(valueOf), context, mapOptions(options, valueOf));
      outputs.forEach((t, i) => {
        values.set(t, own[i]!);
      });
      if (stop?.(layer, own)) break;
    }
    return values;
  }

  override firstNonFinite(inputs: readonly Tensor[]): string | null {
    let found: string | null = null;
    noGrad(() => {
      this.compute(inputs, { training: false, generator: this.noise, losses: [] }, (layer, outputs) => {
        if (!outputs.every((y) => y.data.every((v) => Number.isFinite(v)))) found = layer.name;
        return found !== null;
      });
    });
    return found;
  }

  override graph(): ModelGraph {
    const numbers = new Map(this.calls.map((call, i) => [call, i]));
    const given = new Set(this.inputs.map((t) => t.call));
    const nodes = this.calls.map((call) => ({
      layer: call.layer,
      from: given.has(call) ? [] : [...new Set(call.outputs[0]!.parents.map((t) => numbers.get(t.call)!))],
      shapes: call.outputs.map((t) => t.shape),
    }));
    return { nodes };
  }

  protected override connections(): ReadonlyMap<Layer, readonly string[]> | null {
    const { nodes } = this.graph();
    const single = nodes.every(({ from }, i) => (i === 0 ? from.length === 0 : from.join() === String(i - 1)));
    if (single && nodes.length === this.chain.length) return null;
    const uses = new Map<Layer, LayerCall[]>();
    for (const call of this.calls) uses.set(call.layer, [...(uses.get(call.layer) ?? []), call]);
    const given = new Set(this.inputs.map((t) => t.call));
    const textOf = (t: SymbolicTensor): string =>
      `${t.layer.name}[${uses.get(t.layer)!.indexOf(t.call)}][${t.call.outputs.indexOf(t)}]`;
    const parents = (call: LayerCall): readonly SymbolicTensor[] => (given.has(call) ? [] : call.outputs[0]!.parents);
    return new Map([...uses].map(([layer, calls]) => [layer, calls.flatMap(parents).map(textOf)]));
  }

  override getConfig(): Config {
    const uses = new Map<Layer, LayerCall[]>();
    for (const call of this.calls) uses.set(call.layer, [...(uses.get(call.layer) ?? []), call]);
    const place = (t: SymbolicTensor): [string, number, number] => [
      t.layer.name,
      uses.get(t.layer)!.indexOf(t.call),
      t.call.outputs.indexOf(t),
    ];
    const keras = (t: SymbolicTensor): Config => ({
      class_name: "__keras_tensor__",
      config: { shape: t.shape, dtype: "float32", keras_history: place(t) },
    });
    const node = ({ layer, inputs, options }: LayerCall): Json => ({
      args: inputs.length === 1 || layer.spreadsInputs ? inputs.map(keras) : [inputs.map(keras)],
      kwargs: Object.fromEntries(
        Object.entries(mapOptions(options, keras)).map(([key, value]) => [snakeCase(key), value as Json]),
      ),
    });
    return {
      name: this.name,
      trainable: this.trainable,
      layers: this.chain.map(
        (layer): Config => ({
          ...layerConfig(layer),
          name: layer.name,
          inbound_nodes: uses
            .get(layer)!
            .filter((c) => c.inputs.length > 0)
            .map(node),
        }),
      ),
      input_layers: this.inputs.map(place),
      output_layers: this.outputs.map(place),
    };
  }
}

/** Every call the outputs depend on, each after its inputs. @throws {ArgumentError} for inputs that are missing. */
function sorted(inputs: readonly SymbolicTensor[], outputs: readonly SymbolicTensor[]): readonly LayerCall[] {
  const done = new Set<LayerCall>(inputs.map((t) => t.call));
  const visit = ({ call, shape, layer, parents }: SymbolicTensor): void => {
    if (done.has(call)) return;
    if (parents.length === 0) {
      throw new ArgumentError({
        op: "functional",
        message: `an output depends on the input "${layer.name}" of shape (${shape.join(", ")}), which is not among the model's inputs`,
      });
    }
    for (const parent of parents) visit(parent);
    done.add(call);
  };
  for (const output of outputs) visit(output);
  return [...done];
}

/**
 * Layers in Keras' order, which is that of weights in files: those farthest from the outputs first; at one distance, in
 * the order in which walking back from the outputs meets them.
 */
function byDepth(
  calls: readonly LayerCall[],
  inputs: readonly SymbolicTensor[],
  outputs: readonly SymbolicTensor[],
): readonly Layer[] {
  const met = new Map<Layer, number>();
  const walked = new Set<LayerCall>();
  const given = new Set(inputs.map((t) => t.call));
  const walk = ({ call, parents }: SymbolicTensor): void => {
    if (walked.has(call)) return;
    walked.add(call);
    if (!met.has(call.layer)) met.set(call.layer, met.size);
    if (!given.has(call)) for (const parent of parents) walk(parent);
  };
  for (const output of outputs) walk(output);
  const depths = new Map<LayerCall | Layer, number>();
  const depthOf = (key: LayerCall | Layer): number => depths.get(key) ?? 0;
  for (const call of calls.toReversed()) {
    const depth = Math.max(depthOf(call), depthOf(call.layer));
    depths.set(call, depth).set(call.layer, depth);
    if (given.has(call)) continue;
    for (const { call: before } of call.outputs[0]!.parents) depths.set(before, Math.max(depth + 1, depthOf(before)));
  }
  return [...new Set(calls.map((call) => call.layer))].sort(
    (a, b) => depthOf(b) - depthOf(a) || (met.get(a) ?? -1) - (met.get(b) ?? -1),
  );
}
