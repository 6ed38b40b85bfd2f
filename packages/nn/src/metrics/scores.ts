import type { Tensor } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { unknownName } from "../errors.ts";
import { meanSquaredError } from "../losses/functions.ts";
import { fittedWeight, sameRank } from "../losses/loss.ts";
import { checkOptionsOf } from "../option-checks.ts";
import { MeanMetric, Metric } from "./metric.ts";

/** The root of the mean squared error. */
export class RootMeanSquaredError extends MeanMetric {
  /** @internal */
  static readonly optionNames: readonly string[] = ["name"];
  constructor(options: { readonly name?: string } = {}) {
    checkOptionsOf(RootMeanSquaredError, new.target, options);
    super(options.name ?? "root_mean_squared_error", meanSquaredError, "RootMeanSquaredError");
  }
  override result(): number {
    return Math.sqrt(super.result());
  }
}

const aggregations = ["uniform_average", "variance_weighted_average"] as const;

/** Options of {@link R2Score}. */
export interface R2Options {
  readonly name?: string;
  /** Over outputs: equally, or by their variances. Default: "uniform_average". */
  readonly classAggregation?: (typeof aggregations)[number];
  /** The number of inputs, for the adjusted score. Default: 0, not adjusted. */
  readonly numRegressors?: number;
}

/** The coefficient of determination, averaged over outputs. */
export class R2Score extends Metric {
  /** @internal */
  static readonly optionNames: readonly string[] = ["name", "classAggregation", "numRegressors"];
  readonly className = "R2Score";
  private readonly options: R2Options;
  private sums: {
    samples: number;
    count: Float64Array;
    t: Float64Array;
    squares: Float64Array;
    errors: Float64Array;
  } | null = null;
  constructor(options: R2Options = {}) {
    checkOptionsOf(R2Score, new.target, options);
    super(options.name ?? "r2_score");
    const { classAggregation = "uniform_average" } = options;
    if (!aggregations.includes(classAggregation)) {
      throw unknownName("R2Score", "classAggregation", classAggregation, aggregations);
    }
    this.options = options;
  }
  update(yTrue: Tensor, yPred: Tensor, sampleWeight: Tensor | null = null): void {
    const [target, prediction] = sameRank(yTrue, yPred);
    const n = prediction.rank < 2 ? 1 : prediction.shape.at(-1)!;
    const zeros = () => new Float64Array(n);
    this.sums ??= { samples: 0, count: zeros(), t: zeros(), squares: zeros(), errors: zeros() };
    const [truth, guess] = [target.data, prediction.data];
    const weight =
      sampleWeight === null ? null : fittedWeight(sampleWeight, prediction).broadcastTo(prediction.shape).data;
    for (let i = 0; i < truth.length; i++) {
      const w = weight?.[i] ?? 1;
      const t = truth[i]!;
      this.sums.count[i % n]! += w;
      this.sums.t[i % n]! += w * t;
      this.sums.squares[i % n]! += w * t * t;
      this.sums.errors[i % n]! += w * (t - guess[i]!) ** 2;
    }
    this.sums.samples += truth.length;
  }
  result(): number {
    if (this.sums === null) return 0;
    const { samples, count, t, squares, errors } = this.sums;
    const { classAggregation = "uniform_average", numRegressors = 0 } = this.options;
    const variances = squares.map((s, k) => s - t[k]! ** 2 / count[k]!);
    const weights = classAggregation === "uniform_average" ? variances.map(() => 1) : variances;
    let [total, weight] = [0, 0];
    variances.forEach((v, k) => {
      const score = 1 - errors[k]! / v;
      total += weights[k]! * (Number.isFinite(score) ? score : 0);
      weight += weights[k]!;
    });
    const score = total / weight;
    const free = samples - numRegressors - 1;
    return numRegressors === 0 || free <= 0 ? score : 1 - ((1 - score) * (samples - 1)) / free;
  }
  reset(): void {
    this.sums = null;
  }
  override getConfig(): Config {
    const { classAggregation = "uniform_average", numRegressors = 0 } = this.options;
    return { ...super.getConfig(), class_aggregation: classAggregation, num_regressors: numRegressors };
  }
}

const averages = ["macro", "micro", "weighted"] as const;

