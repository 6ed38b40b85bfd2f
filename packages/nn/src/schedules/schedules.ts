import { ArgumentError } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { checkOptionsOf } from "../option-checks.ts";
import { Schedule } from "./schedule.ts";

interface Decay {
  readonly initialLearningRate: number;
  readonly decaySteps: number;
}

/** initial · decayRate^(step / decaySteps); in whole steps when `staircase`. */
export class ExponentialDecay extends Schedule {
  /** @internal */
  static readonly optionNames: readonly string[] = ["initialLearningRate", "decaySteps", "decayRate", "staircase"];
  readonly className = "ExponentialDecay";
  private readonly o: Required<Decay> & { readonly decayRate: number; readonly staircase: boolean };
  constructor(options: Decay & { readonly decayRate: number; readonly staircase?: boolean }) {
    super();
    checkOptionsOf(ExponentialDecay, new.target, options);
    this.o = { staircase: false, ...options };
  }
  at(step: number): number {
    const p = step / this.o.decaySteps;
    return this.o.initialLearningRate * this.o.decayRate ** (this.o.staircase ? Math.floor(p) : p);
  }
  getConfig(): Config {
    const { initialLearningRate, decaySteps, decayRate, staircase } = this.o;
    return {
      initial_learning_rate: initialLearningRate,
      decay_steps: decaySteps,
      decay_rate: decayRate,
      staircase,
      name: this.className,
    };
  }
}

/** initial / (1 + decayRate · step / decaySteps); in whole steps when `staircase`. */
export class InverseTimeDecay extends Schedule {
  /** @internal */
  static readonly optionNames: readonly string[] = ["initialLearningRate", "decaySteps", "decayRate", "staircase"];
  readonly className = "InverseTimeDecay";
  private readonly o: Decay & { readonly decayRate: number; readonly staircase: boolean };
  constructor(options: Decay & { readonly decayRate: number; readonly staircase?: boolean }) {
    super();
    checkOptionsOf(InverseTimeDecay, new.target, options);
    this.o = { staircase: false, ...options };
  }
  at(step: number): number {
    const p = step / this.o.decaySteps;
    return this.o.initialLearningRate / (1 + this.o.decayRate * (this.o.staircase ? Math.floor(p) : p));
  }
  getConfig(): Config {
    const { initialLearningRate, decaySteps, decayRate, staircase } = this.o;
    return {
      initial_learning_rate: initialLearningRate,
      decay_steps: decaySteps,
      decay_rate: decayRate,
      staircase,
      name: this.className,
    };
  }
}

/** `values[i]` up to and including step `boundaries[i]`, the last value after them. */
export class PiecewiseConstantDecay extends Schedule {
  /** @internal */
  static readonly optionNames: readonly string[] = ["boundaries", "values"];
  readonly className = "PiecewiseConstantDecay";
  private readonly boundaries: readonly number[];
  private readonly values: readonly number[];
  constructor(options: { readonly boundaries: readonly number[]; readonly values: readonly number[] }) {
    super();
    checkOptionsOf(PiecewiseConstantDecay, new.target, options);
    const { boundaries, values } = options;
    if (!Array.isArray(boundaries) || !Array.isArray(values) || values.length !== boundaries.length + 1) {
      throw new ArgumentError({
        op: this.className,
        message: `there are ${values?.length} values for ${boundaries?.length} boundaries`,
        hint: "give one value more than boundaries",
      });
    }
    this.boundaries = boundaries;
    this.values = values;
  }
  at(step: number): number {
    const i = this.boundaries.findIndex((b) => step <= b);
    return i === -1 ? this.values.at(-1)! : this.values[i]!;
  }
  getConfig(): Config {
    return { boundaries: this.boundaries, values: this.values, name: "PiecewiseConstant" };
  }
}

