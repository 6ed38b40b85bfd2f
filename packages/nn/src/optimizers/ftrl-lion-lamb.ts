import { type Parameter, pow, sign, sqrt, square, sum, type Tensor } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { checkOptionsOf } from "../option-checks.ts";
import { emptySlot, Optimizer, type OptimizerOptions, type Slots } from "./optimizer.ts";

/** Options of {@link Ftrl}. */
export interface FtrlOptions extends OptimizerOptions {
  /** Default: -0.5. */
  readonly learningRatePower?: number;
  /** Default: 0.1. */
  readonly initialAccumulatorValue?: number;
  /** Default: 0. */
  readonly l1RegularizationStrength?: number;
  /** Default: 0. */
  readonly l2RegularizationStrength?: number;
  /** Default: 0. */
  readonly l2ShrinkageRegularizationStrength?: number;
  /** Default: 0. */
  readonly beta?: number;
}

/** Follow the regularized leader: drives small weights to exactly 0. The rate defaults to 0.001. */
export class Ftrl extends Optimizer {
  /** @internal */
  static override readonly optionNames: readonly string[] = [
    ...Optimizer.optionNames,
    "learningRatePower",
    "initialAccumulatorValue",
    "l1RegularizationStrength",
    "l2RegularizationStrength",
    "l2ShrinkageRegularizationStrength",
    "beta",
  ];
  readonly className = "Ftrl";
  override readonly slotNames: readonly string[] = ["accumulator", "linear"];
  private readonly power: number;
  private readonly initialValue: number;
  private readonly l1: number;
  private readonly l2: number;
  private readonly shrinkage: number;
  private readonly beta: number;

  constructor(options: FtrlOptions = {}) {
    checkOptionsOf(Ftrl, new.target, options);
    super("ftrl", 0.001, options);
    this.power = options.learningRatePower ?? -0.5;
    this.initialValue = options.initialAccumulatorValue ?? 0.1;
    this.l1 = options.l1RegularizationStrength ?? 0;
    this.l2 = options.l2RegularizationStrength ?? 0;
    this.shrinkage = options.l2ShrinkageRegularizationStrength ?? 0;
    this.beta = options.beta ?? 0;
  }

  protected override createSlots(weight: Parameter): Slots {
    return [emptySlot(weight, this.initialValue), emptySlot(weight)];
  }

  protected update(weight: Parameter, gradient: Tensor, slots: Slots, learningRate: number): void {
    const [accumulator, linear] = [slots[0]!, slots[1]!];
    const used = this.shrinkage > 0 ? gradient.add(weight.mul(2 * this.shrinkage)) : gradient;
    const grown = accumulator.add(square(gradient));
    const root = pow(grown, -this.power);
    const change = root.sub(pow(accumulator, -this.power)).div(learningRate);
    linear.assign(linear.add(used).sub(change.mul(weight)));
    const l2 = this.l2 + this.beta / (2 * learningRate);
    const quadratic = root.div(learningRate).add(2 * l2);
    const clipped = linear.maximum(-this.l1).minimum(this.l1);
    weight.assign(clipped.sub(linear).div(quadratic));
    accumulator.assign(grown);
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      learning_rate_power: this.power,
      initial_accumulator_value: this.initialValue,
      l1_regularization_strength: this.l1,
      l2_regularization_strength: this.l2,
      l2_shrinkage_regularization_strength: this.shrinkage,
      beta: this.beta,
    };
  }
}

/** Options of {@link Lion}. */
export interface LionOptions extends OptimizerOptions {
  /** Default: 0.9. */
  readonly beta1?: number;
  /** Default: 0.99. */
  readonly beta2?: number;
}

/** Steps of one size, in the direction of the sign of a mean gradient. The rate defaults to 0.001. */
export class Lion extends Optimizer {
  /** @internal */
  static override readonly optionNames: readonly string[] = [...Optimizer.optionNames, "beta1", "beta2"];
  readonly className = "Lion";
  override readonly slotNames: readonly string[] = ["momentum"];
  readonly beta1: number;
  readonly beta2: number;

  constructor(options: LionOptions = {}) {
    checkOptionsOf(Lion, new.target, options);
    super("lion", 0.001, options);
    this.beta1 = options.beta1 ?? 0.9;
    this.beta2 = options.beta2 ?? 0.99;
  }

  protected update(weight: Parameter, gradient: Tensor, slots: Slots, learningRate: number): void {
    const m = slots[0]!;
    const direction = sign(m.mul(this.beta1).add(gradient.mul(1 - this.beta1)));
    weight.assign(weight.sub(direction.mul(learningRate)));
    m.assign(m.mul(this.beta2).add(gradient.mul(1 - this.beta2)));
  }

  override getConfig(): Config {
    return { ...super.getConfig(), beta_1: this.beta1, beta_2: this.beta2 };
  }
}

/** Options of {@link Lamb}. */
export interface LambOptions extends LionOptions {
  /** Default: 1e-7. */
  readonly epsilon?: number;
}

/** Adam with steps scaled to the norm of each weight. The rate defaults to 0.001, beta2 to 0.999. */
export class Lamb extends Optimizer {
  /** @internal */
  static override readonly optionNames: readonly string[] = [...Optimizer.optionNames, "beta1", "beta2", "epsilon"];
  readonly className = "Lamb";
  override readonly slotNames: readonly string[] = ["momentum", "velocity"];
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;

  constructor(options: LambOptions = {}) {
    checkOptionsOf(Lamb, new.target, options);
    super("lamb", 0.001, options);
    this.beta1 = options.beta1 ?? 0.9;
    this.beta2 = options.beta2 ?? 0.999;
    this.epsilon = options.epsilon ?? 1e-7;
  }

  protected update(weight: Parameter, gradient: Tensor, slots: Slots, learningRate: number, step: number): void {
    const [m, v] = [slots[0]!, slots[1]!];
    m.assign(m.add(gradient.sub(m).mul(1 - this.beta1)));
    v.assign(
      v.add(
        square(gradient)
          .sub(v)
          .mul(1 - this.beta2),
      ),
    );
    const scale = sqrt(v.div(1 - this.beta2 ** step)).add(this.epsilon);
    const direction = m.div(1 - this.beta1 ** step).div(scale);
    const size = sqrt(sum(square(weight))).item();
    const length = sqrt(sum(square(direction))).item();
    const ratio = size > 0 && length > 0 ? size / length : 1;
    weight.assign(weight.sub(direction.mul(ratio * learningRate)));
  }

  override getConfig(): Config {
    return { ...super.getConfig(), beta_1: this.beta1, beta_2: this.beta2, epsilon: this.epsilon };
  }
}
