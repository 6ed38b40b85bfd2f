import { ArgumentError, asTensor, Generator, type Tensor, type TensorLike, tensor } from "@gradiente/autograd";
import { DataError, showShape } from "./errors.ts";
import { drawSeed } from "./module.ts";
import { checkOptionNames } from "./option-checks.ts";

/** Options of {@link Perceptron}. */
export interface PerceptronOptions {
  /** Keep the best weights met, for data that are not separable. Default: false. */
  readonly pocket?: boolean;
  /** Updates before giving up. Default: 10,000. */
  readonly maxUpdates?: number;
  /** Fixes which misclassified point is picked. Default: drawn from the global generator. */
  readonly seed?: number;
}

/** What {@link Perceptron.fit} found. */
export interface PerceptronResult {
  /** Whether every point is classified rightly. */
  readonly converged: boolean;
  readonly updates: number;
  /** Points misclassified by the final weights. */
  readonly errors: number;
  /** Misclassified points before each update and after the last. */
  readonly history: readonly number[];
  /** In words. */
  readonly message: string;
}

/**
 * The perceptron and its learning algorithm: while some point is misclassified, pick one and set w ← w + y·x.
 * Labels are −1 and +1 (or 0 and 1). The weights begin with the bias, w₀.
 *
 * Source: F. Rosenblatt (1958); the pocket variant is S. Gallant's (1990).
 *
 * @example
 * ```ts
 * const perceptron = new Perceptron({ seed: 1 });
 * perceptron.fit([[0, 0], [0, 1], [1, 0], [1, 1]], [-1, -1, -1, 1]).converged; // true
 * perceptron.predict([[1, 1], [0, 1]]); // [1, -1]
 * ```
 */
export class Perceptron {
  /** w₀ (the bias), w₁, …; empty before `fit`. */
  weights: Float64Array = new Float64Array(0);
  private readonly pocket: boolean;
  private readonly maxUpdates: number;
  private readonly generator: Generator;

  /** @throws {ArgumentError} for updates that cannot be counted. */
  constructor(options: PerceptronOptions = {}) {
    checkOptionNames("Perceptron", options, ["pocket", "maxUpdates", "seed"]);
    const { pocket = false, maxUpdates = 10_000, seed } = options;
    if (!Number.isSafeInteger(maxUpdates) || maxUpdates < 0) {
      throw new ArgumentError({
        op: "Perceptron",
        message: `maxUpdates is ${maxUpdates}, expected a whole number, 0 or more`,
      });
    }
    this.pocket = pocket;
    this.maxUpdates = maxUpdates;
    this.generator = new Generator(seed ?? drawSeed());
  }

  /**
   * Learns from points (samples, features) and their labels, starting from zero weights: each update picks one of the
   * points that are misclassified (those on the boundary are), all as likely. Where the classes can be separated by a
   * margin γ and no point (1, x) is longer than R, there are at most (R/γ)² updates (A. Novikoff, 1962).
   * @param onUpdate is told the weights after every update, for drawing.
   * @throws {DataError} for labels other than −1 and +1 (or 0 and 1), counts that differ, no points, numbers that are not
   * finite.
   */
  fit(x: TensorLike, y: TensorLike, onUpdate?: (weights: Float64Array, update: number) => void): PerceptronResult {
    const { points, count, features } = pointsOf("Perceptron.fit", x);
    const labels = labelsOf(y, count);
    let current = new Float64Array(features + 1);
    let best = current;
    let fewest = Number.POSITIVE_INFINITY;
    const history: number[] = [];
    let updates = 0;
    for (;;) {
      const wrong: number[] = [];
      for (let i = 0; i < count; i++) if (Math.sign(score(current, points, i)) !== labels[i]) wrong.push(i);
      history.push(wrong.length);
      if (wrong.length < fewest) {
        fewest = wrong.length;
        best = current;
      }
      if (wrong.length === 0 || updates === this.maxUpdates) break;
      const i = wrong[Math.floor(this.generator.next() * wrong.length)]!;
      current = current.slice();
      current[0]! += labels[i]!;
      for (let k = 0; k < features; k++) current[k + 1]! += labels[i]! * points[i * features + k]!;
      updates++;
      onUpdate?.(current, updates);
    }
    this.weights = this.pocket ? best : current;
    const errors = this.pocket ? fewest : history.at(-1)!;
    const message =
      errors === 0
        ? `every point is classified rightly after ${updates} updates`
        : `not separated within ${this.maxUpdates} updates (${errors} of ${count} points misclassified): the data may not be linearly separable`;
    return { converged: errors === 0, updates, errors, history, message };
  }

  /** −1 or +1 for every point. @throws {DataError} before `fit`, or for points with other features. */
  predict(x: TensorLike): Tensor {
    const { points, count, features } = pointsOf("Perceptron.predict", x);
    if (features + 1 !== this.weights.length) {
      throw new DataError({
        op: "Perceptron.predict",
        message:
          this.weights.length === 0
            ? "fit has not been called"
            : `points have ${features} features, not ${this.weights.length - 1}`,
      });
    }
    return tensor(Float32Array.from({ length: count }, (_, i) => (score(this.weights, points, i) >= 0 ? 1 : -1)));
  }

  /**
   * The decision boundary of two features, where w₀ + w₁·x₁ + w₂·x₂ = 0: the line x₂ = slope·x₁ + intercept; null when it
   * is vertical.
   * @throws {DataError} before `fit`, or for other than two features.
   */
  boundary(): { readonly slope: number; readonly intercept: number } | null {
    const [w0, w1, w2, ...more] = this.weights;
    if (w0 === undefined || w1 === undefined || w2 === undefined || more.length > 0) {
      const message = w0 === undefined ? "fit has not been called" : "there is a line only for two features";
      throw new DataError({ op: "Perceptron.boundary", message });
    }
    return w2 === 0 ? null : { slope: -w1 / w2, intercept: -w0 / w2 };
  }
}

function score(weights: Float64Array, points: ArrayLike<number>, i: number): number {
  let sum = weights[0]!;
  const features = weights.length - 1;
  for (let k = 0; k < features; k++) sum += weights[k + 1]! * points[i * features + k]!;
  return sum;
}

function pointsOf(op: string, x: TensorLike): { points: ArrayLike<number>; count: number; features: number } {
  const { data, shape } = asTensor(x, undefined);
  if (shape.length !== 2)
    throw new DataError({ op, message: `points have shape ${showShape(shape)}, expected (samples, features)` });
  if (shape[0] === 0) throw new DataError({ op, message: "there are no points" });
  const bad = data.findIndex((v) => !Number.isFinite(v));
  if (bad >= 0) {
    throw new DataError({ op, message: `point ${Math.floor(bad / shape[1]!)} contains ${data[bad]}` });
  }
  return { points: data, count: shape[0]!, features: shape[1]! };
}

function labelsOf(y: TensorLike, count: number): Float64Array {
  const { data } = asTensor(y);
  if (data.length !== count)
    throw new DataError({ op: "Perceptron.fit", message: `${count} points, but ${data.length} labels` });
  const zeroOne = data.some((v) => v === 0);
  return Float64Array.from(data, (v, i) => {
    if (v === 1) return 1;
    if (v === (zeroOne ? 0 : -1)) return -1;
    throw new DataError({
      op: "Perceptron.fit",
      message: `label ${v} of point ${i} is neither −1 nor +1 (nor all of them 0 or 1)`,
    });
  });
}
