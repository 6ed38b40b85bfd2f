import { ArgumentError, defaultGenerator, Generator, type GeneratorState } from "@gradiente/autograd";
import type { Config, Json } from "../config.ts";
import { JournalError, SearchError } from "../errors.ts";
import { drawSeed } from "../module.ts";
import type { Signal } from "../training/signal.ts";
import { compareEvaluations, type Evaluation } from "./evaluation.ts";
import type { Journal } from "./journal.ts";
import type { Direction, Objective, Outcome, TrialRun } from "./objective.ts";
import { SearchResults } from "./results.ts";
import { describeSpace, drawFrom, type Space } from "./space.ts";

/** How far a search has come. */
export interface SearchProgress<V> {
  /** Evaluations made, those of a journal included. */
  readonly done: number;
  /** Evaluations there will be at most. */
  readonly total: number;
  /** The best evaluation so far; null while there is none. */
  readonly best: Evaluation<V> | null;
}

/** Options that every search has. */
export interface SearchOptions<V> {
  /** Fixes every trial, whatever the order they are run in. Default: the journal's, or drawn from the global generator. */
  readonly seed?: number;
  /** Whether small scores are better or large ones. Default: what the objective says, else "min". */
  readonly direction?: Direction;
  /**
   * Path of a file that keeps every evaluation. A search that finds its file there goes on where it ended: what is in it
   * is not done again, except that trials which survive are first trained again up to where they stood.
   */
  readonly journal?: string;
  /** Ends the search; what is finished is returned. */
  readonly signal?: Signal;
  /** Told of every evaluation that is made. */
  readonly onEvaluation?: (evaluation: Evaluation<V>, progress: SearchProgress<V>) => void | Promise<void>;
}

export const searchNames: readonly (keyof SearchOptions<unknown>)[] = [
  ...(["seed", "direction", "journal", "signal", "onEvaluation"] as const),
];

/** A trial that is to be run. */
export interface Candidate {
  readonly trial: number;
  readonly seed: number;
  readonly values: Json;
  readonly bracket: number;
}

/** A trial under way: what trains it on, and where its random numbers stand. */
interface LiveTrial {
  readonly run: TrialRun;
  random: GeneratorState;
}

/** Generators for configurations and for seeds, so that neither depends on how many of the other were drawn. */
const CONFIGURATIONS = 0;
const SEEDS = 1;

/** A generator that follows from the seed, the purpose and a number alone. */
function generatorOf(seed: number, purpose: number, index: number): Generator {
  const root = new Generator(seed);
  root.restore({ ...root.state, counter: purpose });
  const branch = root.split();
  branch.restore({ ...branch.state, counter: index });
  return branch.split();
}

/** Makes evaluations, or takes them from the journal. */
export class Search {
  readonly seed: number;
  readonly direction: Direction;
  readonly evaluations: Evaluation<Json>[] = [];
  private readonly method: string;
  private readonly objective: Objective<Json>;
  private readonly options: SearchOptions<Json>;
  private readonly total: number;
  private readonly journal: Journal | null;
  private readonly recorded: ReadonlyMap<string, Evaluation<Json>>;
  private readonly live = new Map<number, LiveTrial>();
  /** Budgets that each trial has been evaluated with. */
  private readonly budgets = new Map<number, number[]>();
  private best: Evaluation<Json> | null = null;
  private readonly signal: Signal;

  private constructor(parts: {
    method: string;
    objective: Objective<Json>;
    options: SearchOptions<Json>;
    total: number;
    seed: number;
    journal: Journal | null;
  }) {
    const { method, objective, options, total, seed, journal } = parts;
    this.method = method;
    this.objective = objective;
    this.options = options;
    this.total = total;
    this.seed = seed;
    this.journal = journal;
    this.direction = options.direction ?? objective.direction ?? "min";
    this.signal = options.signal ?? new AbortController().signal;
    this.recorded = new Map((journal?.entries ?? []).map((e) => [`${e.trial} ${e.budget}`, e]));
  }

  /** Carries out a search whose plan is `body`. */
  static async of<V>(
    method: string,
    space: Space,
    objective: Objective<V>,
    options: SearchOptions<V>,
    plan: { readonly settings: Config; readonly total: number; readonly body: (search: Search) => Promise<void> },
  ): Promise<SearchResults<V>> {
    const { journal: path } = options;
    const { direction = objective.direction ?? "min" } = options;
    if (direction !== "min" && direction !== "max") {
      throw new ArgumentError({
        op: method,
        message: `direction is ${JSON.stringify(direction)}, expected "min" or "max"`,
      });
    }
    if (options.seed !== undefined && !Number.isSafeInteger(options.seed)) {
      throw new ArgumentError({ op: method, message: `seed is ${options.seed}, expected a whole number` });
    }
    // What reads and writes files is loaded only when it is needed.
    const file = path === undefined ? null : { path, journals: (await import("./journal.ts")).Journal };
    const seed = options.seed ?? (await file?.journals.seedOf(file.path)) ?? drawSeed();
    const header = {
      method,
      seed,
      direction,
      space: describeSpace(space),
      settings: plan.settings,
      objective: objective.settings ?? {},
    };
    const journal = (await file?.journals.open(file.path, header)) ?? null;
    const search = new Search({
      method,
      objective: objective as Objective<Json>,
      options: options as SearchOptions<Json>,
      total: plan.total,
      seed,
      journal,
    });
    try {
      await plan.body(search);
    } finally {
      await journal?.close();
    }
    return new SearchResults<V>({
      method,
      seed,
      direction,
      scoreName: objective.scoreName ?? "score",
      budgetName: objective.budgetName ?? "budget",
      interrupted: search.signal.aborted,
      evaluations: search.evaluations as Evaluation<V>[],
    });
  }

