import type { Json } from "../config.ts";
import { SearchError } from "../errors.ts";
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

/** What a search found: every trial, the best first. */
export class SearchResults<V> implements SearchFacts<V> {
  readonly method: string;
  readonly seed: number;
  readonly direction: Direction;
  readonly scoreName: string;
  readonly budgetName: string;
  readonly interrupted: boolean;
  readonly evaluations: readonly Evaluation<V>[];
  /** The last evaluation of each trial, the best first; failed ones at the end. */
  readonly trials: readonly Evaluation<V>[];

  constructor(facts: SearchFacts<V>) {
    this.method = facts.method;
    this.seed = facts.seed;
    this.direction = facts.direction;
    this.scoreName = facts.scoreName;
    this.budgetName = facts.budgetName;
    this.interrupted = facts.interrupted;
    this.evaluations = facts.evaluations;
    const last = new Map(facts.evaluations.map((e) => [e.trial, e]));
    this.trials = [...last.values()].sort(compareEvaluations(facts.direction));
  }

  /**
   * The trial with the best score. Its `values`, `seed` and `trial` are what the objective was given.
   * @throws {SearchError} when there is none, naming what went wrong first.
   */
  get best(): Evaluation<V> & { readonly score: number } {
    const [first] = this.trials;
    if (first !== undefined && first.score !== null) return first as Evaluation<V> & { readonly score: number };
    throw new SearchError({
      op: this.method,
      message:
        first === undefined
          ? "no trial was finished"
          : `all ${this.trials.length} trials failed: ${first.error?.message}`,
    });
  }

  /** What was spent on all trials together. */
  get totalBudget(): number {
    return this.evaluations.reduce((sum, { spent }) => sum + spent, 0);
  }

  /**
   * The trials in columns, the best first.
   * @param options.rows how many at most. Default: 10.
   */
  table({ rows = 10 }: { readonly rows?: number } = {}): string {
    const shown = this.trials.slice(0, rows);
    const cells = shown.map(({ values }) => new Map(flat(values as Json, "")));
    const names = [...new Set(cells.flatMap((c) => [...c.keys()]))];
    const head = ["", "trial", this.budgetName, this.scoreName, ...names];
    const lines = shown.map((e, i) => [
      String(i + 1),
      String(e.trial),
      String(e.budget),
      e.score === null ? "failed" : show(e.score),
      ...names.map((name) => cells[i]!.get(name) ?? ""),
    ]);
    const widths = head.map((title, k) => Math.max(title.length, ...lines.map((line) => line[k]!.length)));
    const table = [head, ...lines].map((line) => line.map((cell, k) => cell.padStart(widths[k]!)).join("  "));
    const more = this.trials.length - shown.length;
    const failed = shown.flatMap((e) => (e.error === null ? [] : [`trial ${e.trial}: ${e.error.message}`]));
    return [...table, ...(more > 0 ? [`and ${more} more`] : []), ...failed].join("\n");
  }

  /** Everything as JSON; numbers that JSON does not have (NaN, infinities in `logs` and `curve`) become strings. */
  toJSON(): Json {
    const { method, seed, direction, scoreName, budgetName, interrupted, totalBudget, trials, evaluations } = this;
    const best = trials[0]?.score === null ? null : (trials[0]?.trial ?? null);
    const all = { method, seed, direction, scoreName, budgetName, interrupted, totalBudget, best, evaluations };
    return JSON.parse(stringify(all)) as Json;
  }
}

/** JSON in which NaN and infinities are strings. */
export function stringify(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "number" && !Number.isFinite(inner) ? String(inner) : inner,
  );
}

/** Values by their path: `optimizer.momentum`. */
function flat(value: Json, path: string): [string, string][] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return [[path || "value", typeof value === "number" ? show(value) : String(value)]];
  }
  return Object.entries(value).flatMap(([name, inner]) => flat(inner as Json, path === "" ? name : `${path}.${name}`));
}

const show = (x: number): string => (Number.isInteger(x) ? String(x) : String(Number(x.toPrecision(4))));
