import { ArgumentError, stack, type Tensor, unstack, where, zerosLike } from "@gradiente/autograd";
import { Workspace } from "@gradiente/autograd/extend";
import type { Config } from "../config.ts";
import { LayerInputError, showShape } from "../errors.ts";
import { maskOf } from "../masks.ts";
import { type BatchShape, type CallContext, Layer, type LayerOptions, layerConfig } from "../module.ts";
import { Fields, type State } from "../state.ts";
import type { CallOptions } from "../symbolic.ts";
import { type CellOptions, GRUCell, LSTMCell, RecurrentCell, SimpleRNNCell, StackedRNNCells } from "./cells.ts";

/** What recurrent layers give and keep, with Keras' defaults. */
export interface RNNOptions extends LayerOptions {
  /** Give the output of every step, not only of the last. Default: false. */
  readonly returnSequences?: boolean;
  /** Give the last states too, as further outputs: see `applyAll`. Default: false. */
  readonly returnState?: boolean;
  /** Read the sequence from its end (outputs are in the order of reading). Default: false. */
  readonly goBackwards?: boolean;
  /** Begin each batch with the states the last one ended with, until `resetState`. Default: false. */
  readonly stateful?: boolean;
  /** Accepted for Keras' sake: loops are always unrolled here. Default: false. */
  readonly unroll?: boolean;
  /** Whether outputs of masked steps are 0, instead of the last ones before. Default: false. */
  readonly zeroOutputForMask?: boolean;
}

/** Options of `SimpleRNN`, `LSTM` and `GRU`. */
export interface RecurrentOptions extends CellOptions, RNNOptions {}

/**
 * A cell applied to every step of (samples, steps, features), each time to the state the step before left. Several cells
 * are stacked.
 *
 * Steps that the input's mask excludes leave the state as it is. `initialState` says where to start:
 * `decoder.apply(y, { initialState: [h, c] })`.
 *
 * @example
 * ```ts
 * const layer = new RNN([new GRUCell(4), new GRUCell(2)], { returnSequences: true });
 * layer.apply(ones([1, 3, 5])).shape; // [1, 3, 2]
 * ```
 */
export class RNN extends Layer {
  static override readonly className: string = "RNN";
  override readonly supportsMasking = true;
  readonly cell: RecurrentCell;
  readonly returnSequences: boolean;
  readonly returnState: boolean;
  readonly goBackwards: boolean;
  readonly stateful: boolean;
  readonly unroll: boolean;
  /** @internal Bidirectional layers set it. */
  zeroOutputForMask: boolean;
  /** The last states of a stateful layer; null before the first batch and after `resetState`. */
  states: readonly Tensor[] | null = null;

  constructor(cell: RecurrentCell | readonly RecurrentCell[], options: RNNOptions = {}) {
    super(options);
    this.cell = cell instanceof RecurrentCell ? cell : new StackedRNNCells(cell);
    this.returnSequences = options.returnSequences ?? false;
    this.returnState = options.returnState ?? false;
    this.goBackwards = options.goBackwards ?? false;
    this.stateful = options.stateful ?? false;
    this.unroll = options.unroll ?? false;
    this.zeroOutputForMask = options.zeroOutputForMask ?? false;
  }

  override sublayers(): readonly Layer[] {
    return [this.cell];
  }

  override runState(): State {
    return this.states;
  }

  override restoreRunState(state: State): void {
    this.states = new Fields(this.name, { states: state }).tensors("states") as Tensor[];
  }

  /** Lets a stateful layer begin with its initial state again. */
  resetState(): void {
    this.states = null;
  }

  /** @internal A new layer with the same options, but for those given: of built-in cells only. */
  remade(_options: RecurrentOptions): RNN {
    throw new ArgumentError({
      op: "Bidirectional",
      message: `a ${this.className} with a cell of one's own cannot be mirrored`,
      hint: "give the layer that reads backwards as backwardLayer",
    });
  }

  protected override build(shape: BatchShape, generator: Parameters<Layer["ensureBuilt"]>[1]): void {
    if (shape.length !== 3 || shape[2] === null) {
      throw new LayerInputError(this.name, "(None, steps, features)", shape);
    }
    this.cell.ensureBuilt([shape[0]!, shape[2]!], generator);
  }

  override computeOutputShape(shape: BatchShape): BatchShape {
    const length = this.cell.outputSize;
    return this.returnSequences ? [shape[0]!, shape[1]!, length] : [shape[0]!, length];
  }

  override computeOutputShapes(shapes: readonly BatchShape[]): readonly BatchShape[] {
    const [shape] = shapes as readonly [BatchShape];
    const states = this.returnState ? this.cell.stateSize.map((size) => [shape[0]!, size]) : [];
    return [this.computeOutputShape(shape), ...states];
  }

  call(x: Tensor, context: CallContext): Tensor {
    return this.callMany([x], context, {})[0]!;
  }

