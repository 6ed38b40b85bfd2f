import { ArgumentError, add, concatenate, flip, type Generator, mul, type Tensor } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { LayerInputError, unknownName } from "../errors.ts";
import { maskOf } from "../masks.ts";
import { type BatchShape, type CallContext, Layer, type LayerOptions, layerConfig } from "../module.ts";
import type { CallOptions } from "../symbolic.ts";
import { RNN } from "./recurrent.ts";

const mergeModes = ["concat", "sum", "mul", "ave"] as const;

/** How the two directions of {@link Bidirectional} are joined. */
export type MergeMode = (typeof mergeModes)[number];

/** Options of {@link Bidirectional}. */
export interface BidirectionalOptions extends LayerOptions {
  /** Default: "concat". With null both outputs are given, unjoined: see `applyAll`. */
  readonly mergeMode?: MergeMode | null;
  /** The layer that reads from the end. Default: one with the options of the first. */
  readonly backwardLayer?: RNN | null;
}

/**
 * A recurrent layer read from both ends (Schuster and Paliwal, 1997). As in Keras both directions are new layers with the
 * given layer's options. States, given or returned, are those of the forward layer, then of the backward one.
 *
 * Weights: those of the forward layer, then of the backward one.
 *
 * @example
 * ```ts
 * new Bidirectional(new LSTM(4, { returnSequences: true })).apply(ones([2, 3, 5])).shape; // [2, 3, 8]
 * ```
 */
export class Bidirectional extends Layer {
  static override readonly className = "Bidirectional";
  override readonly supportsMasking = true;
  readonly forward: RNN;
  readonly backward: RNN;
  readonly mergeMode: MergeMode | null;

  constructor(layer: RNN, options: BidirectionalOptions = {}) {
    super(options);
    const { mergeMode = "concat", backwardLayer = null } = options;
    for (const given of backwardLayer === null ? [layer] : [layer, backwardLayer]) {
      if (given instanceof RNN) continue;
      throw new ArgumentError({
        op: "Bidirectional",
        message: `the layer is ${nameOf(given)}, not a recurrent one`,
        hint: "write new Bidirectional(new LSTM(4))",
      });
    }
    if (mergeMode !== null && !mergeModes.includes(mergeMode)) {
      throw unknownName("Bidirectional", "mergeMode", mergeMode, mergeModes);
    }
    const stem = (prefix: string) => `${prefix}_${layer.name.replace(/^(forward|backward)_/, "")}`;
    this.forward = backwardLayer === null ? layer.remade({ name: stem("forward") }) : layer;
    this.backward = backwardLayer ?? layer.remade({ name: stem("backward"), goBackwards: !layer.goBackwards });
    this.mergeMode = mergeMode;
    const { forward, backward } = this;
    const differ = (["returnSequences", "returnState", "stateful"] as const).find((o) => forward[o] !== backward[o]);
    if (differ !== undefined || forward.goBackwards === backward.goBackwards) {
      throw new ArgumentError({
        op: "Bidirectional",
        message:
          differ === undefined
            ? "both layers read in the same direction"
            : `the two layers differ in ${differ}: ${forward[differ]} and ${backward[differ]}`,
      });
    }
    for (const direction of [forward, backward]) direction.zeroOutputForMask = direction.returnSequences;
  }

  override sublayers(): readonly Layer[] {
    return [this.forward, this.backward];
  }

  /** Lets stateful layers begin with their initial states again. */
  resetState(): void {
    this.forward.resetState();
    this.backward.resetState();
  }

  protected override build(shape: BatchShape, generator: Generator): void {
    this.forward.ensureBuilt(shape, generator.split());
    this.backward.ensureBuilt(shape, generator.split());
  }

  override computeOutputShape(shape: BatchShape): BatchShape {
    const one = this.forward.computeOutputShape(shape);
    if (this.mergeMode !== "concat") return one;
    return one.with(-1, one.at(-1)! + this.backward.computeOutputShape(shape).at(-1)!);
  }