  /** A candidate with values that are given. */
  candidate(trial: number, values: Json, bracket = 0): Candidate {
    const seed = Math.floor(generatorOf(this.seed, SEEDS, trial).next() * 2 ** 31);
    return { trial, seed, values, bracket };
  }

  /**
   * Candidates drawn from a space, none of them twice: fewer than asked for where the space has no more.
   * @param from number of the first trial.
   */
  draw(space: Space, from: number, count: number, bracket = 0): Candidate[] {
    const seen = new Set<string>();
    const drawn: Candidate[] = [];
    const random = generatorOf(this.seed, CONFIGURATIONS, bracket);
    for (let misses = 0; drawn.length < count && misses < 1000; ) {
      const values = drawFrom(space, () => random.next());
      const text = JSON.stringify(values);
      misses = seen.has(text) ? misses + 1 : 0;
      if (misses > 0) continue;
      seen.add(text);
      drawn.push(this.candidate(from + drawn.length, values, bracket));
    }
    return drawn;
  }

  /** Trains a trial until it has had `budget`; null when the search was ended. */
  async evaluate(candidate: Candidate, rung: number, budget: number): Promise<Evaluation<Json> | null> {
    if (this.signal.aborted) return null;
    const { trial, seed, values, bracket } = candidate;
    const before = this.budgets.get(trial) ?? [];
    const spent = budget - (before.at(-1) ?? 0);
    const place = { trial, seed, values, bracket, rung, budget, spent };
    const known = this.recorded.get(`${trial} ${budget}`);
    if (known !== undefined) {
      this.checkRecorded(known, place);
      const { score, logs, folds, curve, error, seconds } = known;
      return this.keep({ ...place, score, logs, folds, curve, error, seconds }, before);
    }
    const start = performance.now();
    let result: Pick<Evaluation<Json>, "score" | "logs" | "folds" | "curve" | "error">;
    try {
      const live = this.live.get(trial) ?? (await this.start(candidate, before));
      const { score, logs = {}, folds = [], curve = [] } = await this.advance(live, budget);
      if (!Number.isFinite(score) && !this.signal.aborted) {
        throw new SearchError({ op: this.method, message: `the score is ${score}, not a finite number` });
      }
      result = { score, logs, folds, curve, error: null };
    } catch (cause) {
      const error =
        cause instanceof Error
          ? { name: cause.name, message: cause.message }
          : { name: "Error", message: String(cause) };
      result = { score: null, logs: {}, folds: [], curve: [], error };
    }
    if (this.signal.aborted) return null;
    const seconds = (performance.now() - start) / 1000;
    const evaluation = this.keep({ ...place, ...result, seconds }, before);
    await this.journal?.add(evaluation);
    const { best, total } = this;
    await this.options.onEvaluation?.(evaluation, { done: this.evaluations.length, total, best });
    return evaluation;
  }

  private keep(evaluation: Evaluation<Json>, before: readonly number[]): Evaluation<Json> {
    this.evaluations.push(evaluation);
    this.budgets.set(evaluation.trial, [...before, evaluation.budget]);
    const better = this.best === null || compareEvaluations(this.direction)(evaluation, this.best) < 0;
    if (better && evaluation.score !== null) this.best = evaluation;
    return evaluation;
  }

  /** Lets go of what a trial has learned. */
  release(trial: number): void {
    this.live.delete(trial);
  }

  /** Starts a trial, and trains it again by the steps that a journal says it has had. */
  private async start({ trial, seed, values }: Candidate, budgets: readonly number[]): Promise<LiveTrial> {
    const own = new Generator(seed);
    const [run, random] = await withRandom(own.state, async () =>
      this.objective(values, { trial, seed, searchSeed: this.seed }),
    );
    const live: LiveTrial = { run, random };
    this.live.set(trial, live);
    for (const budget of budgets) if (!this.signal.aborted) await this.advance(live, budget);
    return live;
  }

  private async advance(live: LiveTrial, budget: number): Promise<Outcome> {
    const [outcome, random] = await withRandom(live.random, async () => live.run(budget, this.signal));
    live.random = random;
    return typeof outcome === "number" ? { score: outcome } : outcome;
  }

  private checkRecorded(known: Evaluation<Json>, place: Pick<Evaluation<Json>, "seed" | "values">): void {
    for (const field of ["seed", "values"] as const) {
      if (isClose(known[field], place[field])) continue;
      throw new JournalError({
        path: this.options.journal!,
        field: `${field} of trial ${known.trial}`,
        expected: JSON.stringify(place[field]),
        found: JSON.stringify(known[field]),
      });
    }
  }
}

/** Runs `body` with the global generator in the given state. @returns the result, and the state afterwards. */
async function withRandom<T>(state: GeneratorState, body: () => Promise<T>): Promise<[T, GeneratorState]> {
  const outside = defaultGenerator.state;
  defaultGenerator.restore(state);
  try {
    const result = await body();
    return [result, defaultGenerator.state];
  } finally {
    defaultGenerator.restore(outside);
  }
}

/** Equality up to the last digits, in which engines' logarithms may differ. */
function isClose(a: Json | undefined, b: Json | undefined): boolean {
  if (typeof a === "number" && typeof b === "number") return Math.abs(a - b) <= 1e-12 * Math.abs(b);
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  const [left, right] = [Object.entries(a), Object.entries(b)];
  return (
    left.length === right.length && left.every(([name, x], i) => name === right[i]![0] && isClose(x, right[i]![1]))
  );
}