  protected override callMany(
    inputs: readonly Tensor[],
    context: CallContext,
    { initialState }: CallOptions,
  ): readonly Tensor[] {
    const features = this.inputShape?.[2] ?? null;
    const x = inputs[0]!;
    if (inputs.length !== 1 || x.rank !== 3 || x.shape[1] === 0 || (features !== null && x.shape[2] !== features)) {
      throw new LayerInputError(this.name, showShape([null, null, features]), x.shape);
    }
    const [samples, steps] = x.shape as readonly [number, number, number];
    const mask = maskOf(x);
    let states = this.startingStates(samples, initialState);
    const { project, step } = this.cell.begin(samples, x.shape[2]!, context);
    const projected = unstack(project(this.asFloat(x)), { axis: 1 });
    const outputs: Tensor[] = [];
    let last: Tensor | null = null;
    for (let i = 0; i < steps; i++) {
      const at = this.goBackwards ? steps - 1 - i : i;
      const result = step(projected[at]!, states);
      let { output } = result;
      if (mask === null) ({ states } = result);
      else {
        const counts = mask.select(1, at).unsqueeze(-1);
        const before = this.zeroOutputForMask || last === null ? zerosLike(output) : last;
        output = where(counts, output, before);
        states = result.states.map((s, k) => where(counts, s, states[k]!));
      }
      last = output;
      if (this.returnSequences) outputs.push(output);
    }
    if (this.stateful) {
      this.states = states.map((s) => s.detach());
      Workspace.share(this.states);
    }
    const output = this.returnSequences ? stack(outputs, { axis: 1 }) : last!;
    return this.returnState ? [output, ...states] : [output];
  }

  /** The mask of a sequence stays with a sequence. */
  override computeMask(masks: readonly (Tensor | null)[]): Tensor | null {
    return this.returnSequences ? (masks[0] ?? null) : null;
  }

  private startingStates(samples: number, given: readonly Tensor[] | undefined): readonly Tensor[] {
    const states = given ?? this.states ?? this.cell.initialState(samples);
    const sizes = this.cell.stateSize;
    const fits = states.length === sizes.length && states.every((s, i) => s.shape.at(-1) === sizes[i]);
    if (!fits || states.some((s) => s.shape[0] !== samples)) {
      throw new ArgumentError({
        op: this.name,
        message:
          given === undefined
            ? `a stateful layer was given ${samples} samples, after a batch of ${states[0]!.shape[0]}`
            : `initialState has ${states.length} tensors (${states.map((s) => showShape(s.shape)).join(", ")}), expected ${sizes.map((n) => showShape([samples, n])).join(", ")}`,
        ...(given === undefined ? { hint: "batches must be of one size, or call resetState() between them" } : {}),
      });
    }
    return states.map((s) => this.asFloat(s));
  }

  override getConfig(): Config {
    const { returnSequences, returnState, goBackwards, stateful, unroll, zeroOutputForMask, cell } = this;
    return {
      ...super.getConfig(),
      return_sequences: returnSequences,
      return_state: returnState,
      go_backwards: goBackwards,
      stateful,
      unroll,
      zero_output_for_mask: zeroOutputForMask,
      cell: layerConfig(cell),
    };
  }
}

/** What layers of one built-in cell share: its options are theirs. */
abstract class Recurrent extends RNN {
  readonly units: number;
  readonly options: RecurrentOptions;

  constructor(cell: RecurrentCell, units: number, options: RecurrentOptions) {
    super(cell, options);
    cell.forgetOptions(); // they are this layer's
    this.units = units;
    this.options = options;
  }

  override remade(options: RecurrentOptions): RNN {
    const type = this.constructor as new (units: number, options: RecurrentOptions) => RNN;
    return new type(this.units, { ...this.options, ...options });
  }

  override getConfig(): Config {
    const { cell: _, ...config } = super.getConfig();
    const { name: __, trainable: ___, dtype: ____, ...options } = this.cell.getConfig();
    return { ...config, ...options };
  }
}

/** The options of a cell among those of its layer. */
function ofCell(name: string, options: RecurrentOptions): CellOptions {
  const { activityRegularizer: _, inputShape: __, ...own } = options;
  return { ...own, name };
}

/**
 * h ← activation(x·kernel + h·recurrent + bias), step by step.
 *
 * Weights: kernel (features, units), recurrent_kernel (units, units), bias (units).
 *
 * @example
 * ```ts
 * new SimpleRNN(4).apply(ones([2, 3, 5])).shape; // [2, 4]
 * ```
 */
export class SimpleRNN extends Recurrent {
  static override readonly className = "SimpleRNN";
  constructor(units: number, options: Omit<RecurrentOptions, "recurrentActivation"> = {}) {
    super(new SimpleRNNCell(units, ofCell("simple_rnn_cell", options)), units, options);
  }
}

/**
 * Long short-term memory (Hochreiter and Schmidhuber, 1997); gates in Keras' order: input, forget, cell, output.
 *
 * Weights: kernel (features, 4·units), recurrent_kernel (units, 4·units), bias (4·units).
 *
 * @example
 * ```ts
 * const encoder = new LSTM(4, { returnState: true });
 * const [, h, c] = encoder.applyAll(ones([2, 7, 5]));
 * new LSTM(4).apply(ones([2, 3, 6]), { initialState: [h!, c!] }).shape; // [2, 4]
 * ```
 */
export class LSTM extends Recurrent {
  static override readonly className = "LSTM";
  constructor(units: number, options: RecurrentOptions = {}) {
    super(new LSTMCell(units, ofCell("lstm_cell", options)), units, options);
  }
}

/**
 * Gated recurrent unit (Cho et al., 2014); gates in Keras' order: update, reset, new.
 *
 * Weights: kernel (features, 3·units), recurrent_kernel (units, 3·units), bias (2, 3·units), or (3·units) without
 * `resetAfter`.
 *
 * @example
 * ```ts
 * new GRU(4, { returnSequences: true }).apply(ones([2, 3, 5])).shape; // [2, 3, 4]
 * ```
 */
export class GRU extends Recurrent {
  static override readonly className = "GRU";
  constructor(units: number, options: RecurrentOptions = {}) {
    super(new GRUCell(units, ofCell("gru_cell", options)), units, options);
  }
}
