import {
  ArgumentError,
  noGrad,
  type Parameter,
  parameter,
  sqrt,
  square,
  sum,
  type Tensor,
  zeros,
} from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { unknownName } from "../errors.ts";
import type { Weight } from "../module.ts";
import { type Schedule, scheduleConfig } from "../schedules/schedule.ts";
import { Fields, misfit, type State } from "../state.ts";

/** Options that every optimizer has, with Keras' names and defaults. */
export interface OptimizerOptions {
  /** A number or a schedule. */
  readonly learningRate?: number | Schedule;
  readonly name?: string;
  /** Fraction of every weight taken off at each step, times the learning rate. Default: none. */
  readonly weightDecay?: number | null;
  /** Largest norm of each gradient. */
  readonly clipnorm?: number | null;
  /** Largest absolute value in a gradient. */
  readonly clipvalue?: number | null;
  /** Largest norm of all gradients together. */
  readonly globalClipnorm?: number | null;
  /** Keep an exponential moving average of the weights. Default: false. */
  readonly useEma?: boolean;
  /** Default: 0.99. */
  readonly emaMomentum?: number;
  /** Put the averages into the weights every so many steps. Default: never. */
  readonly emaOverwriteFrequency?: number | null;
  /** Average the gradients of so many batches (2 or more) into one update. Default: none. */
  readonly gradientAccumulationSteps?: number | null;
  /** Multiply the loss by this before gradients are taken, and divide them by it after. Default: none. */
  readonly lossScaleFactor?: number | null;
}

/** Which weights do not decay. */
export interface DecayExclusions {
  readonly weights?: readonly Weight[];
  /** Weights whose name contains one of these, such as `"bias"`. */
  readonly names?: readonly string[];
}

/** A loss and its slopes at the weights' present values. */
export interface Evaluation {
  readonly loss: number;
  readonly gradients: readonly Tensor[];
}

/** Arrays that an optimizer keeps for one weight. */
export type Slots = readonly Parameter[];

/** One array that an optimizer keeps, as files contain it. */
export interface OptimizerArray {
  /** What it is: "momentum", "velocity", … */
  readonly name: string;
  /** The weight it is kept for. */
  readonly weight: Weight;
  readonly value: Parameter;
}

/** Changes weights by their gradients. One of one's own extends this class with `slotNames` and `update`. */
export abstract class Optimizer {
  /** @internal Names of the options that every optimizer has. */
  static readonly optionNames: readonly string[] = [
    ...["name", "learningRate", "weightDecay", "clipnorm", "clipvalue", "globalClipnorm"],
    ...["useEma", "emaMomentum", "emaOverwriteFrequency", "gradientAccumulationSteps", "lossScaleFactor"],
  ];
  /** Keras' class name. */
  abstract readonly className: string;
  readonly name: string;
  /** Names of the arrays kept for each weight, as files contain them. */
  readonly slotNames: readonly string[] = [];
  readonly options: OptimizerOptions;
  private rate: number | Schedule;
  /** @internal Number of calls of `apply`, for files. */
  steps = 0;
  private slots = new Map<Parameter, Slots>();
  private averages = new Map<Parameter, Parameter>();
  private accumulated = new Map<Parameter, Parameter>();
  private exclusions: DecayExclusions = {};

  /** @throws {ArgumentError} for options that contradict each other or are out of range. */
  constructor(name: string, learningRate: number, options: OptimizerOptions = {}) {
    checkOptions(name, options);
    this.name = options.name ?? name;
    this.rate = options.learningRate ?? learningRate;
    this.options = options;
  }

  /** Number of updates made. */
  get iterations(): number {
    const every = this.options.gradientAccumulationSteps;
    return every ? Math.floor(this.steps / every) : this.steps;
  }

  /** The rate of the next update. As in Keras, a schedule counts every batch of an accumulated gradient. */
  get learningRate(): number {
    return typeof this.rate === "number" ? this.rate : this.rate.at(this.steps);
  }

  /** Replaces the rate (or schedule), as callbacks do. */
  set learningRate(value: number | Schedule) {
    this.rate = value;
  }

