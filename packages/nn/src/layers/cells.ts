import {
  ArgumentError,
  add,
  concatenate,
  type Generator,
  matmul,
  mul,
  noGrad,
  Generator as RandomGenerator,
  rand,
  slice,
  split,
  sub,
  type Tensor,
  zeros,
} from "@gradiente/autograd";
import { type ActivationLike, type ResolvedActivation, resolveActivation } from "../activations/activation.ts";
import type { Config } from "../config.ts";
import { type ConstraintLike, constraintConfig, resolveConstraint } from "../constraints/constraint.ts";
import { LayerInputError } from "../errors.ts";
import { type InitializerLike, initializerConfig, resolveInitializer } from "../initializers/resolve.ts";
import { type BatchShape, type CallContext, Layer, type LayerOptions, layerConfig, type Weight } from "../module.ts";
import { type RegularizerLike, regularizerConfig, resolveRegularizer } from "../regularizers/regularizer.ts";
import { generatorState, restoreGenerator, type State } from "../state.ts";

/** What a cell gives for one step. */
export interface CellResult {
  /** Shape (samples, outputSize). */
  readonly output: Tensor;
  /** As many as there were, each (samples, its size). */
  readonly states: readonly Tensor[];
}

/** A cell made ready for one sequence: with noise drawn that is the same at all of its steps. */
export interface CellSequence {
  /** What of the inputs (samples, steps, features) can be computed for all steps at once. */
  readonly project: (x: Tensor) => Tensor;
  /** A step from that step's part of what `project` gave. */
  readonly step: (projected: Tensor, states: readonly Tensor[]) => CellResult;
}

/**
 * One step of a recurrent layer (see `RNN`). A cell of one's own states `stateSize` and overrides `step`, and `build`
 * for its weights; inputs of `build` are shapes of one step, (samples, features).
 *
 * @example
 * ```ts
 * class Sum extends RecurrentCell {
 *   readonly stateSize = [2];
 *   override step(input: Tensor, [total]: readonly Tensor[]): CellResult {
 *     const output = total!.add(input);
 *     return { output, states: [output] };
 *   }
 * }
 * new RNN(new Sum(), { returnSequences: true }).apply(ones([1, 3, 2])); // [[[1, 1], [2, 2], [3, 3]]]
 * ```
 */
export abstract class RecurrentCell extends Layer {
  /** Lengths of the states' last axes. */
  abstract readonly stateSize: readonly number[];

  /** Length of the output's last axis. Default: that of the first state. */
  get outputSize(): number {
    return this.stateSize[0]!;
  }

  /** One step: `input` is (samples, features). Cells override it, or `begin`. */
  step(input: Tensor, states: readonly Tensor[], context: CallContext): CellResult {
    const { project, step } = this.begin(input.shape[0]!, input.shape[1]!, context);
    return step(project(input.unsqueeze(1)).select(1, 0), states);
  }

  /** Makes ready for one sequence. Default: nothing is computed for all steps at once, and each is `step`. */
  begin(_samples: number, _features: number, context: CallContext): CellSequence {
    return { project: (x) => x, step: (input, states) => this.step(input, states, context) };
  }

  /** The states before the first step. Default: zeros. */
  initialState(samples: number): readonly Tensor[] {
    return this.stateSize.map((size) => zeros([samples, size], { dtype: this.dtype }));
  }

  call(x: Tensor, context: CallContext): Tensor {
    return this.step(this.asFloat(x), this.initialState(x.shape[0]!), context).output;
  }

  /** A cell by itself: the input and its states (default: the initial ones) give the output and the new states. */
  protected override callMany([x, ...states]: readonly Tensor[], context: CallContext): readonly Tensor[] {
    const before = states.length === 0 ? this.initialState(x!.shape[0]!) : states;
    const { output, states: after } = this.step(this.asFloat(x!), before, context);
    return [output, ...after];
  }

  override computeOutputShape(shape: BatchShape): BatchShape {
    return [shape[0]!, this.outputSize];
  }

  override computeOutputShapes(shapes: readonly BatchShape[]): readonly BatchShape[] {
    const samples = shapes[0]![0]!;
    return [this.computeOutputShape(shapes[0]!), ...this.stateSize.map((size) => [samples, size])];
  }
}

