import type { Tensor } from "@gradiente/autograd";
import { checkOptionNames, checkWhole } from "../option-checks.ts";
import { Fields, type State } from "../state.ts";
import type { Logs } from "../training/logs.ts";
import { Callback } from "./callback.ts";
import { Monitor, type MonitorOptions } from "./monitor.ts";

/** Options of {@link EarlyStopping}. */
export interface EarlyStoppingOptions extends MonitorOptions {
  /** Smallest change that counts. Default: 0. */
  readonly minDelta?: number;
  /** Epochs without improvement before training stops. Default: 0. */
  readonly patience?: number;
  /** A value that must be improved upon. */
  readonly baseline?: number | null;
  /** Go back to the weights of the best epoch when training ends. Default: false. */
  readonly restoreBestWeights?: boolean;
  /** Epochs before monitoring begins. Default: 0. */
  readonly startFromEpoch?: number;
}

const optionNames: readonly (keyof EarlyStoppingOptions)[] = [
  ...(["monitor", "mode", "minDelta", "patience"] as const),
  ...(["baseline", "restoreBestWeights", "startFromEpoch"] as const),
];

/**
 * Stops training when what is monitored no longer improves.
 *
 * @example
 * ```ts
 * const model = new Sequential([new Dense(1, { kernelInitializer: "zeros" })], { seed: 1 });
 * model.compile({ loss: "mse", optimizer: new SGD({ learningRate: 0 }) });
 * const stop = new EarlyStopping({ monitor: "loss", patience: 2 });
 * const history = await model.fit([[1], [2]], [1, 2], { epochs: 10, callbacks: [stop], verbose: 0 });
 * history.epoch; // [0, 1, 2]
 * stop.stoppedEpoch; // 2
 * ```
 */
export class EarlyStopping extends Callback {
  readonly patience: number;
  private readonly options: EarlyStoppingOptions;
  private readonly monitor: Monitor;
  /** The epoch (from 0) training was stopped at; null when it was not. */
  stoppedEpoch: number | null = null;
  /** The epoch (from 0) with the best value. */
  bestEpoch = 0;
  /** The best value so far. */
  best: number | null = null;
  private wait = 0;
  private bestWeights: Tensor[] | null = null;

  /** @throws {ArgumentError} for options that there are not, or that mean nothing. */
  constructor(options: EarlyStoppingOptions = {}) {
    super();
    checkOptionNames("EarlyStopping", options, optionNames);
    for (const name of ["patience", "startFromEpoch"] as const) checkWhole("EarlyStopping", name, options[name]);
    this.options = options;
    this.monitor = new Monitor(this, "EarlyStopping", options, options.minDelta);
    this.patience = options.patience ?? 0;
  }

  override onTrainBegin(): void {
    this.wait = 0;
    this.best = null;
    this.bestWeights = null;
    this.bestEpoch = 0;
    this.stoppedEpoch = null;
  }

  override onEpochEnd(epoch: number, logs: Logs): void {
    const { startFromEpoch = 0, restoreBestWeights = false, baseline = null } = this.options;
    const current = this.monitor.value(logs);
    if (current === null || epoch < startFromEpoch) return;
    if (restoreBestWeights && this.bestWeights === null) {
      this.bestWeights = this.model.getWeights();
      this.bestEpoch = epoch;
    }
    this.wait++;
    if (this.monitor.isBetter(current, this.best)) {
      this.best = current;
      this.bestEpoch = epoch;
      if (restoreBestWeights) this.bestWeights = this.model.getWeights();
      if (baseline === null || this.monitor.isBetter(current, baseline)) this.wait = 0;
      return;
    }
    if (this.wait >= this.patience && epoch > 0) {
      this.stoppedEpoch = epoch;
      this.model.stopTraining = true;
    }
  }

  override onTrainEnd(): void {
    if (this.bestWeights !== null) this.model.setWeights(this.bestWeights);
    this.bestWeights = null;
  }

  override state(): State {
    const { wait, best, bestEpoch, stoppedEpoch, bestWeights } = this;
    return { wait, best, bestEpoch, stoppedEpoch, bestWeights };
  }

  override restoreState(state: State): void {
    const saved = new Fields("EarlyStopping", state);
    this.wait = saved.number("wait");
    this.best = saved.numberOrNull("best");
    this.bestEpoch = saved.number("bestEpoch");
    this.stoppedEpoch = saved.numberOrNull("stoppedEpoch");
    this.bestWeights = saved.get("bestWeights") === null ? null : (saved.tensors("bestWeights") as Tensor[]);
  }
}
