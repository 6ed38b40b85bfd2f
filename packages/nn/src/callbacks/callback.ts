import { unknownName } from "../errors.ts";
import type { Model } from "../model.ts";
import { Fields, type State } from "../state.ts";
import type { Logs } from "../training/logs.ts";
import type { TrainingRun } from "../training/run.ts";

/** What a training run was asked to do. */
export interface TrainingParams {
  readonly epochs: number;
  /** Batches in an epoch; null while that is not known. */
  readonly steps: number | null;
  readonly verbose: 0 | 1 | 2;
  /** The epoch (from 0) the run begins with. */
  readonly initialEpoch: number;
  /** After which epochs there is validation (see `validationFreq`); null when there are no validation data. */
  readonly validationFreq: number | readonly number[] | null;
}

/** A value, or the promise of one: callbacks may be asynchronous, and then training waits. */
type Awaitable = void | Promise<void>;

/**
 * Something called during training, evaluation or prediction. Every method may be asynchronous; training waits for it.
 * Methods that are not overridden cost nothing: the logs of a batch are only put together when a callback wants them.
 */
export abstract class Callback {
  private owner: Model | null = null;
  private current: TrainingRun | null = null;
  params: TrainingParams = { epochs: 1, steps: null, verbose: 0, initialEpoch: 0, validationFreq: null };

  /** The model being trained. */
  get model(): Model {
    return this.owner!;
  }

  /** @internal The run of `fit`; null in `evaluate` and `predict`. */
  get run(): TrainingRun | null {
    return this.current;
  }

  /** @internal Callbacks that save the run (1, 2) are called after those whose state they save. */
  get turn(): 0 | 1 | 2 {
    return 0;
  }

  /** @internal */
  attach(model: Model, params: TrainingParams, run: TrainingRun | null): void {
    this.owner = model;
    this.params = params;
    this.current = run;
  }

  onTrainBegin(): Awaitable {}
  onTrainEnd(_logs: Logs | null): Awaitable {}
  onEpochBegin(_epoch: number): Awaitable {}
  onEpochEnd(_epoch: number, _logs: Logs): Awaitable {}
  /** Before each batch of training; by default {@link onTrainBatchBegin}, which is Keras' other name for it. */
  onBatchBegin(batch: number): Awaitable {
    return this.onTrainBatchBegin(batch);
  }
  /** After each batch of training. The logs are those of the epoch so far. By default {@link onTrainBatchEnd}. */
  onBatchEnd(batch: number, logs: Logs): Awaitable {
    return this.onTrainBatchEnd(batch, logs);
  }
  onTrainBatchBegin(_batch: number): Awaitable {}
  onTrainBatchEnd(_batch: number, _logs: Logs): Awaitable {}
  /** Before `evaluate`, and before each validation in `fit`. */
  onTestBegin(): Awaitable {}
  onTestEnd(_logs: Logs): Awaitable {}
  onTestBatchBegin(_batch: number): Awaitable {}
  onTestBatchEnd(_batch: number, _logs: Logs): Awaitable {}
  onPredictBegin(): Awaitable {}
  onPredictEnd(): Awaitable {}
  onPredictBatchBegin(_batch: number): Awaitable {}
  onPredictBatchEnd(_batch: number): Awaitable {}

  /** @internal When `fit` is stopped by its signal, before anything is put back or averaged. */
  onInterrupt(): Awaitable {}

  /** Values that an epoch's logs have because of this callback, such as the learning rate. */
  epochLogs(): Readonly<Record<string, number>> {
    return {};
  }

  /** What a checkpoint holds of this callback, so that a resumed run goes on as if there had been no end. */
  state(): State {
    return null;
  }

  /** Goes on from what {@link state} gave. */
  restoreState(_state: State): Awaitable {}
}

/** Those of the callbacks that do something at an event. */
export function listenersTo(event: keyof LambdaFunctions, callbacks: readonly Callback[]): readonly Callback[] {
  const names = event === "onBatchBegin" || event === "onBatchEnd" ? [event, otherNames[event]] : [event];
  return callbacks.filter((c) =>
    names.some((name) => {
      const isForwarded = c instanceof LambdaCallback && c[name] === LambdaCallback.prototype[name];
      return isForwarded ? c.functions[name] !== undefined : c[name] !== Callback.prototype[name];
    }),
  );
}

/** Keras has two names for what happens at a batch of training. */
const otherNames = { onBatchBegin: "onTrainBatchBegin", onBatchEnd: "onTrainBatchEnd" } as const;

