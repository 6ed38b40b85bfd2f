import { abs, InPlaceUpdate, maximum, type Parameter, scalar, sqrt, square, type Tensor } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { checkOptionsOf } from "../option-checks.ts";
import { Optimizer, type OptimizerOptions, type Slots } from "./optimizer.ts";

/** Options of Adam and its kin. */
export interface AdamOptions extends OptimizerOptions {
  /** Decay of the gradients' mean. Default: 0.9. */
  readonly beta1?: number;
  /** Decay of the squares' mean. Default: 0.999. */
  readonly beta2?: number;
  /** Default: 1e-7. */
  readonly epsilon?: number;
  /** Use the largest mean of squares so far (Adam and AdamW). Default: false. */
  readonly amsgrad?: boolean;
}

abstract class Moments extends Optimizer {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  override slotNames: readonly string[] = ["momentum", "velocity"];

  constructor(name: string, options: AdamOptions) {
    super(name, 0.001, options);
    this.beta1 = options.beta1 ?? 0.9;
    this.beta2 = options.beta2 ?? 0.999;
    this.epsilon = options.epsilon ?? 1e-7;
  }

  /** Moves a running mean towards a value by 1 − beta. */
  protected track(mean: Parameter, value: Tensor, beta: number): Parameter {
    return mean.assign(mean.add(value.sub(mean).mul(1 - beta)));
  }

  override getConfig(): Config {
    return { ...super.getConfig(), beta_1: this.beta1, beta_2: this.beta2, epsilon: this.epsilon };
  }
}

/** Targets: weight, both means and (with `amsgrad`) the largest second one; numbers: rate, 1 − β₁, 1 − β₂, ε. */
const adam = (amsgrad: boolean): InPlaceUpdate => {
  const { add, div, max, mul, square: squareOf, sqrt: root, sub } = scalar;
  return new InPlaceUpdate(
    "adam",
    { targets: amsgrad ? 4 : 3, others: 1, scalars: 4 },
    ({ targets, others: [g], scalars }) => {
      const [w, m, v, largest] = targets;
      const [rate, towards1, towards2, epsilon] = scalars;
      const mean = add(m!, mul(towards1!, sub(g!, m!)));
      const squares = add(v!, mul(towards2!, sub(squareOf(g!), v!)));
      const scale = largest === undefined ? squares : max(largest, squares);
      const next = sub(w!, div(mul(rate!, mean), add(root(scale), epsilon!)));
      return largest === undefined ? [next, mean, squares] : [next, mean, squares, scale];
    },
  );
};
const plain = adam(false);
const withLargest = adam(true);

/** Adam: means of gradients and of their squares decide direction and size of a step. The rate defaults to 0.001. */
export class Adam extends Moments {
  /** @internal */
  static override readonly optionNames: readonly string[] = [
    ...Optimizer.optionNames,
    "beta1",
    "beta2",
    "epsilon",
    "amsgrad",
  ];
  readonly className: string = "Adam";
  readonly amsgrad: boolean;

  constructor(options: AdamOptions = {}) {
    checkOptionsOf(Adam, new.target, options);
    super("adam", options);
    this.amsgrad = options.amsgrad ?? false;
    if (this.amsgrad) this.slotNames = [...this.slotNames, "velocity_hat"];
  }

  override get slotOrder(): readonly (readonly string[])[] {
    return [this.slotNames.slice(0, 2), this.slotNames.slice(2)];
  }

  protected update(weight: Parameter, gradient: Tensor, slots: Slots, learningRate: number, step: number): void {
    const rate = (learningRate * Math.sqrt(1 - this.beta2 ** step)) / (1 - this.beta1 ** step);
    const scalars = [rate, 1 - this.beta1, 1 - this.beta2, this.epsilon];
    (this.amsgrad ? withLargest : plain).run([weight, ...slots], [gradient], scalars);
  }

  override getConfig(): Config {
    return { ...super.getConfig(), amsgrad: this.amsgrad };
  }
}

/** Adam with weight decay that does not pass through the means. `weightDecay` defaults to 0.004. */
export class AdamW extends Adam {
  override readonly className = "AdamW";
  constructor(options: AdamOptions = {}) {
    checkOptionsOf(AdamW, new.target, options);
    super({ name: "adamw", ...options, weightDecay: options.weightDecay ?? 0.004 });
  }
}

/** Adam with the largest gradient so far in place of the mean of squares. */
export class Adamax extends Moments {
  /** @internal */
  static override readonly optionNames: readonly string[] = [...Optimizer.optionNames, "beta1", "beta2", "epsilon"];
  readonly className = "Adamax";
  override slotNames: readonly string[] = ["momentum", "norm"];
  constructor(options: AdamOptions = {}) {
    checkOptionsOf(Adamax, new.target, options);
    super("adamax", options);
  }
  protected update(weight: Parameter, gradient: Tensor, slots: Slots, learningRate: number, step: number): void {
    const m = this.track(slots[0]!, gradient, this.beta1);
    const u = slots[1]!.assign(maximum(slots[1]!.mul(this.beta2), abs(gradient)));
    weight.assign(weight.sub(m.mul(learningRate / (1 - this.beta1 ** step)).div(u.add(this.epsilon))));
  }
}

/** Adam with Nesterov's momentum. */
export class Nadam extends Moments {
  /** @internal */
  static override readonly optionNames: readonly string[] = [...Optimizer.optionNames, "beta1", "beta2", "epsilon"];
  readonly className = "Nadam";
  private product = 1;
  private now = 0;
  private next = 0;
  constructor(options: AdamOptions = {}) {
    checkOptionsOf(Nadam, new.target, options);
    super("nadam", options);
  }
  protected override beginStep(step: number): void {
    this.now = this.beta1 * (1 - 0.5 * 0.96 ** step);
    this.next = this.beta1 * (1 - 0.5 * 0.96 ** (step + 1));
    this.product *= this.now;
  }
  override get numbers(): readonly (readonly [string, number])[] {
    return [["u_product", this.product]];
  }
  override restore(steps: number): void {
    super.restore(steps);
    this.product = 1;
    // Factors are beta1 long before; a number of steps that a file claims must not take for ever.
    const counted = Math.min(this.iterations, 1_000_000);
    for (let step = 1; step <= counted; step++) this.product *= this.beta1 * (1 - 0.5 * 0.96 ** step);
    this.product *= this.beta1 ** (this.iterations - counted);
  }
  protected update(weight: Parameter, gradient: Tensor, slots: Slots, learningRate: number, step: number): void {
    const m = this.track(slots[0]!, gradient, this.beta1);
    const v = this.track(slots[1]!, square(gradient), this.beta2);
    const ahead = m
      .mul(this.next / (1 - this.product * this.next))
      .add(gradient.mul((1 - this.now) / (1 - this.product)));
    const scale = sqrt(v.div(1 - this.beta2 ** step)).add(this.epsilon);
    weight.assign(weight.sub(ahead.mul(learningRate).div(scale)));
  }
}
