import type { Json } from "../config.ts";
import { SearchError } from "../errors.ts";
import {
  compareEvaluations,
  type Evaluation,
  namedValues,
  type SearchFacts,
  showNumber,
  stringify,
} from "./evaluation.ts";
import type { Direction } from "./objective.ts";
import { drawResults } from "./plot.ts";

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
    const cells = shown.map(({ values }) => new Map(namedValues(values as Json)));
    const names = [...new Set(cells.flatMap((c) => [...c.keys()]))];
    const head = ["", "trial", this.budgetName, this.scoreName, ...names];
    const lines = shown.map((e, i) => [
      String(i + 1),
      String(e.trial),
      String(e.budget),
      e.score === null ? "failed" : showNumber(e.score),
      ...names.map((name) => (cells[i]!.has(name) ? show(cells[i]!.get(name)!) : "")),
    ]);
    const widths = head.map((title, k) => Math.max(title.length, ...lines.map((line) => line[k]!.length)));
    const table = [head, ...lines].map((line) => line.map((cell, k) => cell.padStart(widths[k]!)).join("  "));
    const more = this.trials.length - shown.length;
    const failed = shown.flatMap((e) => (e.error === null ? [] : [`trial ${e.trial}: ${e.error.message}`]));
    return [...table, ...(more > 0 ? [`and ${more} more`] : []), ...failed].join("\n");
  }

  /**
   * A picture, as an SVG document that needs nothing else: the best score by what had been spent, and the trials' scores by
   * each of their values. Darker ones were trained longer; scores much worse than most lie, hollow, at the edge.
   */
  toSVG(): string {
    return drawResults(this, this.trials);
  }

  /** Everything as JSON; numbers that JSON does not have (NaN, infinities in `logs` and `curve`) become strings. */
  toJSON(): Json {
    const { method, seed, direction, scoreName, budgetName, interrupted, totalBudget, trials, evaluations } = this;
    const best = trials[0]?.score === null ? null : (trials[0]?.trial ?? null);
    const all = { method, seed, direction, scoreName, budgetName, interrupted, totalBudget, best, evaluations };
    return JSON.parse(stringify(all)) as Json;
  }
}

const show = (value: Json): string => (typeof value === "number" ? showNumber(value) : String(value));
