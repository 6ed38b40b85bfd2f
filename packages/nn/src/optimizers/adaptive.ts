import { type Parameter, sqrt, square, type Tensor } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { checkOptionsOf } from "../option-checks.ts";
import { emptySlot, Optimizer, type OptimizerOptions, type Slots } from "./optimizer.ts";

/** Options of {@link RMSprop}. */
export interface RMSpropOptions extends OptimizerOptions {
  /** Decay of the squares' mean. Default: 0.9. */
  readonly rho?: number;
  /** Default: 0. */
  readonly momentum?: number;
  /** Default: 1e-7. */
  readonly epsilon?: number;
  /** Divide by the variance instead of the mean of squares. Default: false. */
  readonly centered?: boolean;
}

/** Gradients divided by the root of their squares' running mean. The rate defaults to 0.001. */
export class RMSprop extends Optimizer {
  /** @internal */
  static override readonly optionNames: readonly string[] = [
    ...Optimizer.optionNames,
    "rho",
    "momentum",
    "epsilon",
    "centered",
  ];
  readonly className = "RMSprop";
  readonly rho: number;
  readonly momentum: number;
  readonly epsilon: number;
  readonly centered: boolean;
  override readonly slotNames: readonly string[];

  constructor(options: RMSpropOptions = {}) {
    checkOptionsOf(RMSprop, new.target, options);
    super("rmsprop", 0.001, options);
    this.rho = options.rho ?? 0.9;
    this.momentum = options.momentum ?? 0;
    this.epsilon = options.epsilon ?? 1e-7;
    this.centered = options.centered ?? false;
    this.slotNames = [
      "velocity",
      ...(this.momentum > 0 ? ["momentum"] : []),
      ...(this.centered ? ["average_gradient"] : []),
    ];
  }

  override get slotOrder(): readonly (readonly string[])[] {
    return this.slotNames.map((name) => [name]);
  }

  protected update(weight: Parameter, gradient: Tensor, slots: Slots, learningRate: number): void {
    const v = slots[0]!;
    v.assign(v.mul(this.rho).add(square(gradient).mul(1 - this.rho)));
    let scale: Tensor = v;
    if (this.centered) {
      const mean = slots.at(-1)!;
      mean.assign(mean.mul(this.rho).add(gradient.mul(1 - this.rho)));
      scale = v.sub(square(mean));
    }
    const increment = gradient.mul(learningRate).div(sqrt(scale.add(this.epsilon)));
    if (this.momentum > 0) {
      const velocity = slots[1]!;
      weight.assign(weight.sub(velocity.assign(velocity.mul(this.momentum).add(increment))));
    } else weight.assign(weight.sub(increment));
  }

  override getConfig(): Config {
    const { rho, momentum, epsilon, centered } = this;
    return { ...super.getConfig(), rho, momentum, epsilon, centered };
  }
}

/** Options of {@link Adagrad}. */
export interface AdagradOptions extends OptimizerOptions {
  /** Default: 0.1. */
  readonly initialAccumulatorValue?: number;
  /** Default: 1e-7. */
  readonly epsilon?: number;
}

/** Gradients divided by the root of the sum of their squares so far. The rate defaults to 0.001. */
export class Adagrad extends Optimizer {
  /** @internal */
  static override readonly optionNames: readonly string[] = [
    ...Optimizer.optionNames,
    "initialAccumulatorValue",
    "epsilon",
  ];
  readonly className = "Adagrad";
  readonly initialAccumulatorValue: number;
  readonly epsilon: number;
  override readonly slotNames: readonly string[] = ["accumulator"];

  constructor(options: AdagradOptions = {}) {
    checkOptionsOf(Adagrad, new.target, options);
    super("adagrad", 0.001, options);
    this.initialAccumulatorValue = options.initialAccumulatorValue ?? 0.1;
    this.epsilon = options.epsilon ?? 1e-7;
  }

  protected override createSlots(weight: Parameter): Slots {
    return [emptySlot(weight, this.initialAccumulatorValue)];
  }

  protected update(weight: Parameter, gradient: Tensor, slots: Slots, learningRate: number): void {
    const sum = slots[0]!.assign(slots[0]!.add(square(gradient)));
    weight.assign(weight.sub(gradient.mul(learningRate).div(sqrt(sum.add(this.epsilon)))));
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      initial_accumulator_value: this.initialAccumulatorValue,
      epsilon: this.epsilon,
    };
  }
}

/** Options of {@link Adadelta}. */
export interface AdadeltaOptions extends OptimizerOptions {
  /** Decay of the means of squares. Default: 0.95. */
  readonly rho?: number;
  /** Default: 1e-7. */
  readonly epsilon?: number;
}

/** Steps whose size follows the sizes of earlier steps. The rate defaults to 0.001. */
export class Adadelta extends Optimizer {
  /** @internal */
  static override readonly optionNames: readonly string[] = [...Optimizer.optionNames, "rho", "epsilon"];
  readonly className = "Adadelta";
  readonly rho: number;
  readonly epsilon: number;
  override readonly slotNames: readonly string[] = ["accumulated_grad", "accumulated_delta_var"];

  constructor(options: AdadeltaOptions = {}) {
    checkOptionsOf(Adadelta, new.target, options);
    super("adadelta", 0.001, options);
    this.rho = options.rho ?? 0.95;
    this.epsilon = options.epsilon ?? 1e-7;
  }

  protected update(weight: Parameter, gradient: Tensor, slots: Slots, learningRate: number): void {
    const [squares, steps] = [slots[0]!, slots[1]!];
    const { rho, epsilon } = this;
    squares.assign(squares.mul(rho).add(square(gradient).mul(1 - rho)));
    const step = sqrt(steps.add(epsilon))
      .mul(gradient)
      .div(sqrt(squares.add(epsilon)));
    steps.assign(steps.mul(rho).add(square(step).mul(1 - rho)));
    weight.assign(weight.sub(step.mul(learningRate)));
  }

  override getConfig(): Config {
    return { ...super.getConfig(), rho: this.rho, epsilon: this.epsilon };
  }
}
