import { ArgumentError, gradients as gradientsOf, noGrad, type Parameter, type Tensor } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import type { Weight } from "../module.ts";
import { checkOptionsOf } from "../option-checks.ts";
import type { Schedule } from "../schedules/schedule.ts";
import { Fields, misfit, type State } from "../state.ts";
import { type LinePoint, strongWolfe } from "./line-search.ts";
import { type Evaluation, Optimizer } from "./optimizer.ts";

/** Options of {@link LBFGS}. */
export interface LBFGSOptions {
  /** The first trial along each direction. Default: 1, the quasi-Newton step. */
  readonly learningRate?: number | Schedule;
  readonly name?: string;
  /** Most iterations of `minimize`, and of each step of training. Default: 20 in training, 1000 in `minimize`. */
  readonly maxIterations?: number | null;
  /** Most evaluations of the loss along one direction. Default: 25. */
  readonly maxLineSearch?: number;
  /** How many changes of weights and gradients the curvature is estimated from. Default: 10. */
  readonly historySize?: number;
  /** Ends when no element of the gradient is larger. Default: 1e-7. */
  readonly toleranceGradient?: number;
  /** Ends when neither loss nor any weight changes by more. Default: 1e-9. */
  readonly toleranceChange?: number;
}

/** Why a minimisation ended. */
export type MinimizeReason = "gradient" | "change" | "iterations" | "not finite";

/** What {@link LBFGS.minimize} found. */
export interface MinimizeResult {
  readonly loss: number;
  readonly iterations: number;
  /** How often loss and gradients were computed. */
  readonly evaluations: number;
  /** The gradient vanished, nothing changed any more, the iterations ran out, or the loss was not a number. */
  readonly reason: MinimizeReason;
}

/** A change of weights and the change of gradients that went with it. */
interface Pair {
  readonly s: Float64Array;
  readonly y: Float64Array;
  /** 1 / (y·s). */
  readonly rho: number;
}

interface Point extends LinePoint {
  readonly gradient: Float64Array;
}

/**
 * Limited-memory BFGS with a line search, for small problems with exact gradients: it takes tens of evaluations where
 * gradient descent takes thousands. Its memory is `historySize` times two vectors as long as all weights.
 *
 * In `fit`, each step is up to `maxIterations` iterations on one batch: let the batch be all of the data. Dropout and
 * other noise stay the same within a step.
 *
 * Source: the two-loop recursion (algorithm 7.4) and strong Wolfe line search (3.5) of Nocedal and Wright, Numerical
 * Optimization, second edition (2006).
 *
 * @example
 * ```ts
 * const [x, y] = [parameter(-1.2, { dtype: "float64" }), parameter(1, { dtype: "float64" })];
 * const rosenbrock = () => y.sub(x.square()).square().mul(100).add(x.neg().add(1).square());
 * const { reason } = new LBFGS().minimize(rosenbrock, [x, y]);
 * reason; // "gradient"
 * [x.item(), y.item()]; // [1, 1]
 * ```
 */
export class LBFGS extends Optimizer {
  /** @internal */
  static override readonly optionNames: readonly string[] = [
    ...["name", "learningRate", "maxIterations", "maxLineSearch", "historySize"],
    ...["toleranceGradient", "toleranceChange"],
  ];
  readonly className = "LBFGS";
  private readonly limits: Required<Omit<LBFGSOptions, "learningRate" | "name" | "maxIterations">>;
  private readonly maxIterations: number | null;
  private pairs: Pair[] = [];

