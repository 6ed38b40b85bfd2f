import type { Config } from "../config.ts";
import type { Signal } from "../training/signal.ts";

type MaybePromise<T> = T | Promise<T>;

/** Which scores are better: smaller or larger ones. */
export type Direction = "min" | "max";

/** What an objective is told of a trial. */
export interface TrialContext {
  /** Number of the trial, from 0. */
  readonly trial: number;
  /** The trial's own seed: it follows from the search's seed and the number alone. */
  readonly seed: number;
  /** The seed of the search, the same for every trial. */
  readonly searchSeed: number;
}

/** How good a trial is after some training. */
export interface Outcome {
  /** A finite number. */
  readonly score: number;
  /** Whatever else was measured, by name. */
  readonly logs?: Readonly<Record<string, number>>;
  /** The scores of the folds that `score` is the mean of. */
  readonly folds?: readonly number[];
  /** The score after each unit of this training. */
  readonly curve?: readonly number[];
}

/**
 * A trial that has been started: trains on until it has had `budget` in all (epochs, say), and tells how good it is now.
 * Budgets only grow. When `signal` is aborted it may return at once: what it returns is not used.
 */
export type TrialRun = (budget: number, signal: Signal) => MaybePromise<Outcome | number>;

/**
 * What a search makes as small (or large) as it can: starts a trial with given values. {@link trainAndValidate} makes one
 * of a model and data; any function of this kind will do.
 *
 * The global generator (`manualSeed`) belongs to the trial while it is started or runs: it is seeded from the trial's
 * seed, and what other trials drew does not matter.
 */
export interface Objective<V> {
  (values: V, context: TrialContext): MaybePromise<TrialRun>;
  /** Default: "min". */
  readonly direction?: Direction;
  /** What the score is called. Default: "score". */
  readonly scoreName?: string;
  /** What a unit of budget is called. Default: "budget". */
  readonly budgetName?: string;
  /** What tells this objective from another: a search is not resumed with a different one. */
  readonly settings?: Config;
}
