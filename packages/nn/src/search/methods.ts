import { ArgumentError } from "@gradiente/autograd";
import type { Config, Json } from "../config.ts";
import { checkOptionNames } from "../option-checks.ts";
import { compareEvaluations, type Evaluation } from "./evaluation.ts";
import type { Objective } from "./objective.ts";
import type { SearchResults } from "./results.ts";
import {
  type Bracket,
  type BudgetedHalving,
  type GeometricHalving,
  halvingNames,
  hyperbandBrackets,
  type Rung,
  rungsOf,
} from "./schedule.ts";
import { type Candidate, Search, type SearchOptions, searchNames } from "./search.ts";
import { gridSize, pointsOf, type Space, type Values } from "./space.ts";

function checkWhole(op: string, name: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 1) return;
  throw new ArgumentError({ op, message: `${name} is ${value}, expected a whole number from 1` });
}

/** Options of {@link gridSearch}. */
export interface GridSearchOptions<V> extends SearchOptions<V> {
  /** What each trial is trained with (epochs, for models). Default: 1. */
  readonly budget?: number;
}

/**
 * Tries every combination of a space's values; a `float` has the number of values that its `points` says.
 *
 * @param objective what is made as small (or large) as possible, such as {@link trainAndValidate} gives.
 * @returns every trial, the best first; what failed is among them, last.
 * @throws {ArgumentError} for a budget that is not a whole number from 1.
 * @throws {JournalError} for a journal of another search.
 *
 * @example
 * ```ts
 * const found = await gridSearch({ x: choice([-1, 2, 3]) }, ({ x }) => () => (x - 2) ** 2);
 * found.best.values; // ({ x: 2 })
 * ```
 */
export function gridSearch<const S extends Space>(
  space: S,
  objective: Objective<Values<S>>,
  options: GridSearchOptions<Values<S>> = {},
): Promise<SearchResults<Values<S>>> {
  checkOptionNames("gridSearch", options, [...searchNames, "budget"]);
  const { budget = 1 } = options;
  checkWhole("gridSearch", "budget", budget);
  return Search.of("gridSearch", space, objective, options, {
    settings: { budget },
    total: gridSize(space),
    body: async (search) => {
      let trial = 0;
      for (const values of pointsOf(space)) {
        if ((await search.evaluate(search.candidate(trial, values), 0, budget)) === null) return;
        search.release(trial++);
      }
    },
  });
}

/** Options of {@link randomSearch}. */
export interface RandomSearchOptions<V> extends SearchOptions<V> {
  /** How many trials there are; fewer where the space has no more values. A search may go on with more of them. */
  readonly trials: number;
  /** What each trial is trained with (epochs, for models). Default: 1. */
  readonly budget?: number;
}

/**
 * Tries values drawn at random, none of them twice: for the same number of trials a better choice than a grid where only
 * some of the dimensions matter.
 *
 * Source: J. Bergstra and Y. Bengio (2012), "Random search for hyper-parameter optimization".
 *
 * @throws as {@link gridSearch}.
 *
 * @example
 * ```ts
 * const found = await randomSearch({ x: float(0, 4) }, ({ x }) => () => (x - 2) ** 2, { trials: 50, seed: 1 });
 * Math.abs(found.best.values.x - 2) < 0.2; // true
 * ```
 */
export function randomSearch<const S extends Space>(
  space: S,
  objective: Objective<Values<S>>,
  options: RandomSearchOptions<Values<S>>,
): Promise<SearchResults<Values<S>>> {
  checkOptionNames("randomSearch", options, [...searchNames, "trials", "budget"]);
  const { trials, budget = 1 } = options;
  checkWhole("randomSearch", "trials", trials);
  checkWhole("randomSearch", "budget", budget);
  return Search.of("randomSearch", space, objective, options, {
    settings: { budget },
    total: trials,
    body: async (search) => {
      for (const candidate of search.draw(space, 0, trials)) {
        if ((await search.evaluate(candidate, 0, budget)) === null) return;
        search.release(candidate.trial);
      }
    },
  });
}

/** Options of {@link successiveHalving}. */
export type SuccessiveHalvingOptions<V> = SearchOptions<V> & (GeometricHalving | BudgetedHalving);

