import type { Tensor } from "@gradiente/autograd";
import { unknownName } from "../errors.ts";
import type { Logs } from "../training/logs.ts";
import { Callback } from "./callback.ts";

/** Which direction is better; "auto" tells from the name. */
export type MonitorMode = "auto" | "min" | "max";

/** Names of metrics of which more is better. */
const growing = ["acc", "accuracy", "auc", "precision", "recall", "iou", "f1", "fbeta", "r2", "top_k", "cosine"];

/** Whether `current` is better than `best` by more than `minDelta`. */
export function isBetter(
  monitor: string,
  mode: MonitorMode,
  current: number,
  best: number | null,
  minDelta: number = 0,
): boolean {
  if (best === null) return !Number.isNaN(current);
  const upwards = mode === "max" || (mode === "auto" && growing.some((word) => monitor.includes(word)));
  return upwards ? current - Math.abs(minDelta) > best : current + Math.abs(minDelta) < best;
}

/** The monitored value. @throws {ArgumentError} when it is not logged. */
export function monitored(callback: string, monitor: string, logs: Logs): number {
  const value = logs[monitor];
  if (value === undefined) throw unknownName(callback, "logged value", monitor, Object.keys(logs));
  return value;
}

/** Options of {@link EarlyStopping}. */
export interface EarlyStoppingOptions {
  /** Default: val_loss. */
  readonly monitor?: string;
  /** Smallest change that counts. Default: 0. */
  readonly minDelta?: number;
  /** Epochs without improvement before training stops. Default: 0. */
  readonly patience?: number;
  readonly mode?: MonitorMode;
  /** A value that must be improved upon. */
  readonly baseline?: number | null;
  /** Go back to the weights of the best epoch. Default: false. */
  readonly restoreBestWeights?: boolean;
  /** Epochs before monitoring begins. Default: 0. */
  readonly startFromEpoch?: number;
}

/** Stops training when what is monitored no longer improves. */
export class EarlyStopping extends Callback {
  readonly monitor: string;
  readonly patience: number;
  private readonly options: EarlyStoppingOptions;
  /** The epoch (from 0) training was stopped at; null when it was not. */
  stoppedEpoch: number | null = null;
  /** The epoch (from 0) with the best value. */
  bestEpoch = 0;
  private best: number | null = null;
  private wait = 0;
  private bestWeights: Tensor[] | null = null;

  constructor(options: EarlyStoppingOptions = {}) {
    super();
    this.options = options;
    this.monitor = options.monitor ?? "val_loss";
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
    const {
      startFromEpoch = 0,
      restoreBestWeights = false,
      mode = "auto",
      minDelta = 0,
      baseline = null,
    } = this.options;
    const current = monitored("EarlyStopping", this.monitor, logs);
    if (epoch < startFromEpoch) return;
    if (restoreBestWeights && this.bestWeights === null) {
      this.bestWeights = this.model.getWeights();
      this.bestEpoch = epoch;
    }
    this.wait++;
    if (isBetter(this.monitor, mode, current, this.best, minDelta)) {
      this.best = current;
      this.bestEpoch = epoch;
      if (restoreBestWeights) this.bestWeights = this.model.getWeights();
      if (baseline === null || isBetter(this.monitor, mode, current, baseline, minDelta)) this.wait = 0;
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
}