  /** @throws {ArgumentError} for numbers out of range. */
  constructor(options: LBFGSOptions = {}) {
    checkOptionsOf(LBFGS, new.target, options);
    const { learningRate, name, maxIterations = null, ...limits } = options;
    super("lbfgs", 1, {
      ...(learningRate === undefined ? {} : { learningRate }),
      ...(name === undefined ? {} : { name }),
    });
    this.maxIterations = maxIterations;
    this.limits = { maxLineSearch: 25, historySize: 10, toleranceGradient: 1e-7, toleranceChange: 1e-9, ...limits };
    const { maxLineSearch, historySize } = this.limits;
    for (const [option, value] of Object.entries({ maxIterations: maxIterations ?? 1, maxLineSearch, historySize })) {
      if (Number.isInteger(value) && value > 0) continue;
      throw new ArgumentError({ op: "LBFGS", message: `${option} is ${value}, expected a positive whole number` });
    }
  }

  /**
   * Changes parameters until a function of them is smallest, or a limit is met.
   * @param loss the function, a scalar; called again and again.
   * @returns what was found; the parameters hold the best point.
   */
  minimize(loss: () => Tensor, parameters: readonly Parameter[]): MinimizeResult {
    this.pairs = [];
    const evaluate = (): Evaluation => {
      const value = loss();
      return { loss: value.item(), gradients: gradientsOf(value, parameters) };
    };
    const result = this.descend(evaluate(), parameters, evaluate, this.maxIterations ?? 1000);
    return { ...result, evaluations: result.evaluations + 1 };
  }

  override step(at: Evaluation, weights: readonly Weight[], evaluate: () => Evaluation): void {
    const constrained = weights.find((w) => w.constraint !== null);
    if (constrained !== undefined) {
      throw new ArgumentError({
        op: "LBFGS",
        message: `the weight "${constrained.name}" has a constraint, which a line search cannot keep`,
        hint: "use a regularizer, or another optimizer",
      });
    }
    this.descend(
      at,
      weights.map((w) => w.value),
      evaluate,
      this.maxIterations ?? 20,
    );
    this.steps++;
  }

  /** Not possible: one gradient does not say how far to go. */
  protected update(): never {
    throw new ArgumentError({
      op: "LBFGS",
      message: "LBFGS needs the loss at several points, not one gradient",
      hint: "call fit or minimize",
    });
  }

  private descend(
    at: Evaluation,
    parameters: readonly Parameter[],
    evaluate: () => Evaluation,
    maxIterations: number,
  ): MinimizeResult {
    const { maxLineSearch, historySize, toleranceGradient, toleranceChange } = this.limits;
    let evaluations = 0;
    let weights = flattened(parameters);
    let current: Point = { step: 0, loss: at.loss, slope: 0, gradient: flattened(at.gradients) };
    const end = (reason: MinimizeReason, iterations: number): MinimizeResult => ({
      loss: current.loss,
      iterations,
      evaluations,
      reason,
    });
    for (let iteration = 0; iteration < maxIterations; iteration++) {
      const { gradient } = current;
      if (!Number.isFinite(current.loss)) return end("not finite", iteration);
      if (largest(gradient) <= toleranceGradient) return end("gradient", iteration);
      let direction = this.directionFor(gradient);
      if (!(dot(direction, gradient) < 0)) {
        this.pairs = [];
        direction = gradient.map((g) => -g);
      }
      const from = weights;
      const along = (step: number): Point => {
        const moved = from.map((w, i) => w + step * direction[i]!);
        write(parameters, moved);
        evaluations++;
        const { loss, gradients } = evaluate();
        const slopes = flattened(gradients);
        return { step, loss, slope: dot(slopes, direction), gradient: slopes };
      };
      const start: Point = { ...current, step: 0, slope: dot(gradient, direction) };
      // Without any knowledge of the curvature the first step is a small one.
      const known = this.pairs.length > 0 ? 1 : Math.min(1, 1 / gradient.reduce((sum, g) => sum + Math.abs(g), 0));
      const reached = strongWolfe(along, start, known * this.learningRate, {
        sufficientDecrease: 1e-4,
        curvature: 0.9,
        maxEvaluations: maxLineSearch,
        tolerance: toleranceChange / Math.max(largest(direction), Number.MIN_VALUE),
      });
      write(
        parameters,
        from.map((w, i) => w + reached.step * direction[i]!),
      );
      weights = flattened(parameters); // as rounded
      const change = weights.map((w, i) => w - from[i]!);
      const difference = reached.gradient.map((g, i) => g - gradient[i]!);
      const product = dot(difference, change);
      if (product > Number.EPSILON * dot(difference, difference)) {
        this.pairs.push({ s: change, y: difference, rho: 1 / product });
        if (this.pairs.length > historySize) this.pairs.shift();
      }
      const decrease = Math.abs(current.loss - reached.loss);
      const still = reached.step === 0 || (largest(change) <= toleranceChange && decrease <= toleranceChange);
      current = reached;
      if (largest(current.gradient) <= toleranceGradient) return end("gradient", iteration + 1);
      if (still) return end("change", iteration + 1);
    }
    return end("iterations", maxIterations);
  }