/** Options of the cells of `SimpleRNN`, `LSTM` and `GRU`, with Keras' defaults. */
export interface CellOptions extends LayerOptions {
  /** Default: tanh. */
  readonly activation?: ActivationLike | null;
  /** Of the gates (LSTM and GRU). Default: sigmoid. */
  readonly recurrentActivation?: ActivationLike | null;
  /** Default: true. */
  readonly useBias?: boolean;
  /** Default: glorot_uniform. */
  readonly kernelInitializer?: InitializerLike;
  /** Default: orthogonal. */
  readonly recurrentInitializer?: InitializerLike;
  /** Default: zeros. */
  readonly biasInitializer?: InitializerLike;
  /** Start the forget gate's bias at 1 (LSTM). Default: true. */
  readonly unitForgetBias?: boolean;
  /** Reset after the matrix product (GRU). Default: true. */
  readonly resetAfter?: boolean;
  readonly kernelRegularizer?: RegularizerLike | null;
  readonly recurrentRegularizer?: RegularizerLike | null;
  readonly biasRegularizer?: RegularizerLike | null;
  readonly kernelConstraint?: ConstraintLike | null;
  readonly recurrentConstraint?: ConstraintLike | null;
  readonly biasConstraint?: ConstraintLike | null;
  /** Fraction of the inputs set to 0 in training, the same ones at every step. Default: 0. */
  readonly dropout?: number;
  /** Fraction of the state set to 0 in training where it meets its weights, the same at every step. Default: 0. */
  readonly recurrentDropout?: number;
  /** Fixes the noise, whatever the model's seed. */
  readonly seed?: number | null;
}

/** What the three cells share. Weights: kernel, recurrent_kernel, bias. */
abstract class GatedCell extends RecurrentCell {
  readonly units: number;
  readonly options: CellOptions;
  readonly activation: ResolvedActivation;
  readonly gateActivation: ResolvedActivation;
  protected readonly gates: number;
  protected kernel: Weight | null = null;
  protected recurrent: Weight | null = null;
  protected bias: Weight | null = null;
  private readonly own: Generator | null;

  constructor(units: number, gates: number, options: CellOptions) {
    super(options);
    if (!Number.isInteger(units) || units < 1) {
      throw new ArgumentError({ op: this.className, message: `units is ${units}, expected a positive whole number` });
    }
    this.units = units;
    this.gates = gates;
    this.options = options;
    this.own = options.seed === undefined || options.seed === null ? null : new RandomGenerator(options.seed);
    this.activation = resolveActivation(this.className, options.activation === undefined ? "tanh" : options.activation);
    this.gateActivation = resolveActivation(
      this.className,
      options.recurrentActivation === undefined ? "sigmoid" : options.recurrentActivation,
    );
  }

  override runState(): State {
    return this.own === null ? null : generatorState(this.own);
  }

  override restoreRunState(state: State): void {
    if (this.own !== null) restoreGenerator(this.own, state);
  }

  protected biasShape(): readonly number[] {
    return [this.gates * this.units];
  }

  protected override build(shape: BatchShape, generator: Generator): void {
    const features = shape.at(-1);
    if (shape.length !== 2 || features === null || features === undefined) {
      throw new LayerInputError(this.name, "(None, features) at each step", shape);
    }
    const { options: o, className: op, gates, units } = this;
    this.kernel = this.addWeight(
      {
        name: "kernel",
        shape: [features, gates * units],
        initializer: resolveInitializer(op, o.kernelInitializer ?? "glorot_uniform"),
        regularizer: resolveRegularizer(op, o.kernelRegularizer),
        constraint: resolveConstraint(op, o.kernelConstraint),
      },
      generator,
    );
    this.recurrent = this.addWeight(
      {
        name: "recurrent_kernel",
        shape: [units, gates * units],
        initializer: resolveInitializer(op, o.recurrentInitializer ?? "orthogonal"),
        regularizer: resolveRegularizer(op, o.recurrentRegularizer),
        constraint: resolveConstraint(op, o.recurrentConstraint),
      },
      generator,
    );
    if (!(o.useBias ?? true)) return;
    this.bias = this.addWeight(
      {
        name: "bias",
        shape: this.biasShape(),
        initializer: resolveInitializer(op, o.biasInitializer ?? "zeros"),
        regularizer: resolveRegularizer(op, o.biasRegularizer),
        constraint: resolveConstraint(op, o.biasConstraint),
      },
      generator,
    );
  }

  /** The inputs' part of every step in one product, and steps that add the state's part. */
  override begin(samples: number, features: number, context: CallContext): CellSequence {
    const { dropout = 0, recurrentDropout = 0 } = this.options;
    // As in Keras: with recurrent dropout, every gate has noise of its own.
    const count = recurrentDropout === 0 ? 1 : this.gates;
    const ofInputs = this.noise(dropout, [samples, 1, features], count, context);
    const ofState = this.noise(recurrentDropout, [samples, this.units], count, context);
    const bias = this.inputBias();
    return {
      project: (x) => {
        const product = this.product(x, this.kernel!.value, ofInputs);
        return bias === null ? product : add(product, bias);
      },
      step: (projected, states) => this.advance(projected, states, ofState),
    };
  }