/** Options of {@link FBetaScore}. */
export interface FBetaOptions {
  readonly name?: string;
  /** How much more recall counts than precision. Default: 1. */
  readonly beta?: number;
  /**
   * Over classes ("macro"), over decisions ("micro"), or by the classes' frequency ("weighted"). Default: "macro"; with
   * null, Keras' default, `result` is that too, and `scores` gives those of the classes.
   */
  readonly average?: (typeof averages)[number] | null;
  /** What a prediction must exceed; by default only the largest counts. */
  readonly threshold?: number | null;
}

/** The weighted harmonic mean of precision and recall, for one-hot (or several-hot) targets. */
export class FBetaScore extends Metric {
  /** @internal */
  static readonly optionNames: readonly string[] = ["name", "beta", "average", "threshold"];
  readonly className: string = "FBetaScore";
  private readonly options: Required<Omit<FBetaOptions, "name">>;
  private counts: { tp: Float64Array; fp: Float64Array; fn: Float64Array } | null = null;
  constructor(options: FBetaOptions = {}) {
    checkOptionsOf(FBetaScore, new.target, options);
    const { name = "fbeta_score", beta = 1, average = "macro", threshold = null } = options;
    super(name);
    if (average !== null && !averages.includes(average)) throw unknownName(name, "average", average, averages);
    this.options = { beta, average, threshold };
  }
  update(yTrue: Tensor, yPred: Tensor, sampleWeight: Tensor | null = null): void {
    const n = yPred.shape.at(-1)!;
    const zeros = () => new Float64Array(n);
    this.counts ??= { tp: zeros(), fp: zeros(), fn: zeros() };
    const [truth, scores, weight] = [yTrue.data, yPred.data, sampleWeight?.data];
    for (let start = 0; start < scores.length; start += n) {
      const w = weight?.[start / n] ?? 1;
      const largest = Math.max(...scores.subarray(start, start + n));
      for (let c = 0; c < n; c++) {
        const score = scores[start + c]!;
        const { threshold } = this.options;
        const said = threshold === null ? score >= largest && Math.abs(score) > 1e-9 : score > threshold;
        const is = truth[start + c] !== 0;
        if (said && is) this.counts.tp[c]! += w;
        else if (said) this.counts.fp[c]! += w;
        else if (is) this.counts.fn[c]! += w;
      }
    }
  }
  private score(tp: number, fp: number, fn: number): number {
    const { beta } = this.options;
    const [precision, recall] = [tp / (tp + fp + 1e-7), tp / (tp + fn + 1e-7)];
    return ((1 + beta ** 2) * precision * recall) / (beta ** 2 * precision + recall + 1e-7);
  }
  /** The score of every class. */
  scores(): Float64Array {
    if (this.counts === null) return new Float64Array(0);
    const { tp, fp, fn } = this.counts;
    return tp.map((n, c) => this.score(n, fp[c]!, fn[c]!));
  }
  result(): number {
    if (this.counts === null) return 0;
    const { tp, fp, fn } = this.counts;
    const sum = (a: Float64Array) => a.reduce((x, y) => x + y, 0);
    if (this.options.average === "micro") return this.score(sum(tp), sum(fp), sum(fn));
    const scores = this.scores();
    if (this.options.average !== "weighted") return sum(scores) / scores.length;
    const all = sum(tp) + sum(fn);
    return all === 0 ? 0 : sum(scores.map((s, c) => s * (tp[c]! + fn[c]!))) / all;
  }
  reset(): void {
    this.counts = null;
  }
  override getConfig(): Config {
    const { average, beta, threshold } = this.options;
    return { ...super.getConfig(), average, beta, threshold };
  }
}

/** {@link FBetaScore} with beta 1. */
export class F1Score extends FBetaScore {
  /** @internal */
  static override readonly optionNames: readonly string[] = ["name", "average", "threshold"];
  override readonly className = "F1Score";
  constructor(options: Omit<FBetaOptions, "beta"> = {}) {
    checkOptionsOf(F1Score, new.target, options);
    super({ name: "f1_score", ...options, beta: 1 });
  }
  override getConfig(): Config {
    const { beta: _, ...config } = super.getConfig();
    return config;
  }
}