/**
 * Trains many trials a little, the best of them more, and so on: see {@link halvingRungs} for how many and how much. Those
 * that go on are trained on, not anew.
 *
 * @throws as {@link gridSearch}, and for numbers that make no rung.
 *
 * @example
 * ```ts
 * const objective = ({ x }: { x: number }) => (budget: number) => (x - 2) ** 2 + 1 / budget;
 * const found = await successiveHalving({ x: float(0, 4) }, objective, { trials: 27, maxBudget: 27, seed: 1 });
 * [found.best.budget, found.evaluations.length]; // [27, 40]
 * ```
 */
export function successiveHalving<const S extends Space>(
  space: S,
  objective: Objective<Values<S>>,
  options: SuccessiveHalvingOptions<Values<S>>,
): Promise<SearchResults<Values<S>>> {
  checkOptionNames("successiveHalving", options, [...searchNames, ...halvingNames]);
  const rungs = rungsOf(options);
  return byHalving("successiveHalving", space, objective, options, [{ s: rungs.length - 1, rungs }]);
}

/** Options of {@link hyperband}. */
export interface HyperbandOptions<V> extends SearchOptions<V> {
  /** No trial gets more than this (epochs, for models). */
  readonly maxBudget: number;
  /** One in so many goes on to the next rung, with so many times the budget. Default: 3. */
  readonly eta?: number;
}

/**
 * Successive halving with several answers to the question of how much training tells a good trial from a bad one: from
 * many trials with little to a few with `maxBudget` each; see {@link hyperbandBrackets}.
 *
 * The result is the trial with the best score of those as they stood in the end; the published algorithm also counts
 * better scores that a trial had on the way, which are in `evaluations`.
 *
 * @throws as {@link gridSearch}.
 *
 * @example
 * ```ts
 * const objective = ({ x }: { x: number }) => (budget: number) => (x - 2) ** 2 + 1 / budget;
 * const found = await hyperband({ x: float(0, 4) }, objective, { maxBudget: 9, seed: 1 });
 * [found.trials.length, found.best.budget]; // [17, 9]
 * ```
 */
export function hyperband<const S extends Space>(
  space: S,
  objective: Objective<Values<S>>,
  options: HyperbandOptions<Values<S>>,
): Promise<SearchResults<Values<S>>> {
  checkOptionNames("hyperband", options, [...searchNames, "maxBudget", "eta"]);
  const { maxBudget, eta = 3 } = options;
  return byHalving("hyperband", space, objective, options, hyperbandBrackets({ maxBudget, eta }));
}

function byHalving<V>(
  method: string,
  space: Space,
  objective: Objective<V>,
  options: SearchOptions<V>,
  brackets: readonly Bracket[],
): Promise<SearchResults<V>> {
  const plain = (rung: Rung): Config => ({ trials: rung.trials, budget: rung.budget });
  return Search.of(method, space, objective, options, {
    settings: { brackets: brackets.map(({ rungs }) => rungs.map(plain)) },
    total: brackets.flatMap(({ rungs }) => rungs).reduce((sum, { trials }) => sum + trials, 0),
    body: async (search) => {
      let from = 0;
      for (const [bracket, { rungs }] of brackets.entries()) {
        if (!(await runBracket(search, search.draw(space, from, rungs[0]!.trials, bracket), rungs))) return;
        from += rungs[0]!.trials;
      }
    },
  });
}

/** One run of successive halving. @returns whether it came to its end. */
async function runBracket(search: Search, candidates: readonly Candidate[], rungs: readonly Rung[]): Promise<boolean> {
  let left = candidates;
  for (const [i, { budget }] of rungs.entries()) {
    const scored: { readonly candidate: Candidate; readonly evaluation: Evaluation<Json> }[] = [];
    for (const candidate of left) {
      const evaluation = await search.evaluate(candidate, i, budget);
      if (evaluation === null) return false;
      if (evaluation.score === null) search.release(candidate.trial);
      else scored.push({ candidate, evaluation });
    }
    const compare = compareEvaluations(search.direction);
    scored.sort((a, b) => compare(a.evaluation, b.evaluation));
    const next = rungs[i + 1]?.trials ?? 0;
    for (const { candidate } of scored.slice(next)) search.release(candidate.trial);
    left = scored.slice(0, next).map(({ candidate }) => candidate);
  }
  return true;
}