  /** The bias that is added to the inputs' part. */
  protected inputBias(): Tensor | null {
    return this.bias?.value ?? null;
  }

  /** A step from the inputs' part, the states, and what parts of the state are dropped for each gate. */
  protected abstract advance(input: Tensor, states: readonly Tensor[], noise: Noise): CellResult;

  private noise(rate: number, shape: readonly number[], count: number, context: CallContext): Noise {
    if (!context.training || !(rate > 0 && rate < 1)) return null;
    return Array.from({ length: count }, () =>
      rand(shape, { dtype: this.dtype, generator: this.own ?? context.generator })
        .greaterEqual(rate)
        .cast(this.dtype)
        .mul(1 / (1 - rate)),
    );
  }

  /** x·kernel, where x is multiplied with noise first: one for all gates, or one for each. */
  protected product(x: Tensor, kernel: Tensor, noise: Noise): Tensor {
    if (noise === null) return matmul(x, kernel);
    if (noise.length === 1) return matmul(mul(x, noise[0]!), kernel);
    const count = kernel.shape[1]! / this.units;
    const parts = noise.slice(0, count).map((n, i) => matmul(mul(x, n), this.gate(kernel, i)));
    return concatenate(parts, { axis: -1 });
  }

  /** The part of the last axis that belongs to gates `from` to `to`. */
  protected gate(x: Tensor, from: number, to: number = from + 1): Tensor {
    const range = { start: from * this.units, stop: to * this.units };
    return slice(x, [...x.shape.slice(0, -1).map(() => null), range]);
  }

  /** The parts of the last axis, one for each gate. */
  protected eachGate(x: Tensor): Tensor[] {
    return split(x, x.shape.at(-1)! / this.units, { axis: -1 });
  }

  override getConfig(): Config {
    const { options: o, className: op } = this;
    return {
      ...super.getConfig(),
      units: this.units,
      activation: this.activation.name,
      use_bias: o.useBias ?? true,
      kernel_initializer: initializerConfig(resolveInitializer(op, o.kernelInitializer ?? "glorot_uniform")),
      recurrent_initializer: initializerConfig(resolveInitializer(op, o.recurrentInitializer ?? "orthogonal")),
      bias_initializer: initializerConfig(resolveInitializer(op, o.biasInitializer ?? "zeros")),
      kernel_regularizer: regularizerConfig(resolveRegularizer(op, o.kernelRegularizer)),
      recurrent_regularizer: regularizerConfig(resolveRegularizer(op, o.recurrentRegularizer)),
      bias_regularizer: regularizerConfig(resolveRegularizer(op, o.biasRegularizer)),
      kernel_constraint: constraintConfig(resolveConstraint(op, o.kernelConstraint)),
      recurrent_constraint: constraintConfig(resolveConstraint(op, o.recurrentConstraint)),
      bias_constraint: constraintConfig(resolveConstraint(op, o.biasConstraint)),
      dropout: o.dropout ?? 0,
      recurrent_dropout: o.recurrentDropout ?? 0,
      seed: o.seed ?? null,
    };
  }
}

/** Factors that drop parts of a tensor: one for all gates or one for each; null for none. */
type Noise = readonly Tensor[] | null;

/** The cell of `SimpleRNN`: h ← activation(x·kernel + h·recurrent + bias). */
export class SimpleRNNCell extends GatedCell {
  static override readonly className = "SimpleRNNCell";
  readonly stateSize: readonly number[];
  constructor(units: number, options: Omit<CellOptions, "recurrentActivation"> = {}) {
    super(units, 1, options);
    this.stateSize = [units];
  }
  protected advance(input: Tensor, [h]: readonly Tensor[], noise: Noise): CellResult {
    const output = this.activation.apply(add(input, this.product(h!, this.recurrent!.value, noise)));
    return { output, states: [output] };
  }
}

/** The cell of `LSTM`; gates in Keras' order: input, forget, cell, output; states: output, cell. */
export class LSTMCell extends GatedCell {
  static override readonly className = "LSTMCell";
  readonly stateSize: readonly number[];
  constructor(units: number, options: CellOptions = {}) {
    super(units, 4, options);
    this.stateSize = [units, units];
  }
  protected override build(shape: BatchShape, generator: Generator): void {
    super.build(shape, generator);
    if (this.bias === null || this.options.unitForgetBias === false) return;
    const values = noGrad(() => this.bias!.value.data);
    values.fill(1, this.units, 2 * this.units);
    this.bias.value.write(values);
  }
  protected advance(input: Tensor, [h, c]: readonly Tensor[], noise: Noise): CellResult {
    const z = add(input, this.product(h!, this.recurrent!.value, noise));
    const sigma = this.gateActivation.apply;
    const tau = this.activation.apply;
    const [enter, forget, fresh, out] = this.eachGate(z);
    const cell = add(mul(sigma(forget!), c!), mul(sigma(enter!), tau(fresh!)));
    const output = mul(sigma(out!), tau(cell));
    return { output, states: [output, cell] };
  }
  override getConfig(): Config {
    return {
      ...super.getConfig(),
      recurrent_activation: this.gateActivation.name,
      unit_forget_bias: this.options.unitForgetBias ?? true,
    };
  }
}

