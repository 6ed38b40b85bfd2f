import { mean, type Parameter, parameter, sqrt, square, type Tensor, zeros } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { checkOptionsOf } from "../option-checks.ts";
import { emptySlot, Optimizer, type OptimizerOptions, type Slots } from "./optimizer.ts";

/** Options of {@link Adafactor}. */
export interface AdafactorOptions extends OptimizerOptions {
  /** Default: -0.8. */
  readonly beta2Decay?: number;
  /** Default: 1e-30. */
  readonly epsilon1?: number;
  /** Default: 1e-3. */
  readonly epsilon2?: number;
  /** Default: 1. */
  readonly clipThreshold?: number;
  /** Let the rate fall with the root of the number of steps. In Keras, and so here, it falls without, too. Default: true. */
  readonly relativeStep?: boolean;
}

/** Adam with the mean of squares of a matrix kept as one row and one column. The rate defaults to 0.001. */
export class Adafactor extends Optimizer {
  /** @internal */
  static override readonly optionNames: readonly string[] = [
    ...Optimizer.optionNames,
    "beta2Decay",
    "epsilon1",
    "epsilon2",
    "clipThreshold",
    "relativeStep",
  ];
  readonly className = "Adafactor";
  override readonly slotNames: readonly string[] = ["r", "c", "v"];
  private readonly beta2Decay: number;
  private readonly epsilon1: number;
  private readonly epsilon2: number;
  private readonly clipThreshold: number;
  private readonly relativeStep: boolean;

  constructor(options: AdafactorOptions = {}) {
    checkOptionsOf(Adafactor, new.target, options);
    super("adafactor", 0.001, options);
    this.beta2Decay = options.beta2Decay ?? -0.8;
    this.epsilon1 = options.epsilon1 ?? 1e-30;
    this.epsilon2 = options.epsilon2 ?? 1e-3;
    this.clipThreshold = options.clipThreshold ?? 1;
    this.relativeStep = options.relativeStep ?? true;
  }

  protected override createSlots(weight: Parameter): Slots {
    const { shape, dtype } = weight;
    const slot = (s: readonly number[]) => parameter(zeros(s, { dtype }), { requiresGrad: false });
    const matrix = shape.length >= 2;
    return [
      slot(matrix ? shape.slice(0, -1) : []),
      slot(matrix ? [...shape.slice(0, -2), shape.at(-1)!] : []),
      emptySlot(weight),
    ];
  }

  protected update(weight: Parameter, gradient: Tensor, slots: Slots, learningRate: number, step: number): void {
    const [r, c, v] = [slots[0]!, slots[1]!, slots[2]!];
    // As in Keras, also without `relativeStep`.
    const rate = Math.min(learningRate, 1 / Math.sqrt(step));
    const alpha = Math.max(this.epsilon2, rootMeanSquare(weight)) * rate;
    const squares = square(gradient).add(this.epsilon1);
    const beta = 1 - step ** this.beta2Decay;
    const track = (slot: Parameter, value: Tensor) => slot.assign(slot.mul(beta).add(value.mul(1 - beta)));
    if (weight.rank >= 2) {
      track(r, mean(squares, { axis: -1 }));
      track(c, mean(squares, { axis: -2 }));
      const rows = r.div(mean(r, { axis: -1, keepDims: true }));
      v.assign(rows.unsqueeze(-1).mul(c.unsqueeze(-2)));
    } else track(v, squares);
    const direction = gradient.div(sqrt(v));
    const scale = Math.max(1, rootMeanSquare(direction) / this.clipThreshold);
    weight.assign(weight.sub(direction.mul(alpha / scale)));
  }

  override getConfig(): Config {
    return {
      ...super.getConfig(),
      beta_2_decay: this.beta2Decay,
      epsilon_1: this.epsilon1,
      epsilon_2: this.epsilon2,
      clip_threshold: this.clipThreshold,
      relative_step: this.relativeStep,
    };
  }
}

function rootMeanSquare(x: Tensor): number {
  return Math.sqrt(mean(square(x)).item());
}
