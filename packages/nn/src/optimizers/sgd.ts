import type { Parameter, Tensor } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { Optimizer, type OptimizerOptions, type Slots } from "./optimizer.ts";

/** Options of {@link SGD}. */
export interface SGDOptions extends OptimizerOptions {
  /** How much of the last step is repeated. Default: 0. */
  readonly momentum?: number;
  /** Nesterov's form of momentum. Default: false. */
  readonly nesterov?: boolean;
}

/** Gradient descent: w ← w − rate·g, with momentum v ← momentum·v − rate·g. The rate defaults to 0.01. */
export class SGD extends Optimizer {
  readonly className = "SGD";
  readonly momentum: number;
  readonly nesterov: boolean;
  override readonly slotNames: readonly string[];

  constructor(options: SGDOptions = {}) {
    super("SGD", 0.01, options);
    this.momentum = options.momentum ?? 0;
    this.nesterov = options.nesterov ?? false;
    this.slotNames = this.momentum === 0 ? [] : ["momentum"];
  }

  protected update(weight: Parameter, gradient: Tensor, slots: Slots, learningRate: number): void {
    const step = gradient.mul(learningRate);
    const velocity = slots[0];
    if (velocity === undefined) {
      weight.assign(weight.sub(step));
      return;
    }
    velocity.assign(velocity.mul(this.momentum).sub(step));
    weight.assign(weight.add(this.nesterov ? velocity.mul(this.momentum).sub(step) : velocity));
  }

  override getConfig(): Config {
    return { ...super.getConfig(), momentum: this.momentum, nesterov: this.nesterov };
  }
}
