import type { Model } from "../model.ts";
import type { Logs } from "../training/logs.ts";

/** What a training run was asked to do. */
export interface TrainingParams {
  readonly epochs: number;
  /** Batches in an epoch; null while that is not known. */
  readonly steps: number | null;
  readonly verbose: 0 | 1 | 2;
  /** Names of what is logged: known after the first batch. */
  readonly initialEpoch: number;
}

/** Something called during training. Every method may be asynchronous; training waits for it. */
export abstract class Callback {
  private owner: Model | null = null;
  params: TrainingParams = { epochs: 1, steps: null, verbose: 0, initialEpoch: 0 };

  /** The model being trained. */
  get model(): Model {
    return this.owner!;
  }

  /** @internal */
  attach(model: Model, params: TrainingParams): void {
    this.owner = model;
    this.params = params;
  }

  onTrainBegin(): void | Promise<void> {}
  onTrainEnd(_logs: Logs | null): void | Promise<void> {}
  onEpochBegin(_epoch: number): void | Promise<void> {}
  onEpochEnd(_epoch: number, _logs: Logs): void | Promise<void> {}
  onBatchBegin(_batch: number): void | Promise<void> {}
  /** The logs are those of the epoch so far. */
  onBatchEnd(_batch: number, _logs: Logs): void | Promise<void> {}
}

/** A callback made of functions. */
export class LambdaCallback extends Callback {
  private readonly functions: LambdaFunctions;
  constructor(functions: LambdaFunctions) {
    super();
    this.functions = functions;
  }
  override onTrainBegin(): void | Promise<void> {
    return this.functions.onTrainBegin?.();
  }
  override onTrainEnd(logs: Logs | null): void | Promise<void> {
    return this.functions.onTrainEnd?.(logs);
  }
  override onEpochBegin(epoch: number): void | Promise<void> {
    return this.functions.onEpochBegin?.(epoch);
  }
  override onEpochEnd(epoch: number, logs: Logs): void | Promise<void> {
    return this.functions.onEpochEnd?.(epoch, logs);
  }
  override onBatchBegin(batch: number): void | Promise<void> {
    return this.functions.onBatchBegin?.(batch);
  }
  override onBatchEnd(batch: number, logs: Logs): void | Promise<void> {
    return this.functions.onBatchEnd?.(batch, logs);
  }
}

/** The functions of a {@link LambdaCallback}. */
export interface LambdaFunctions {
  readonly onTrainBegin?: () => void | Promise<void>;
  readonly onTrainEnd?: (logs: Logs | null) => void | Promise<void>;
  readonly onEpochBegin?: (epoch: number) => void | Promise<void>;
  readonly onEpochEnd?: (epoch: number, logs: Logs) => void | Promise<void>;
  readonly onBatchBegin?: (batch: number) => void | Promise<void>;
  readonly onBatchEnd?: (batch: number, logs: Logs) => void | Promise<void>;
}

/** What `fit` gives back: the losses and metrics of every epoch. */
export class History extends Callback {
  /** One list per loss or metric, one number per epoch. */
  readonly history: HistoryRecord = { loss: [] };
  /** Numbers of the epochs, from 0. */
  readonly epoch: number[] = [];

  override onEpochEnd(epoch: number, logs: Logs): void {
    this.epoch.push(epoch);
    for (const [name, value] of Object.entries(logs)) {
      this.history[name] ??= [];
      this.history[name].push(value);
    }
  }
}

/** See {@link History}. */
export interface HistoryRecord {
  loss: number[];
  [name: string]: number[];
}