/** The cell of `GRU`; gates in Keras' order: update, reset, new. */
export class GRUCell extends GatedCell {
  static override readonly className = "GRUCell";
  readonly stateSize: readonly number[];
  constructor(units: number, options: CellOptions = {}) {
    super(units, 3, options);
    this.stateSize = [units];
  }
  private get resetAfter(): boolean {
    return this.options.resetAfter ?? true;
  }
  protected override biasShape(): readonly number[] {
    return this.resetAfter ? [2, 3 * this.units] : [3 * this.units];
  }
  protected override inputBias(): Tensor | null {
    if (this.bias === null) return null;
    return this.resetAfter ? this.bias.value.select(0, 0) : this.bias.value;
  }
  protected advance(input: Tensor, [h]: readonly Tensor[], noise: Noise): CellResult {
    const sigma = this.gateActivation.apply;
    const kernel = this.recurrent!.value;
    let inner = this.product(h!, this.resetAfter ? kernel : this.gate(kernel, 0, 2), noise);
    if (this.resetAfter && this.bias !== null) inner = add(inner, this.bias.value.select(0, 1));
    const [toUpdate, toReset, toFresh] = this.eachGate(input);
    const [ofUpdate, ofReset, ofFresh] = this.eachGate(inner);
    const update = sigma(add(toUpdate!, ofUpdate!));
    const reset = sigma(add(toReset!, ofReset!));
    const last = noise?.at(-1);
    const kept = last === undefined ? h! : mul(h!, last);
    const recalled = this.resetAfter ? mul(reset, ofFresh!) : matmul(mul(reset, kept), this.gate(kernel, 2));
    const fresh = this.activation.apply(add(toFresh!, recalled));
    const output = add(mul(update, h!), mul(sub(1, update), fresh));
    return { output, states: [output] };
  }
  override getConfig(): Config {
    return {
      ...super.getConfig(),
      recurrent_activation: this.gateActivation.name,
      reset_after: this.resetAfter,
    };
  }
}

/** Cells on top of one another, as one: the output of each is the input of the next. */
export class StackedRNNCells extends RecurrentCell {
  static override readonly className = "StackedRNNCells";
  readonly cells: readonly RecurrentCell[];
  readonly stateSize: readonly number[];
  constructor(cells: readonly RecurrentCell[], options: LayerOptions = {}) {
    super(options);
    if (!Array.isArray(cells) || !cells.every((cell) => cell instanceof RecurrentCell)) {
      throw new ArgumentError({
        op: "StackedRNNCells",
        message: "what is given is no list of cells",
        hint: "write new StackedRNNCells([new LSTMCell(8), new LSTMCell(4)])",
      });
    }
    if (cells.length === 0) throw new ArgumentError({ op: "StackedRNNCells", message: "there are no cells" });
    this.cells = cells;
    this.stateSize = cells.flatMap((cell) => cell.stateSize);
  }
  override get outputSize(): number {
    return this.cells.at(-1)!.outputSize;
  }
  override sublayers(): readonly Layer[] {
    return this.cells;
  }
  protected override build(shape: BatchShape, generator: Generator): void {
    let current = shape;
    for (const cell of this.cells) {
      cell.ensureBuilt(current, generator.split());
      current = [shape[0]!, cell.outputSize];
    }
  }
  override initialState(samples: number): readonly Tensor[] {
    return this.cells.flatMap((cell) => cell.initialState(samples));
  }
  override begin(samples: number, features: number, context: CallContext): CellSequence {
    let length = features;
    const parts = this.cells.map((cell) => {
      const part = cell.begin(samples, length, context);
      length = cell.outputSize;
      return part;
    });
    return {
      project: parts[0]!.project,
      step: (projected, states) => {
        let input = projected;
        let at = 0;
        let output = projected;
        const after = parts.flatMap(({ project, step }, i) => {
          if (i > 0) input = project(output.unsqueeze(1)).select(1, 0);
          const count = this.cells[i]!.stateSize.length;
          const result = step(input, states.slice(at, at + count));
          at += count;
          output = result.output;
          return result.states;
        });
        return { output, states: after };
      },
    };
  }
  override getConfig(): Config {
    return { ...super.getConfig(), cells: this.cells.map(layerConfig) };
  }
}