  /** The schedule the rate follows, if any. */
  get schedule(): Schedule | null {
    return typeof this.rate === "number" ? null : this.rate;
  }

  /** The new values of a weight's slots before the first update. Default: zeros. */
  protected createSlots(weight: Parameter): Slots {
    return this.slotNames.map(() => emptySlot(weight));
  }

  /** Changes one weight (and its slots) by its gradient. Called without recording. */
  protected abstract update(
    weight: Parameter,
    gradient: Tensor,
    slots: Slots,
    learningRate: number,
    step: number,
  ): void;

  /** Called before the weights of a step are updated. */
  protected beginStep(_step: number): void {}

  /** Creates the slots of weights that have none yet. */
  build(weights: readonly Weight[]): void {
    for (const { value } of weights) {
      if (!this.slots.has(value)) this.slots.set(value, this.createSlots(value));
      if (this.options.useEma) this.kept(this.averages, value);
      if (this.options.gradientAccumulationSteps) this.kept(this.accumulated, value);
    }
  }

  private kept(arrays: Map<Parameter, Parameter>, weight: Parameter): Parameter {
    const own = arrays.get(weight) ?? emptySlot(weight);
    arrays.set(weight, own);
    return own;
  }

  /** @internal Names of slots in the order of Keras' files: those of one list alternate from weight to weight. */
  get slotOrder(): readonly (readonly string[])[] {
    return [this.slotNames];
  }

  /** @internal Further numbers that Keras keeps at the end of a file, by name. */
  get numbers(): readonly (readonly [string, number])[] {
    return [];
  }

  /** @internal Everything kept for these weights, in the order of Keras' files; it is created where it does not exist. */
  arrays(weights: readonly Weight[]): readonly OptimizerArray[] {
    noGrad(() => this.build(weights));
    const each = (name: string, value: (p: Parameter) => Parameter): OptimizerArray[] =>
      weights.map((weight) => ({ name, weight, value: value(weight.value) }));
    return [
      ...(this.options.useEma ? each("average", (p) => this.averages.get(p)!) : []),
      ...(this.options.gradientAccumulationSteps ? each("gradient_accumulator", (p) => this.accumulated.get(p)!) : []),
      ...this.slotOrder.flatMap((names) =>
        weights.flatMap((weight) =>
          names.map((name) => {
            const value = this.slots.get(weight.value)![this.slotNames.indexOf(name)]!;
            return { name, weight, value };
          }),
        ),
      ),
    ];
  }

  /** Leaves weights out of `weightDecay`. */
  excludeFromWeightDecay(exclusions: DecayExclusions): void {
    this.exclusions = exclusions;
  }

  /** The loss that gradients are taken of. */
  scaled(loss: Tensor): Tensor {
    const factor = this.options.lossScaleFactor;
    return factor ? loss.mul(factor) : loss;
  }

  /**
   * One step of training, from loss and gradients at the present weights. Optimizers that look around, such as along
   * a line, call `evaluate` after they have changed the weights.
   */
  step(at: Evaluation, weights: readonly Weight[], _evaluate: () => Evaluation): void {
    this.apply(at.gradients, weights);
  }

  /** Makes one step from gradients: clips, decays, updates every weight, applies its constraint. */
  apply(gradients: readonly Tensor[], weights: readonly Weight[]): void {
    noGrad(() => {
      this.build(weights);
      const { gradientAccumulationSteps, lossScaleFactor } = this.options;
      const every = gradientAccumulationSteps ?? 0;
      const parameters = weights.map((w) => w.value);
      const own = lossScaleFactor ? gradients.map((g) => g.div(lossScaleFactor)) : gradients;
      if (every > 0 && (this.steps + 1) % every !== 0) this.accumulate(own, parameters);
      else this.updateAll(every > 0 ? this.takeAccumulated(own, parameters, every) : own, weights);
      if (this.options.useEma) this.average(parameters);
      for (const { value, constraint } of weights) if (constraint !== null) value.assign(constraint.apply(value));
      this.steps++;
    });
  }

