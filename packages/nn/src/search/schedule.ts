import { ArgumentError } from "@gradiente/autograd";
import { checkOptionNames } from "../option-checks.ts";

/** A step of successive halving: so many trials are trained until each has had this budget in all. */
export interface Rung {
  readonly trials: number;
  readonly budget: number;
}

/** Rungs by the size of the first and a growing budget. */
export interface GeometricHalving {
  /** Trials to begin with. */
  readonly trials: number;
  /** Budget of each trial in the first rung. Default: 1. */
  readonly minBudget?: number;
  /** No trial gets more than this. */
  readonly maxBudget: number;
  /** One in so many goes on to the next rung, with so many times the budget. Default: 3. */
  readonly eta?: number;
}

/** Rungs by what may be spent in all, in equal parts. */
export interface BudgetedHalving {
  /** Trials to begin with. */
  readonly trials: number;
  /** No more than this is spent on all trials together. */
  readonly totalBudget: number;
  /** One in so many goes on to the next rung. Default: 2. */
  readonly eta?: number;
}

/** Options of {@link halvingRungs}. */
export const halvingNames: readonly string[] = ["trials", "minBudget", "maxBudget", "totalBudget", "eta"];

function whole(op: string, name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new ArgumentError({ op, message: `${name} is ${value}, expected a whole number from ${least}` });
}

function ratio(op: string, eta: number): void {
  if (Number.isFinite(eta) && eta >= 2) return;
  throw new ArgumentError({ op, message: `eta is ${eta}, expected a number from 2` });
}

/** ⌊value⌋, not fooled by 2.9999999999999996. */
const floor = (value: number): number => Math.floor(value + 1e-9);
const ceil = (value: number): number => Math.ceil(value - 1e-9);

/**
 * The rungs of successive halving. With `maxBudget` (the inner loop of Hyperband), rung i has ⌊n·η⁻ⁱ⌋ trials that have
 * had r·ηⁱ each (rounded), until the budget would exceed `maxBudget` or no trial is left. With `totalBudget` B, as first
 * published, each of the ⌈log_η n⌉ rungs may spend its equal part of B on the ⌈|Sₖ|/η⌉ best of the one before:
 * ⌊B / (|Sₖ|·⌈log_η n⌉)⌋ more for each trial.
 *
 * Sources: K. Jamieson and A. Talwalkar (2016), "Non-stochastic best arm identification and hyperparameter
 * optimization"; L. Li et al. (2018), "Hyperband", algorithm 1.
 *
 * @throws {ArgumentError} for numbers that make no rung.
 *
 * @example
 * ```ts
 * halvingRungs({ trials: 9, maxBudget: 9 }).map((r) => [r.trials, r.budget]); // [[9, 1], [3, 3], [1, 9]]
 * halvingRungs({ trials: 4, totalBudget: 16 }).map((r) => [r.trials, r.budget]); // [[4, 2], [2, 6]]
 * ```
 */
export function halvingRungs(options: GeometricHalving | BudgetedHalving): Rung[] {
  checkOptionNames("halvingRungs", options, halvingNames);
  return rungsOf(options);
}

/** {@link halvingRungs} of options among which there may be others. */
export function rungsOf(options: GeometricHalving | BudgetedHalving): Rung[] {
  const op = "halvingRungs";
  const { trials } = options;
  whole(op, "trials", trials, 1);
  if ("totalBudget" in options) {
    const { totalBudget, eta = 2 } = options;
    whole(op, "totalBudget", totalBudget, 1);
    ratio(op, eta);
    const rungs: Rung[] = [];
    let count = 1;
    for (let left = trials; left > eta + 1e-9; left /= eta) count++;
    let left = trials;
    let budget = 0;
    for (let k = 0; k < count; k++) {
      budget += Math.floor(totalBudget / (left * count));
      rungs.push({ trials: left, budget });
      left = ceil(left / eta);
    }
    if (rungs[0]!.budget === 0) {
      throw new ArgumentError({
        op,
        message: `totalBudget is ${totalBudget}, of which nothing is left for each of ${trials} trials in ${count} rungs`,
        hint: `it must be at least ${trials * count}`,
      });
    }
    return rungs;
  }
  const { minBudget = 1, maxBudget, eta = 3 } = options;
  whole(op, "minBudget", minBudget, 1);
  whole(op, "maxBudget", maxBudget, minBudget);
  ratio(op, eta);
  const rungs: Rung[] = [];
  for (let i = 0; ; i++) {
    const rung = { trials: floor(trials / eta ** i), budget: Math.round(minBudget * eta ** i) };
    if (rung.trials < 1 || rung.budget > maxBudget) return rungs;
    rungs.push(rung);
  }
}

/** One run of successive halving within Hyperband. */
export interface Bracket {
  /** How many times the number of trials is cut down. */
  readonly s: number;
  readonly rungs: readonly Rung[];
}

/**
 * The brackets of Hyperband, from the one that tries most to the one that trains all its trials to the end. With R the
 * largest budget, s from ⌊log_η R⌋ down to 0 and B = (s_max + 1)·R, a bracket begins with n = ⌈(B/R)·ηˢ/(s + 1)⌉ trials of
 * r = R·η⁻ˢ, and rung i has ⌊n·η⁻ⁱ⌋ trials of r·ηⁱ (rounded to whole numbers).
 *
 * Source: L. Li, K. Jamieson, G. DeSalvo, A. Rostamizadeh and A. Talwalkar (2018), "Hyperband: a novel bandit-based
 * approach to hyperparameter optimization", JMLR 18, algorithm 1.
 *
 * @throws {ArgumentError} for a budget that is not a whole number from 1, or an eta below 2.
 *
 * @example
 * ```ts
 * hyperbandBrackets({ maxBudget: 9 }).map((b) => b.rungs[0].trials); // [9, 5, 3]
 * ```
 */
export function hyperbandBrackets(options: { readonly maxBudget: number; readonly eta?: number }): Bracket[] {
  checkOptionNames("hyperbandBrackets", options, ["maxBudget", "eta"]);
  const { maxBudget, eta = 3 } = options;
  whole("hyperbandBrackets", "maxBudget", maxBudget, 1);
  ratio("hyperbandBrackets", eta);
  let most = 0;
  while (eta ** (most + 1) <= maxBudget * (1 + 1e-12)) most++;
  return Array.from({ length: most + 1 }, (_, i) => {
    const s = most - i;
    const trials = ceil(((most + 1) * eta ** s) / (s + 1));
    const rungs = Array.from({ length: s + 1 }, (_, k) => ({
      trials: floor(trials / eta ** k),
      budget: Math.max(1, Math.round(maxBudget * eta ** (k - s))),
    }));
    return { s, rungs };
  });
}