/** The functions of a {@link LambdaCallback}. */
export interface LambdaFunctions {
  readonly onTrainBegin?: () => Awaitable;
  readonly onTrainEnd?: (logs: Logs | null) => Awaitable;
  readonly onEpochBegin?: (epoch: number) => Awaitable;
  readonly onEpochEnd?: (epoch: number, logs: Logs) => Awaitable;
  readonly onBatchBegin?: (batch: number) => Awaitable;
  readonly onBatchEnd?: (batch: number, logs: Logs) => Awaitable;
  /** Another name for `onBatchBegin`. */
  readonly onTrainBatchBegin?: (batch: number) => Awaitable;
  /** Another name for `onBatchEnd`. */
  readonly onTrainBatchEnd?: (batch: number, logs: Logs) => Awaitable;
  readonly onTestBegin?: () => Awaitable;
  readonly onTestEnd?: (logs: Logs) => Awaitable;
  readonly onTestBatchBegin?: (batch: number) => Awaitable;
  readonly onTestBatchEnd?: (batch: number, logs: Logs) => Awaitable;
  readonly onPredictBegin?: () => Awaitable;
  readonly onPredictEnd?: () => Awaitable;
  readonly onPredictBatchBegin?: (batch: number) => Awaitable;
  readonly onPredictBatchEnd?: (batch: number) => Awaitable;
}

/**
 * A callback made of functions.
 *
 * @example
 * ```ts
 * const losses: number[] = [];
 * const record = new LambdaCallback({ onBatchEnd: (_batch, logs) => { losses.push(logs.loss); } });
 * const model = new Sequential([new Dense(1)], { seed: 1 });
 * model.compile({ loss: "mse", optimizer: "sgd" });
 * await model.fit([[0], [1], [2]], [1, 3, 5], { batchSize: 1, callbacks: [record], verbose: 0 });
 * losses.length; // 3
 * ```
 */
export class LambdaCallback extends Callback {
  /** @internal */
  readonly functions: LambdaFunctions;

  /** @throws {ArgumentError} for events that there are not. */
  constructor(functions: LambdaFunctions) {
    super();
    for (const name of Object.keys(functions)) {
      if (!events.includes(name)) throw unknownName("LambdaCallback", "event", name, events);
    }
    this.functions = functions;
  }
  override onTrainBegin(): Awaitable {
    return this.functions.onTrainBegin?.();
  }
  override onTrainEnd(logs: Logs | null): Awaitable {
    return this.functions.onTrainEnd?.(logs);
  }
  override onEpochBegin(epoch: number): Awaitable {
    return this.functions.onEpochBegin?.(epoch);
  }
  override onEpochEnd(epoch: number, logs: Logs): Awaitable {
    return this.functions.onEpochEnd?.(epoch, logs);
  }
  override onBatchBegin(batch: number): Awaitable {
    return (this.functions.onBatchBegin ?? this.functions.onTrainBatchBegin)?.(batch);
  }
  override onBatchEnd(batch: number, logs: Logs): Awaitable {
    return (this.functions.onBatchEnd ?? this.functions.onTrainBatchEnd)?.(batch, logs);
  }
  override onTestBegin(): Awaitable {
    return this.functions.onTestBegin?.();
  }
  override onTestEnd(logs: Logs): Awaitable {
    return this.functions.onTestEnd?.(logs);
  }
  override onTestBatchBegin(batch: number): Awaitable {
    return this.functions.onTestBatchBegin?.(batch);
  }
  override onTestBatchEnd(batch: number, logs: Logs): Awaitable {
    return this.functions.onTestBatchEnd?.(batch, logs);
  }
  override onPredictBegin(): Awaitable {
    return this.functions.onPredictBegin?.();
  }
  override onPredictEnd(): Awaitable {
    return this.functions.onPredictEnd?.();
  }
  override onPredictBatchBegin(batch: number): Awaitable {
    return this.functions.onPredictBatchBegin?.(batch);
  }
  override onPredictBatchEnd(batch: number): Awaitable {
    return this.functions.onPredictBatchEnd?.(batch);
  }
}

const events: readonly string[] = Object.getOwnPropertyNames(Callback.prototype).filter(
  (name) => /^on[A-Z]/.test(name) && name !== "onInterrupt",
);

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

  override state(): State {
    return { epoch: [...this.epoch], history: { ...this.history } };
  }

  override restoreState(state: State): void {
    const saved = new Fields("the history", state);
    this.epoch.splice(0, this.epoch.length, ...saved.numbers("epoch"));
    const history = saved.fields("history");
    for (const name of history.names()) this.history[name] = history.numbers(name);
  }
}

/** See {@link History}. */
export interface HistoryRecord {
  loss: number[];
  [name: string]: number[];
}
