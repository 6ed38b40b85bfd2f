import { InPlaceUpdate, type Parameter, scalar, type Tensor } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { checkOptionsOf } from "../option-checks.ts";
import { Optimizer, type OptimizerOptions, type Slots } from "./optimizer.ts";

/** Options of {@link SGD}. */
export interface SGDOptions extends OptimizerOptions {
  /** How much of the last step is repeated. Default: 0. */
  readonly momentum?: number;
  /** Nesterov's form of momentum. Default: false. */
  readonly nesterov?: boolean;
}

const { add, mul, sub } = scalar;

const plain = new InPlaceUpdate(
  "sgd",
  { targets: 1, others: 1, scalars: 1 },
  ({ targets: [w], others: [g], scalars: [rate] }) => [sub(w!, mul(rate!, g!))],
);

/** Targets: weight and velocity; numbers: rate and momentum. */
const withMomentum = (nesterov: boolean): InPlaceUpdate =>
  new InPlaceUpdate(
    "sgd",
    { targets: 2, others: 1, scalars: 2 },
    ({ targets: [w, v], others: [g], scalars: [rate, m] }) => {
      const step = mul(rate!, g!);
      const velocity = sub(mul(m!, v!), step);
      return [add(w!, nesterov ? sub(mul(m!, velocity), step) : velocity), velocity];
    },
  );
const heavyBall = withMomentum(false);
const nesterov = withMomentum(true);

/** Gradient descent: w ← w − rate·g, with momentum v ← momentum·v − rate·g. The rate defaults to 0.01. */
export class SGD extends Optimizer {
  /** @internal */
  static override readonly optionNames: readonly string[] = [...Optimizer.optionNames, "momentum", "nesterov"];
  readonly className = "SGD";
  readonly momentum: number;
  readonly nesterov: boolean;
  override readonly slotNames: readonly string[];

  constructor(options: SGDOptions = {}) {
    checkOptionsOf(SGD, new.target, options);
    super("SGD", 0.01, options);
    this.momentum = options.momentum ?? 0;
    this.nesterov = options.nesterov ?? false;
    this.slotNames = this.momentum === 0 ? [] : ["momentum"];
  }

  protected update(weight: Parameter, gradient: Tensor, slots: Slots, learningRate: number): void {
    const velocity = slots[0];
    if (velocity === undefined) plain.run([weight], [gradient], [learningRate]);
    else (this.nesterov ? nesterov : heavyBall).run([weight, velocity], [gradient], [learningRate, this.momentum]);
  }

  override getConfig(): Config {
    return { ...super.getConfig(), momentum: this.momentum, nesterov: this.nesterov };
  }
}