  override computeOutputShapes(shapes: readonly BatchShape[]): readonly BatchShape[] {
    const one = this.computeOutputShape(shapes[0]!);
    const [, ...ends] = this.forward.computeOutputShapes(shapes);
    const [other, ...starts] = this.backward.computeOutputShapes(shapes) as [BatchShape, ...BatchShape[]];
    return [...(this.mergeMode === null ? [one, other] : [one]), ...ends, ...starts];
  }

  call(x: Tensor, context: CallContext): Tensor {
    return this.callMany([x], context, {})[0]!;
  }

  protected override callMany(
    inputs: readonly Tensor[],
    context: CallContext,
    { initialState }: CallOptions,
  ): readonly Tensor[] {
    const half = (initialState?.length ?? 0) / 2;
    const part = (start: number, stop: number): CallOptions =>
      initialState === undefined ? {} : { initialState: initialState.slice(start, stop) };
    const [ahead, ...ends] = this.forward.callAll(inputs, context, part(0, half)) as [Tensor, ...Tensor[]];
    const [back, ...starts] = this.backward.callAll(inputs, context, part(half, 2 * half)) as [Tensor, ...Tensor[]];
    const turned = this.forward.returnSequences ? flip(back, 1) : back;
    return [...this.join(ahead, turned), ...ends, ...starts];
  }

  private join(a: Tensor, b: Tensor): readonly Tensor[] {
    switch (this.mergeMode) {
      case null:
        return [a, b];
      case "concat":
        return [concatenate([a, b], { axis: -1 })];
      case "mul":
        return [mul(a, b)];
      case "sum":
        return [add(a, b)];
      case "ave":
        return [add(a, b).mul(0.5)];
    }
  }

  override computeMask(masks: readonly (Tensor | null)[]): Tensor | null {
    return this.forward.computeMask(masks);
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      merge_mode: this.mergeMode,
      layer: layerConfig(this.forward),
      backward_layer: layerConfig(this.backward),
    };
  }
}

/**
 * A layer applied to every step of (samples, steps, …), with the same weights.
 *
 * @example
 * ```ts
 * new TimeDistributed(new Dense(4)).apply(ones([2, 3, 5])).shape; // [2, 3, 4]
 * ```
 */
export class TimeDistributed extends Layer {
  static override readonly className = "TimeDistributed";
  override readonly supportsMasking = true;
  readonly layer: Layer;
  constructor(layer: Layer, options: LayerOptions = {}) {
    super(options);
    if (!(layer instanceof Layer)) {
      throw new ArgumentError({
        op: "TimeDistributed",
        message: `the layer is ${nameOf(layer)}, not a layer`,
        hint: "write new TimeDistributed(new Dense(4))",
      });
    }
    this.layer = layer;
  }
  override sublayers(): readonly Layer[] {
    return [this.layer];
  }
  protected override build(shape: BatchShape, generator: Generator): void {
    if (shape.length < 3) throw new LayerInputError(this.name, "(None, steps, …) of three axes or more", shape);
    this.layer.ensureBuilt([shape[0]!, ...shape.slice(2)], generator);
  }
  override computeOutputShape(shape: BatchShape): BatchShape {
    const [batch, ...rest] = this.layer.computeOutputShape([shape[0]!, ...shape.slice(2)]);
    return [batch!, shape[1]!, ...rest];
  }
  call(x: Tensor, context: CallContext): Tensor {
    const [batch, steps] = x.shape as readonly [number, number];
    const together = (t: Tensor): Tensor => t.reshape([batch * steps, ...t.shape.slice(2)]);
    const mask = maskOf(x);
    // A mask with an axis within the steps is one for the layer inside.
    const options = mask !== null && mask.rank > 2 ? { mask: together(mask) } : {};
    const y = this.layer.callAll([together(x)], context, options)[0]!;
    return y.reshape([batch, steps, ...y.shape.slice(1)]);
  }
  override getConfig(): Config {
    return { ...super.getConfig(), layer: layerConfig(this.layer) };
  }
}

function nameOf(given: unknown): string {
  return given instanceof Layer ? `a ${given.className}` : typeof given === "object" ? "an object" : String(given);
}
