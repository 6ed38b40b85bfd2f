import { type Tensor, tensor } from "@gradiente/autograd";
import { cosineSimilarity, logCosh, meanSquaredError } from "../losses/functions.ts";
import { MeanMetric, Metric } from "./metric.ts";

/** 1 where the right class is among the `k` largest predictions. */
function inTopK(labels: ArrayLike<number>, yPred: Tensor, k: number): Tensor {
  const classes = yPred.shape.at(-1)!;
  const scores = yPred.data;
  const count = scores.length / classes;
  const hits = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const own = scores[i * classes + labels[i]!]!;
    let larger = 0;
    for (let c = 0; c < classes; c++) if (scores[i * classes + c]! > own) larger++;
    hits[i] = Number(larger < k);
  }
  return tensor({ data: hits, shape: yPred.shape.slice(0, -1) });
}

/** Options of top-k metrics. */
export interface TopKOptions {
  readonly name?: string;
  /** Default: 5. */
  readonly k?: number;
}

/** How often the class of one-hot targets is among the `k` largest predictions. */
export class TopKCategoricalAccuracy extends MeanMetric {
  constructor({ name = "top_k_categorical_accuracy", k = 5 }: TopKOptions = {}) {
    super(name, (t, p) => inTopK(t.argmax({ axis: -1 }).data, p, k), "TopKCategoricalAccuracy");
  }
}

/** How often the class given by its number is among the `k` largest predictions. */
export class SparseTopKCategoricalAccuracy extends MeanMetric {
  constructor({ name = "sparse_top_k_categorical_accuracy", k = 5 }: TopKOptions = {}) {
    super(name, (t, p) => inTopK(t.data, p, k), "SparseTopKCategoricalAccuracy");
  }
}

/** The root of the mean squared error. */
export class RootMeanSquaredError extends MeanMetric {
  constructor({ name = "root_mean_squared_error" }: { readonly name?: string } = {}) {
    super(name, meanSquaredError, "RootMeanSquaredError");
  }
  override result(): number {
    return Math.sqrt(super.result());
  }
}

/** The mean cosine of the angle between targets and predictions. */
export class CosineSimilarityMetric extends MeanMetric {
  constructor({ name = "cosine_similarity" }: { readonly name?: string } = {}) {
    super(name, (t, p) => cosineSimilarity(t, p).neg(), "CosineSimilarity");
  }
}

export class LogCoshError extends MeanMetric {
  constructor({ name = "logcosh" }: { readonly name?: string } = {}) {
    super(name, logCosh, "LogCoshError");
  }
}

/** The coefficient of determination, averaged over outputs. */
export class R2Score extends Metric {
  readonly className = "R2Score";
  private sums: { count: number; t: Float64Array; squares: Float64Array; errors: Float64Array } | null = null;
  constructor({ name = "r2_score" }: { readonly name?: string } = {}) {
    super(name);
  }
  update(yTrue: Tensor, yPred: Tensor): void {
    const n = yPred.rank < 2 ? 1 : yPred.shape.at(-1)!;
    const zeros = () => new Float64Array(n);
    this.sums ??= { count: 0, t: zeros(), squares: zeros(), errors: zeros() };
    const [truth, guess] = [yTrue.data, yPred.data];
    for (let i = 0; i < truth.length; i++) {
      const t = truth[i]!;
      this.sums.t[i % n]! += t;
      this.sums.squares[i % n]! += t * t;
      this.sums.errors[i % n]! += (t - guess[i]!) ** 2;
    }
    this.sums.count += truth.length / n;
  }
  result(): number {
    if (this.sums === null) return 0;
    const { count, t, squares, errors } = this.sums;
    let total = 0;
    for (let k = 0; k < t.length; k++) total += 1 - errors[k]! / (squares[k]! - t[k]! ** 2 / count);
    return total / t.length;
  }
  reset(): void {
    this.sums = null;
  }
}

/** Options of {@link FBetaScore}. */
export interface FBetaOptions {
  readonly name?: string;
  /** How much more recall counts than precision. Default: 1. */
  readonly beta?: number;
  /** Over classes ("macro"), over decisions ("micro"), or by the classes' frequency ("weighted"). Default: "macro". */
  readonly average?: "macro" | "micro" | "weighted" | null;
  /** What a prediction must exceed; by default only the largest counts. */
  readonly threshold?: number | null;
}