  private updateAll(gradients: readonly Tensor[], weights: readonly Weight[]): void {
    const clipped = this.clip(gradients);
    const rate = this.learningRate;
    const decay = this.options.weightDecay ?? 0;
    if (decay !== 0) {
      for (const w of weights) if (this.decays(w)) w.value.assign(w.value.mul(1 - decay * rate));
    }
    const step = this.iterations + 1;
    this.beginStep(step);
    weights.forEach(({ value }, i) => {
      this.update(value, clipped[i]!, this.slots.get(value)!, rate, step);
    });
  }

  private decays(weight: Weight): boolean {
    const { weights = [], names = [] } = this.exclusions;
    return !weights.some((w) => w.value === weight.value) && !names.some((name) => weight.name.includes(name));
  }

  private accumulate(gradients: readonly Tensor[], parameters: readonly Parameter[]): void {
    parameters.forEach((p, i) => {
      const own = this.kept(this.accumulated, p);
      own.assign(own.add(gradients[i]!));
    });
  }

  private takeAccumulated(gradients: readonly Tensor[], parameters: readonly Parameter[], every: number): Tensor[] {
    return parameters.map((p, i) => {
      const own = this.accumulated.get(p);
      if (own === undefined) return gradients[i]!.div(every);
      const mean = own.add(gradients[i]!).div(every);
      own.assign(zeros(own.shape, { dtype: own.dtype }));
      return mean;
    });
  }

  private clip(gradients: readonly Tensor[]): readonly Tensor[] {
    const { clipnorm, clipvalue, globalClipnorm } = this.options;
    if (clipnorm) {
      return gradients.map((g) => g.mul(clipnorm).div(sqrt(sum(square(g))).maximum(clipnorm)));
    }
    if (globalClipnorm) {
      const squares = gradients.map((g) => sum(square(g)));
      const norm = sqrt(squares.reduce((a, b) => a.add(b)));
      const scale = norm
        .reciprocal()
        .minimum(1 / globalClipnorm)
        .mul(globalClipnorm);
      return gradients.map((g) => g.mul(scale));
    }
    if (clipvalue) return gradients.map((g) => g.maximum(-clipvalue).minimum(clipvalue));
    return gradients;
  }

  private average(parameters: readonly Parameter[]): void {
    const momentum = this.iterations === 0 ? 0 : (this.options.emaMomentum ?? 0.99);
    const every = this.options.emaOverwriteFrequency ?? 0;
    for (const p of parameters) {
      const own = this.kept(this.averages, p);
      own.assign(own.mul(momentum).add(p.mul(1 - momentum)));
      if (every > 0 && (this.iterations + 1) % every === 0) p.assign(own);
    }
  }

  /** Puts the moving averages into the weights, as Keras does at the end of training. */
  finalize(weights: readonly Weight[]): void {
    if (!this.options.useEma) return;
    noGrad(() => {
      for (const { value } of weights) {
        const own = this.averages.get(value);
        if (own !== undefined) value.assign(own);
      }
    });
  }

  /** @internal Continues from a saved state. */
  restore(steps: number): void {
    this.steps = steps;
  }

  /** What a checkpoint holds of an optimizer of these parameters. */
  state(parameters: readonly Parameter[]): State {
    const of = (kept: ReadonlyMap<Parameter, Parameter>): State => parameters.map((p) => kept.get(p) ?? null);
    return {
      className: this.className,
      steps: this.steps,
      learningRate: typeof this.rate === "number" ? this.rate : null,
      slots: parameters.map((p) => this.slots.get(p) ?? null),
      averages: of(this.averages),
      accumulated: of(this.accumulated),
    };
  }

