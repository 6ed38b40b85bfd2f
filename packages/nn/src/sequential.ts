import { ArgumentError, type Generator, noGrad, type Tensor } from "@gradiente/autograd";
import type { Config } from "./config.ts";
import type { ModelGraph } from "./drawing/graph.ts";
import { LayerNames } from "./layer-names.ts";
import { checkLayerOptions } from "./layer-options.ts";
import { InputLayer } from "./layers/core.ts";
import { Model, type ModelOptions, modelOptionNames } from "./model.ts";
import { type BatchShape, type CallContext, Layer, layerConfig } from "./module.ts";
import { checkOptionNames } from "./option-checks.ts";

/**
 * Layers one after the other.
 *
 * It is built at once when the first layer states `inputShape`, otherwise on first use.
 *
 * @example
 * ```ts
 * const model = new Sequential([new Flatten({ inputShape: [28, 28] }), new Dense(10)]);
 * model.countParams(); // 7850
 * model.layers.map((layer) => layer.name); // ["flatten", "dense"]
 * ```
 */
export class Sequential extends Model {
  static override readonly className = "Sequential";
  private readonly chain: Layer[] = [];
  private readonly names = new LayerNames();
  private startShape: readonly (number | null)[] | null = null;

  constructor(layers: readonly Layer[] = [], options: ModelOptions = {}) {
    if (new.target === Sequential) checkOptionNames("Sequential", options, modelOptionNames);
    super(options);
    this.startShape = options.inputShape ?? null;
    if (!Array.isArray(layers)) {
      throw new ArgumentError({ op: "Sequential", message: "the layers are no list", hint: "write [new Dense(10)]" });
    }
    for (const layer of layers) this.append(layer);
    this.buildIfKnown();
  }

  override get isComposition(): boolean {
    return this.constructor === Sequential;
  }

  override get layers(): readonly Layer[] {
    return this.chain;
  }

  /** Adds a layer at the end. */
  add(layer: Layer): void {
    this.append(layer);
    if (this.built) {
      const before = this.chain.slice(0, -1);
      layer.ensureBuilt(through(before, this.inputShape!), this.initial.split());
    } else this.buildIfKnown();
  }

  private append(layer: Layer): void {
    if (!(layer instanceof Layer)) {
      throw new ArgumentError({
        op: "Sequential",
        message: `layer ${this.chain.length} is ${typeof layer === "object" ? "an object" : String(layer)}, not a layer`,
        hint: 'layers are objects, such as new Dense(10) and new Activation("relu")',
      });
    }
    checkLayerOptions(layer);
    if (this.chain.length === 0 && this.startShape === null) this.startShape = layer.statedInputShape;
    if (layer instanceof InputLayer) return;
    if (!layer.isNamed) layer.nameIfUnnamed(this.names.free(layer.name));
    this.names.take(layer.name);
    this.chain.push(layer);
  }

  private buildIfKnown(): void {
    if (this.startShape !== null && this.chain.length > 0) this.ensureBuilt([null, ...this.startShape]);
  }

  protected override buildMany([shape]: readonly BatchShape[], generator: Generator): void {
    let current = shape!;
    for (const layer of this.chain) {
      layer.ensureBuilt(current, generator.split());
      current = layer.computeOutputShape(current);
    }
  }

  override computeOutputShapes([shape]: readonly BatchShape[]): readonly BatchShape[] {
    return [through(this.chain, shape!)];
  }

  call(x: Tensor, context: CallContext): Tensor {
    let value = x;
    for (const layer of this.chain) value = layer.run(value, context);
    return value;
  }

  override firstNonFinite(inputs: readonly Tensor[]): string | null {
    return noGrad(() => {
      let value = inputs[0]!;
      for (const layer of this.chain) {
        value = layer.run(value, { training: false, generator: this.noise, losses: [] });
        if (!value.data.every((v) => Number.isFinite(v))) return layer.name;
      }
      return null;
    });
  }

  override graph(): ModelGraph {
    const shape = this.inputShape;
    const layers =
      shape === null ? this.chain : [new InputLayer({ name: "input", shape: shape.slice(1) }), ...this.chain];
    const nodes = layers.map((layer, i) => ({
      layer,
      from: i === 0 ? [] : [i - 1],
      shapes: layer instanceof InputLayer && shape !== null ? [shape] : (layer.outputShapes ?? []),
    }));
    return { nodes };
  }

  override getConfig(): Config {
    const shape = this.inputShape;
    const input = new InputLayer({ name: "input_layer", ...(shape === null ? {} : { shape: shape.slice(1) }) });
    return {
      name: this.name,
      trainable: this.trainable,
      layers: [...(shape === null ? [] : [layerConfig(input)]), ...this.chain.map(layerConfig)],
      ...(shape === null ? {} : { build_input_shape: shape }),
    };
  }
}

function through(layers: readonly Layer[], shape: BatchShape): BatchShape {
  return layers.reduce<BatchShape>((current, layer) => layer.computeOutputShape(current), shape);
}
