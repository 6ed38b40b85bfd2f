import { ArgumentError } from "@gradiente/autograd";
import type { Optimizer } from "../optimizers/optimizer.ts";
import { checkOptionNames, checkWhole } from "../option-checks.ts";
import { Fields, type State } from "../state.ts";
import type { Logs } from "../training/logs.ts";
import { Callback } from "./callback.ts";
import { Monitor, type MonitorOptions } from "./monitor.ts";

/** @throws {ArgumentError} for a rate that follows a schedule, which would end where a callback sets it. */
function checkSettable(op: string, { schedule }: Optimizer): void {
  if (schedule === null) return;
  throw new ArgumentError({
    op,
    message: `the optimizer's learning rate follows a schedule, ${schedule.className}`,
    hint: "give the optimizer a number, or leave the callback out",
  });
}

/**
 * Sets the learning rate before every epoch, from its number (from 0) and the rate so far. The rate is logged as
 * `learning_rate`.
 *
 * @example
 * ```ts
 * const halve = new LearningRateScheduler((epoch, rate) => (epoch === 0 ? rate : rate / 2));
 * const model = new Sequential([new Dense(1)], { seed: 1 });
 * model.compile({ loss: "mse", optimizer: new SGD({ learningRate: 0.5 }) });
 * const { history } = await model.fit([[0.1]], [1], { epochs: 3, callbacks: [halve], verbose: 0 });
 * history.learning_rate; // [0.5, 0.25, 0.125]
 * ```
 */
export class LearningRateScheduler extends Callback {
  private readonly schedule: (epoch: number, rate: number) => number;

  /** @throws {ArgumentError} for what is no function. */
  constructor(schedule: (epoch: number, rate: number) => number) {
    super();
    if (typeof schedule !== "function") {
      throw new ArgumentError({
        op: "LearningRateScheduler",
        message: `the schedule is ${typeof schedule === "object" ? "an object" : String(schedule)}, not a function`,
        hint: "objects such as ExponentialDecay are given to an optimizer, as its learningRate",
      });
    }
    this.schedule = schedule;
  }
  override onTrainBegin(): void {
    checkSettable("LearningRateScheduler", this.model.optimizer);
  }
  override onEpochBegin(epoch: number): void {
    const { optimizer } = this.model;
    const rate = this.schedule(epoch, optimizer.learningRate);
    if (typeof rate !== "number" || Number.isNaN(rate)) {
      throw new ArgumentError({
        op: "LearningRateScheduler",
        message: `the schedule gave ${JSON.stringify(rate)} for epoch ${epoch}, expected a number`,
      });
    }
    optimizer.learningRate = rate;
  }
  override epochLogs(): Readonly<Record<string, number>> {
    return { learning_rate: this.model.optimizer.learningRate };
  }
}

/** Options of {@link ReduceLROnPlateau}. */
export interface ReduceLROnPlateauOptions extends MonitorOptions {
  /** What the rate is multiplied with, less than 1. Default: 0.1. */
  readonly factor?: number;
  /** Epochs without improvement before that. Default: 10. */
  readonly patience?: number;
  /** Smallest change that counts. Default: 1e-4. */
  readonly minDelta?: number;
  /** Epochs to wait after a reduction. Default: 0. */
  readonly cooldown?: number;
  /** Default: 0. */
  readonly minLr?: number;
}

const reduceNames: readonly (keyof ReduceLROnPlateauOptions)[] = [
  ...(["monitor", "mode", "factor", "patience"] as const),
  ...(["minDelta", "cooldown", "minLr"] as const),
];

/**
 * Lowers the learning rate when what is monitored no longer improves. The rate of each epoch is logged as
 * `learning_rate`.
 *
 * @example
 * ```ts
 * const model = new Sequential([new Dense(1)], { seed: 1 });
 * model.compile({ loss: "mse", optimizer: new SGD({ learningRate: 0.5 }) });
 * const reduce = new ReduceLROnPlateau({ monitor: "loss", minDelta: 100, patience: 1, factor: 0.5 });
 * const { history } = await model.fit([[0.1]], [1], { epochs: 3, callbacks: [reduce], verbose: 0 });
 * history.learning_rate; // [0.5, 0.5, 0.25]
 * ```
 */
export class ReduceLROnPlateau extends Callback {
  private readonly options: ReduceLROnPlateauOptions;
  private readonly monitor: Monitor;
  private best: number | null = null;
  private wait = 0;
  private cooling = 0;

  /** @throws {ArgumentError} for a factor of 1 or more. */
  constructor(options: ReduceLROnPlateauOptions = {}) {
    super();
    checkOptionNames("ReduceLROnPlateau", options, reduceNames);
    for (const name of ["patience", "cooldown"] as const) checkWhole("ReduceLROnPlateau", name, options[name]);
    const { factor = 0.1, minDelta = 1e-4 } = options;
    if (!(factor < 1)) {
      throw new ArgumentError({ op: "ReduceLROnPlateau", message: `factor is ${factor}, expected less than 1` });
    }
    this.options = options;
    this.monitor = new Monitor(this, "ReduceLROnPlateau", options, minDelta);
  }

  override onTrainBegin(): void {
    checkSettable("ReduceLROnPlateau", this.model.optimizer);
    this.best = null;
    this.wait = 0;
    this.cooling = 0;
  }

  override epochLogs(): Readonly<Record<string, number>> {
    return { learning_rate: this.model.optimizer.learningRate };
  }

  override onEpochEnd(_epoch: number, logs: Logs): void {
    const { factor = 0.1, patience = 10, cooldown = 0, minLr = 0 } = this.options;
    const current = this.monitor.value(logs);
    if (current === null) return;
    if (this.cooling > 0) {
      this.cooling--;
      this.wait = 0;
    }
    if (this.monitor.isBetter(current, this.best)) {
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

  override state(): State {
    return { best: this.best, wait: this.wait, cooling: this.cooling };
  }

  override restoreState(state: State): void {
    const saved = new Fields("ReduceLROnPlateau", state);
    this.best = saved.numberOrNull("best");
    this.wait = saved.number("wait");
    this.cooling = saved.number("cooling");
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