  /** −H·gradient, where H is the inverse curvature that the pairs describe. */
  private directionFor(gradient: Float64Array): Float64Array {
    const pairs = this.pairs.filter((p) => p.s.length === gradient.length);
    const direction = gradient.map((g) => -g);
    const factors = pairs.map(() => 0);
    for (let k = pairs.length - 1; k >= 0; k--) {
      const { s, y, rho } = pairs[k]!;
      factors[k] = rho * dot(s, direction);
      addScaled(direction, y, -factors[k]!);
    }
    const last = pairs.at(-1);
    if (last !== undefined) {
      const scale = 1 / (last.rho * dot(last.y, last.y));
      for (let i = 0; i < direction.length; i++) direction[i]! *= scale;
    }
    pairs.forEach(({ s, y, rho }, k) => void addScaled(direction, s, factors[k]! - rho * dot(y, direction)));
    return direction;
  }

  override state(parameters: readonly Parameter[]): State {
    const pairs = this.pairs.map(({ s, y }) => ({ s, y }));
    return { base: super.state(parameters), pairs };
  }

  override restoreState(parameters: readonly Parameter[], state: State): void {
    const saved = new Fields("LBFGS", state);
    super.restoreState(parameters, saved.get("base"));
    this.pairs = saved.list("pairs").map((pair) => {
      const [s, y] = ["s", "y"].map((name) => new Fields("LBFGS", pair).get(name));
      if (!(s instanceof Float64Array && y instanceof Float64Array)) throw misfit("the pairs of LBFGS are not arrays");
      return { s, y, rho: 1 / dot(s, y) };
    });
  }

  override getConfig(): Config {
    const { maxLineSearch, historySize, toleranceGradient, toleranceChange } = this.limits;
    const { name, learning_rate = 1 } = super.getConfig();
    return {
      name: name!,
      learning_rate,
      max_iterations: this.maxIterations,
      max_line_search: maxLineSearch,
      history_size: historySize,
      tolerance_gradient: toleranceGradient,
      tolerance_change: toleranceChange,
    };
  }
}

/** All elements in one array. Sums over them are in float64, whatever the weights are. */
function flattened(tensors: readonly Tensor[]): Float64Array {
  const flat = new Float64Array(tensors.reduce((sum, t) => sum + t.size, 0));
  let at = 0;
  for (const t of tensors) {
    flat.set(t.data, at);
    at += t.size;
  }
  return flat;
}

function write(parameters: readonly Parameter[], values: Float64Array): void {
  let at = 0;
  noGrad(() => {
    for (const p of parameters) {
      p.write(values.subarray(at, at + p.size));
      at += p.size;
    }
  });
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function addScaled(target: Float64Array, values: Float64Array, scale: number): void {
  for (let i = 0; i < target.length; i++) target[i]! += scale * values[i]!;
}

function largest(values: Float64Array): number {
  let most = 0;
  for (const v of values) most = Math.max(most, Math.abs(v));
  return most;
}
