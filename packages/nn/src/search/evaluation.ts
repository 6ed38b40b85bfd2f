import type { Json } from "../config.ts";
import type { Direction } from "./objective.ts";

/** A trial as it stood after some training. */
export interface Evaluation<V> {
  /** Number of the trial, from 0. */
  readonly trial: number;
  /** The trial's own seed. */
  readonly seed: number;
  readonly values: V;
  /** Which run of successive halving, and which step of it; 0 in searches that have none. */
  readonly bracket: number;
  readonly rung: number;
  /** What the trial has been trained with in all. */
  readonly budget: number;
  /** How much of that is new: trials go on from where they stood. */
  readonly spent: number;
  /** Null for a trial that failed. */
  readonly score: number | null;
  readonly logs: Readonly<Record<string, number>>;
  /** The scores of the folds that `score` is the mean of. */
  readonly folds: readonly number[];
  /** The score after each unit of this training. */
  readonly curve: readonly number[];
  /** How long it took, in seconds. */
  readonly seconds: number;
  /** Why it failed; null where it did not. */
  readonly error: { readonly name: string; readonly message: string } | null;
}

/** What a search found; see {@link SearchResults}. */
export interface SearchFacts<V> {
  readonly method: string;
  readonly seed: number;
  readonly direction: Direction;
  readonly scoreName: string;
  readonly budgetName: string;
  /** Whether a signal ended the search early. */
  readonly interrupted: boolean;
  /** In the order in which they were planned. */
  readonly evaluations: readonly Evaluation<V>[];
}

/** Better scores first; what failed comes last. Equal ones keep the order of their numbers. */
export function compareEvaluations(direction: Direction): (a: Evaluation<unknown>, b: Evaluation<unknown>) => number {
  const rank = ({ score }: Evaluation<unknown>): number =>
    score === null ? Number.POSITIVE_INFINITY : direction === "min" ? score : -score;
  return (a, b) => (rank(a) === rank(b) ? a.trial - b.trial : rank(a) - rank(b));
}

/** JSON in which NaN and infinities are strings. */
export function stringify(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "number" && !Number.isFinite(inner) ? String(inner) : inner,
  );
}

/** Values by their path: `optimizer.momentum`. */
export function namedValues(value: Json, path = ""): [string, Json][] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [[path || "value", value]];
  return Object.entries(value).flatMap(([name, inner]) =>
    namedValues(inner as Json, path === "" ? name : `${path}.${name}`),
  );
}

/** A number in four digits. */
export const showNumber = (x: number): string => (Number.isInteger(x) ? String(x) : String(Number(x.toPrecision(4))));