/** From initial to `endLearningRate` (0.0001) along (1 − step / decaySteps)^power; again and again when `cycle`. */
export class PolynomialDecay extends Schedule {
  /** @internal */
  static readonly optionNames: readonly string[] = [
    "initialLearningRate",
    "decaySteps",
    "endLearningRate",
    "power",
    "cycle",
  ];
  readonly className = "PolynomialDecay";
  private readonly o: Decay & { readonly endLearningRate: number; readonly power: number; readonly cycle: boolean };
  constructor(
    options: Decay & { readonly endLearningRate?: number; readonly power?: number; readonly cycle?: boolean },
  ) {
    super();
    checkOptionsOf(PolynomialDecay, new.target, options);
    this.o = { endLearningRate: 0.0001, power: 1, cycle: false, ...options };
  }
  at(step: number): number {
    const { initialLearningRate, endLearningRate, power, cycle } = this.o;
    const total = cycle ? this.o.decaySteps * Math.max(1, Math.ceil(step / this.o.decaySteps)) : this.o.decaySteps;
    const p = (cycle ? step : Math.min(step, total)) / total;
    return (initialLearningRate - endLearningRate) * (1 - p) ** power + endLearningRate;
  }
  getConfig(): Config {
    const { initialLearningRate, decaySteps, endLearningRate, power, cycle } = this.o;
    return {
      initial_learning_rate: initialLearningRate,
      decay_steps: decaySteps,
      end_learning_rate: endLearningRate,
      power,
      cycle,
      name: this.className,
    };
  }
}

/** Half a cosine from initial (or, after a linear warm-up, from `warmupTarget`) to `alpha` times that. */
export class CosineDecay extends Schedule {
  /** @internal */
  static readonly optionNames: readonly string[] = [
    "initialLearningRate",
    "decaySteps",
    "alpha",
    "warmupTarget",
    "warmupSteps",
  ];
  readonly className = "CosineDecay";
  private readonly o: Decay & {
    readonly alpha: number;
    readonly warmupTarget: number | null;
    readonly warmupSteps: number;
  };
  constructor(
    options: Decay & { readonly alpha?: number; readonly warmupTarget?: number | null; readonly warmupSteps?: number },
  ) {
    super();
    checkOptionsOf(CosineDecay, new.target, options);
    this.o = { alpha: 0, warmupTarget: null, warmupSteps: 0, ...options };
  }
  at(step: number): number {
    const { initialLearningRate, decaySteps, alpha, warmupTarget, warmupSteps } = this.o;
    if (warmupTarget !== null && step < warmupSteps) {
      return initialLearningRate + ((warmupTarget - initialLearningRate) * step) / warmupSteps;
    }
    const after = warmupTarget === null ? step : step - warmupSteps;
    const p = Math.min(after, decaySteps) / decaySteps;
    const from = warmupTarget ?? initialLearningRate;
    return from * ((1 - alpha) * 0.5 * (1 + Math.cos(Math.PI * p)) + alpha);
  }
  getConfig(): Config {
    const { initialLearningRate, decaySteps, alpha, warmupTarget, warmupSteps } = this.o;
    return {
      initial_learning_rate: initialLearningRate,
      decay_steps: decaySteps,
      alpha,
      name: this.className,
      warmup_target: warmupTarget,
      warmup_steps: warmupSteps,
    };
  }
}

/** Cosines one after the other: each `tMul` (2) times as long and `mMul` (1) times as high as the one before. */
export class CosineDecayRestarts extends Schedule {
  /** @internal */
  static readonly optionNames: readonly string[] = ["initialLearningRate", "firstDecaySteps", "tMul", "mMul", "alpha"];
  readonly className = "CosineDecayRestarts";
  private readonly o: {
    readonly initialLearningRate: number;
    readonly firstDecaySteps: number;
    readonly tMul: number;
    readonly mMul: number;
    readonly alpha: number;
  };
  constructor(options: {
    readonly initialLearningRate: number;
    readonly firstDecaySteps: number;
    readonly tMul?: number;
    readonly mMul?: number;
    readonly alpha?: number;
  }) {
    super();
    checkOptionsOf(CosineDecayRestarts, new.target, options);
    this.o = { tMul: 2, mMul: 1, alpha: 0, ...options };
  }
  at(step: number): number {
    const { initialLearningRate, firstDecaySteps, tMul, mMul, alpha } = this.o;
    let p = step / firstDecaySteps;
    let restarts: number;
    if (tMul === 1) {
      restarts = Math.floor(p);
      p -= restarts;
    } else {
      restarts = Math.floor(Math.log(1 - p * (1 - tMul)) / Math.log(tMul));
      p = (p - (1 - tMul ** restarts) / (1 - tMul)) / tMul ** restarts;
    }
    const cosine = 0.5 * mMul ** restarts * (1 + Math.cos(Math.PI * p));
    return initialLearningRate * ((1 - alpha) * cosine + alpha);
  }
  getConfig(): Config {
    const { initialLearningRate, firstDecaySteps, tMul, mMul, alpha } = this.o;
    return {
      initial_learning_rate: initialLearningRate,
      first_decay_steps: firstDecaySteps,
      t_mul: tMul,
      m_mul: mMul,
      alpha,
      name: "SGDRDecay",
    };
  }
}
