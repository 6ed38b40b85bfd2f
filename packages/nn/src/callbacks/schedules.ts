import type { Logs } from "../training/logs.ts";
import { Callback } from "./callback.ts";
import { isBetter, type MonitorMode, monitored } from "./early-stopping.ts";

/** Sets the learning rate before every epoch, from its number (from 0) and the rate so far. */
export class LearningRateScheduler extends Callback {
  private readonly schedule: (epoch: number, rate: number) => number;
  constructor(schedule: (epoch: number, rate: number) => number) {
    super();
    this.schedule = schedule;
  }
  override onEpochBegin(epoch: number): void {
    const { optimizer } = this.model;
    optimizer.learningRate = this.schedule(epoch, optimizer.learningRate);
  }
}

/** Options of {@link ReduceLROnPlateau}. */
export interface ReduceLROnPlateauOptions {
  /** Default: val_loss. */
  readonly monitor?: string;
  /** What the rate is multiplied with. Default: 0.1. */
  readonly factor?: number;
  /** Epochs without improvement before that. Default: 10. */
  readonly patience?: number;
  readonly mode?: MonitorMode;
  /** Default: 1e-4. */
  readonly minDelta?: number;
  /** Epochs to wait after a reduction. Default: 0. */
  readonly cooldown?: number;
  /** Default: 0. */
  readonly minLr?: number;
}

/** Lowers the learning rate when what is monitored no longer improves. */
export class ReduceLROnPlateau extends Callback {
  private readonly options: ReduceLROnPlateauOptions;
  private best: number | null = null;
  private wait = 0;
  private cooling = 0;
  constructor(options: ReduceLROnPlateauOptions = {}) {
    super();
    this.options = options;
  }
  override onTrainBegin(): void {
    this.best = null;
    this.wait = 0;
    this.cooling = 0;
  }
  override onEpochEnd(_epoch: number, logs: Logs): void {
    const {
      monitor = "val_loss",
      factor = 0.1,
      patience = 10,
      mode = "auto",
      minDelta = 1e-4,
      cooldown = 0,
      minLr = 0,
    } = this.options;
    const current = monitored("ReduceLROnPlateau", monitor, logs);
    if (this.cooling > 0) {
      this.cooling--;
      this.wait = 0;
    }
    if (isBetter(monitor, mode, current, this.best, minDelta)) {
      this.best = current;
      this.wait = 0;
      return;
    }
    if (this.cooling > 0 || ++this.wait < patience) return;
    const { optimizer } = this.model;
    if (optimizer.learningRate > minLr) {
      optimizer.learningRate = Math.max(optimizer.learningRate * factor, minLr);
      this.cooling = cooldown;
      this.wait = 0;
    }
  }
}

/** Ends training, without an error, when the loss is not a number. */
export class TerminateOnNaN extends Callback {
  /** @internal Tells the loop not to fail by itself. */
  readonly handlesNonFinite = true;
  override onBatchEnd(_batch: number, logs: Logs): void {
    if (!Number.isFinite(logs.loss)) this.model.stopTraining = true;
  }
}