  /** Goes on from what {@link state} gave. @throws {CheckpointError} when it was of another optimizer. */
  restoreState(parameters: readonly Parameter[], state: State): void {
    const saved = new Fields("the optimizer", state);
    const className = saved.text("className");
    if (className !== this.className) {
      throw misfit(`it was written with the optimizer ${className}, and the model is compiled with ${this.className}`);
    }
    const slots = saved.list("slots");
    const changes = parameters.flatMap((p, i) => {
      if (slots[i] === null) return [];
      const values = new Fields("the optimizer's slots", { values: slots[i] ?? [] }).tensors("values");
      const own = this.slots.get(p) ?? this.createSlots(p);
      const fits = own.length === values.length && own.every((s, k) => s.shape.join() === values[k]?.shape.join());
      if (!fits) throw misfit("the optimizer that wrote it had other options: it kept other arrays");
      return [{ p, own, values }];
    });
    for (const { p, own, values } of changes) {
      own.forEach((slot, k) => void slot.write(values[k]!.data));
      this.slots.set(p, own);
    }
    for (const [name, kept] of [
      ["averages", this.averages],
      ["accumulated", this.accumulated],
    ] as const) {
      const values = saved.tensors(name);
      parameters.forEach((p, i) => {
        const value = values[i];
        if (value) kept.set(p, parameter(value, { requiresGrad: false }));
      });
    }
    this.restore(saved.number("steps"));
    const rate = saved.numberOrNull("learningRate");
    if (rate !== null) this.rate = rate;
  }

  getConfig(): Config {
    const { options } = this;
    return {
      name: this.name,
      learning_rate: typeof this.rate === "number" ? this.rate : scheduleConfig(this.rate),
      weight_decay: options.weightDecay ?? null,
      clipnorm: options.clipnorm ?? null,
      global_clipnorm: options.globalClipnorm ?? null,
      clipvalue: options.clipvalue ?? null,
      use_ema: options.useEma ?? false,
      ema_momentum: options.emaMomentum ?? 0.99,
      ema_overwrite_frequency: options.emaOverwriteFrequency ?? null,
      loss_scale_factor: options.lossScaleFactor ?? null,
      gradient_accumulation_steps: options.gradientAccumulationSteps ?? null,
    };
  }
}

function checkOptions(op: string, options: OptimizerOptions): void {
  if (typeof options !== "object") {
    throw new ArgumentError({ op, message: `the options are ${String(options)}`, hint: "write { learningRate: 0.1 }" });
  }
  const { clipnorm, clipvalue, globalClipnorm, emaMomentum, emaOverwriteFrequency, gradientAccumulationSteps } =
    options;
  const fail = (message: string): never => {
    throw new ArgumentError({ op, message });
  };
  const clips = Object.entries({ clipnorm, clipvalue, globalClipnorm }).filter(([, value]) => value != null);
  if (clips.length > 1) {
    fail(`only one of clipnorm, clipvalue and globalClipnorm can be set, not ${clips.map(([n]) => n).join(" and ")}`);
  }
  const rate: unknown = options.learningRate ?? 0;
  if (typeof rate === "number" ? !(rate >= 0) : typeof rate !== "object") {
    fail(`learningRate is ${JSON.stringify(rate)}, expected a number, 0 or more, or a schedule`);
  }
  for (const [name, value] of [...clips, ["lossScaleFactor", options.lossScaleFactor] as const]) {
    if (value != null && !(value > 0)) fail(`${name} is ${value}, expected a positive number`);
  }
  if (emaMomentum !== undefined && !(emaMomentum >= 0 && emaMomentum <= 1)) {
    fail(`emaMomentum is ${emaMomentum}, expected a number from 0 to 1`);
  }
  for (const [name, value, least] of [
    ["emaOverwriteFrequency", emaOverwriteFrequency, 1],
    ["gradientAccumulationSteps", gradientAccumulationSteps, 2],
  ] as const) {
    if (value == null || value === 0 || (Number.isInteger(value) && value >= least)) continue;
    fail(`${name} is ${value}, expected a whole number, ${least} or more`);
  }
}

/** Zeros of a weight's shape. */
export function emptySlot(weight: Tensor, value = 0): Parameter {
  return parameter(zeros(weight.shape, { dtype: weight.dtype }).add(value), { requiresGrad: false });
}

/** An error for an optimizer that does not exist. */
export function unknownOptimizer(name: unknown, known: readonly string[]): Error {
  return unknownName("compile", "optimizer", name, known);
}