/** The weighted harmonic mean of precision and recall, for one-hot (or several-hot) targets. */
export class FBetaScore extends Metric {
  readonly className: string = "FBetaScore";
  private readonly options: Required<Omit<FBetaOptions, "name">>;
  private counts: { tp: Float64Array; fp: Float64Array; fn: Float64Array } | null = null;
  constructor({ name = "fbeta_score", beta = 1, average = "macro", threshold = null }: FBetaOptions = {}) {
    super(name);
    this.options = { beta, average, threshold };
  }
  update(yTrue: Tensor, yPred: Tensor): void {
    const n = yPred.shape.at(-1)!;
    const zeros = () => new Float64Array(n);
    this.counts ??= { tp: zeros(), fp: zeros(), fn: zeros() };
    const [truth, scores] = [yTrue.data, yPred.data];
    for (let start = 0; start < scores.length; start += n) {
      const largest = Math.max(...scores.subarray(start, start + n));
      for (let c = 0; c < n; c++) {
        const score = scores[start + c]!;
        const { threshold } = this.options;
        const said = threshold === null ? score >= largest && Math.abs(score) > 1e-9 : score > threshold;
        const is = truth[start + c] !== 0;
        if (said && is) this.counts.tp[c]!++;
        else if (said) this.counts.fp[c]!++;
        else if (is) this.counts.fn[c]!++;
      }
    }
  }
  result(): number {
    if (this.counts === null) return 0;
    const { tp, fp, fn } = this.counts;
    const { beta, average } = this.options;
    const score = (t: number, p: number, n: number) => {
      const [precision, recall] = [t / (t + p + 1e-7), t / (t + n + 1e-7)];
      return ((1 + beta ** 2) * precision * recall) / (beta ** 2 * precision + recall + 1e-7);
    };
    const sum = (a: Float64Array) => a.reduce((x, y) => x + y, 0);
    if (average === "micro") return score(sum(tp), sum(fp), sum(fn));
    const scores = tp.map((t, c) => score(t, fp[c]!, fn[c]!));
    if (average !== "weighted") return sum(scores) / scores.length;
    const all = sum(tp) + sum(fn);
    return all === 0 ? 0 : sum(scores.map((s, c) => s * (tp[c]! + fn[c]!))) / all;
  }
  reset(): void {
    this.counts = null;
  }
}

/** {@link FBetaScore} with beta 1. */
export class F1Score extends FBetaScore {
  override readonly className = "F1Score";
  constructor(options: Omit<FBetaOptions, "beta"> = {}) {
    super({ name: "f1_score", ...options, beta: 1 });
  }
}

/** The overlap of predicted and true class numbers, averaged over classes. */
export class MeanIoU extends Metric {
  readonly className = "MeanIoU";
  private readonly classes: number;
  private readonly matrix: Float64Array;
  constructor({ numClasses, name = "mean_io_u" }: { readonly numClasses: number; readonly name?: string }) {
    super(name);
    this.classes = numClasses;
    this.matrix = new Float64Array(numClasses * numClasses);
  }
  update(yTrue: Tensor, yPred: Tensor, sampleWeight: Tensor | null = null): void {
    const [truth, guess, weight] = [yTrue.data, yPred.data, sampleWeight?.data];
    for (let i = 0; i < truth.length; i++) {
      this.matrix[Math.trunc(truth[i]!) * this.classes + Math.trunc(guess[i]!)]! += weight?.[i] ?? 1;
    }
  }
  result(): number {
    let [total, present] = [0, 0];
    for (let c = 0; c < this.classes; c++) {
      let [row, column] = [0, 0];
      for (let d = 0; d < this.classes; d++) {
        row += this.matrix[c * this.classes + d]!;
        column += this.matrix[d * this.classes + c]!;
      }
      const both = this.matrix[c * this.classes + c]!;
      if (row + column - both === 0) continue;
      total += both / (row + column - both);
      present++;
    }
    return present === 0 ? 0 : total / present;
  }
  reset(): void {
    this.matrix.fill(0);
  }
}
