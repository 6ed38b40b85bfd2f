import { ArgumentError, sigmoid, type Tensor } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { unknownName } from "../errors.ts";
import { sameRank } from "../losses/loss.ts";
import { checkOptionsOf } from "../option-checks.ts";
import { Metric } from "./metric.ts";

/** Options of counting metrics. */
export interface ThresholdOptions {
  readonly name?: string;
  /** What a prediction must exceed to count as positive. Default: 0.5. With several, the results are averaged. */
  readonly thresholds?: number | readonly number[] | null;
}

/** Which predictions counting metrics look at. */
export interface ChoiceOptions {
  /** Only this class of the last axis. Default: all. */
  readonly classId?: number | null;
  /** Only the so many largest predictions of the last axis may be positive. Default: all. */
  readonly topK?: number | null;
}

/** Counts of right and wrong decisions, for each label and threshold, thresholds ascending. */
interface Decisions {
  readonly tp: Float64Array;
  readonly fp: Float64Array;
  readonly tn: Float64Array;
  readonly fn: Float64Array;
}

/** Weighted counts of right and wrong decisions at each threshold. */
abstract class Counts extends Metric {
  protected readonly thresholds: Float32Array;
  private readonly choice: ChoiceOptions;
  /** How many true (and how many false) samples lie above so many of the thresholds, label after label. */
  private positive: Float64Array;
  private negative: Float64Array;

  constructor(name: string, thresholds: readonly number[], choice: ChoiceOptions = {}) {
    super(name);
    this.thresholds = Float32Array.from(thresholds).sort();
    this.choice = choice;
    this.positive = new Float64Array(thresholds.length + 1);
    this.negative = new Float64Array(thresholds.length + 1);
  }

  /** How many labels the last axis has that are counted apart. Default: one. */
  protected labelsOf(_yPred: Tensor): number {
    return 1;
  }

  update(yTrue: Tensor, yPred: Tensor, sampleWeight: Tensor | null = null): void {
    const { classId = null, topK = null } = this.choice;
    const [target, guess] = sameRank(yTrue, yPred);
    const [truth, scores] = [target.data, guess.data];
    const weight = sampleWeight?.data;
    const row = weight === undefined ? 1 : scores.length / weight.length;
    const classes = guess.shape.at(-1) ?? 1;
    const labels = this.labelsOf(guess);
    const bins = this.thresholds.length + 1;
    if (this.positive.length !== labels * bins) {
      this.positive = new Float64Array(labels * bins);
      this.negative = new Float64Array(labels * bins);
    }
    for (let i = 0; i < scores.length; i++) {
      if (classId !== null && i % classes !== classId) continue;
      const first = i - (i % classes);
      const chosen = topK === null || rankOf(scores, first, classes, i) < topK;
      const bin = chosen ? binOf(scores[i]!, this.thresholds) : 0;
      const counts = truth[i] !== 0 ? this.positive : this.negative;
      counts[(i % labels) * bins + bin]! += weight === undefined ? 1 : weight[Math.floor(i / row)]!;
    }
  }

  /** The counts of one label at every threshold. */
  protected decisions(label = 0): Decisions {
    const count = this.thresholds.length;
    const at = label * (count + 1);
    const make = () => new Float64Array(count);
    const result: Decisions = { tp: make(), fp: make(), tn: make(), fn: make() };
    let [tp, fp] = [0, 0];
    for (let k = count - 1; k >= 0; k--) {
      result.tp[k] = tp += this.positive[at + k + 1]!;
      result.fp[k] = fp += this.negative[at + k + 1]!;
    }
    let [fn, tn] = [0, 0];
    for (let k = 0; k < count; k++) {
      result.fn[k] = fn += this.positive[at + k]!;
      result.tn[k] = tn += this.negative[at + k]!;
    }
    return result;
  }

  /** How many labels were counted. */
  protected get labels(): number {
    return this.positive.length / (this.thresholds.length + 1);
  }

  reset(): void {
    this.positive.fill(0);
    this.negative.fill(0);
  }
}

/** How many ascending thresholds a score exceeds. */
function binOf(score: number, thresholds: Float32Array): number {
  let [low, high] = [0, thresholds.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (thresholds[middle]! < score) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many scores of a row come before the one at `own`. */
function rankOf(scores: ArrayLike<number>, first: number, count: number, own: number): number {
  let before = 0;
  for (let i = first; i < first + count; i++) {
    if (scores[i]! > scores[own]! || (scores[i] === scores[own] && i < own)) before++;
  }
  return before;
}

function ratio(a: number, b: number): number {
  return b === 0 ? 0 : a / b;
}

function average(values: Float64Array | number[]): number {
  let total = 0;
  for (const v of values) total += v;
  return total / values.length;
}

function listOf(thresholds: number | readonly number[]): readonly number[] {
  return typeof thresholds === "number" ? [thresholds] : thresholds;
}

/** Counts at thresholds that are given. */
abstract class Thresholded extends Counts {
  private readonly options: ThresholdOptions & ChoiceOptions;
  constructor(name: string, options: ThresholdOptions & ChoiceOptions) {
    const { topK = null } = options;
    // Among the largest predictions all are positive, unless a threshold is given.
    const standard = topK === null ? 0.5 : Number.NEGATIVE_INFINITY;
    super(options.name ?? name, listOf(options.thresholds ?? standard), options);
    this.options = options;
  }
  override getConfig(): Config {
    const { thresholds = null, topK, classId } = this.options;
    const choice =
      topK === undefined && classId === undefined ? {} : { top_k: topK ?? null, class_id: classId ?? null };
    return { ...super.getConfig(), thresholds, ...choice };
  }
}

/** The number of true positives. */
export class TruePositives extends Thresholded {
  /** @internal */
  static readonly optionNames: readonly string[] = ["name", "thresholds"];
  readonly className = "TruePositives";
  constructor(options: ThresholdOptions = {}) {
    checkOptionsOf(TruePositives, new.target, options);
    super("true_positives", options);
  }
  result(): number {
    return average(this.decisions().tp);
  }
}
/** The number of false positives. */
export class FalsePositives extends Thresholded {
  /** @internal */
  static readonly optionNames: readonly string[] = ["name", "thresholds"];
  readonly className = "FalsePositives";
  constructor(options: ThresholdOptions = {}) {
    checkOptionsOf(FalsePositives, new.target, options);
    super("false_positives", options);
  }
  result(): number {
    return average(this.decisions().fp);
  }
}
/** The number of true negatives. */
export class TrueNegatives extends Thresholded {
  /** @internal */
  static readonly optionNames: readonly string[] = ["name", "thresholds"];
  readonly className = "TrueNegatives";
  constructor(options: ThresholdOptions = {}) {
    checkOptionsOf(TrueNegatives, new.target, options);
    super("true_negatives", options);
  }
  result(): number {
    return average(this.decisions().tn);
  }
}
/** The number of false negatives. */
export class FalseNegatives extends Thresholded {
  /** @internal */
  static readonly optionNames: readonly string[] = ["name", "thresholds"];
  readonly className = "FalseNegatives";
  constructor(options: ThresholdOptions = {}) {
    checkOptionsOf(FalseNegatives, new.target, options);
    super("false_negatives", options);
  }
  result(): number {
    return average(this.decisions().fn);
  }
}
/** Fraction of what was called positive that is. */
export class Precision extends Thresholded {
  /** @internal */
  static readonly optionNames: readonly string[] = ["name", "thresholds", "classId", "topK"];
  readonly className = "Precision";
  constructor(options: ThresholdOptions & ChoiceOptions = {}) {
    checkOptionsOf(Precision, new.target, options);
    super("precision", options);
  }
  result(): number {
    const { tp, fp } = this.decisions();
    return average(tp.map((n, k) => ratio(n, n + fp[k]!)));
  }
}
/** Fraction of the positives that were called so. */
export class Recall extends Thresholded {
  /** @internal */
  static readonly optionNames: readonly string[] = ["name", "thresholds", "classId", "topK"];
  readonly className = "Recall";
  constructor(options: ThresholdOptions & ChoiceOptions = {}) {
    checkOptionsOf(Recall, new.target, options);
    super("recall", options);
  }
  result(): number {
    const { tp, fn } = this.decisions();
    return average(tp.map((n, k) => ratio(n, n + fn[k]!)));
  }
}

/** `count` thresholds from `first` to `last`, evenly spaced between 0 and 1. */
function evenly(count: number, first: number, last: number): number[] {
  return [first, ...Array.from({ length: count - 2 }, (_, i) => (i + 1) / (count - 1)), last];
}

const summations = ["interpolation", "minoring", "majoring"] as const;

/** Options of {@link AUC}. */
export interface AUCOptions {
  readonly name?: string;
  /** Default: 200. */
  readonly numThresholds?: number;
  /** True against false positive rate ("ROC", default), or precision against recall ("PR"). */
  readonly curve?: "ROC" | "PR";
  /** By trapezoids ("interpolation", default), or from below or above. */
  readonly summationMethod?: (typeof summations)[number];
  /** Thresholds between 0 and 1, instead of evenly spaced ones. */
  readonly thresholds?: readonly number[] | null;
  /** Whether each label of the last axis has an area of its own, of which the mean is taken. Default: false. */
  readonly multiLabel?: boolean;
  /** How much each label counts in that mean. Default: equally. */
  readonly labelWeights?: readonly number[] | null;
  /** Whether predictions are logits. Default: false. */
  readonly fromLogits?: boolean;
}

/** The area under the curve of a binary classifier, approximated at a number of thresholds. */
export class AUC extends Counts {
  /** @internal */
  static readonly optionNames: readonly string[] = [
    ...["name", "numThresholds", "curve", "summationMethod", "thresholds"],
    ...["multiLabel", "labelWeights", "fromLogits"],
  ];
  readonly className = "AUC";
  private readonly options: AUCOptions;
  constructor(options: AUCOptions = {}) {
    checkOptionsOf(AUC, new.target, options);
    const { name = "auc", numThresholds = 200, thresholds = null, summationMethod = "interpolation" } = options;
    const ends = [-1e-7, 1 + 1e-7] as const;
    super(name, thresholds === null ? evenly(numThresholds, ...ends) : [ends[0], ...thresholds, ends[1]]);
    const { curve = "ROC" } = options;
    if (!["ROC", "PR"].includes(curve)) throw unknownName("AUC", "curve", curve, ["ROC", "PR"]);
    if (thresholds === null && !(Number.isInteger(numThresholds) && numThresholds > 1)) {
      throw new ArgumentError({ op: "AUC", message: `numThresholds is ${numThresholds}, expected 2 or more` });
    }
    if (!summations.includes(summationMethod)) {
      throw unknownName("AUC", "summationMethod", summationMethod, summations);
    }
    this.options = options;
  }
  protected override labelsOf(yPred: Tensor): number {
    return this.options.multiLabel ? (yPred.shape.at(-1) ?? 1) : 1;
  }
  override update(yTrue: Tensor, yPred: Tensor, sampleWeight: Tensor | null = null): void {
    super.update(yTrue, this.options.fromLogits ? sigmoid(yPred) : yPred, sampleWeight);
  }
  result(): number {
    const areas = Array.from({ length: this.labels }, (_, label) => this.area(this.decisions(label)));
    const weights = this.options.labelWeights ?? areas.map(() => 1);
    const total = weights.reduce((a, b) => a + b, 0);
    return areas.reduce((sum, area, i) => sum + area * weights[i]!, 0) / total;
  }
  private area({ tp, fp, tn, fn }: Decisions): number {
    const { curve = "ROC", summationMethod = "interpolation" } = this.options;
    let area = 0;
    for (let k = 0; k + 1 < tp.length; k++) {
      if (curve === "PR" && summationMethod === "interpolation") {
        // Between thresholds true positives are linear in all positives (Davis and Goadrich, 2006).
        const rise = tp[k]! - tp[k + 1]!;
        const [p, next] = [tp[k]! + fp[k]!, tp[k + 1]! + fp[k + 1]!];
        const slope = ratio(rise, Math.max(p - next, 0));
        const intercept = tp[k + 1]! - slope * next;
        const log = p > 0 && next > 0 ? Math.log(p / next) : 0;
        area += ratio(slope * (rise + intercept * log), tp[k + 1]! + fn[k + 1]!);
        continue;
      }
      const recall = (i: number): number => ratio(tp[i]!, tp[i]! + fn[i]!);
      const x = (i: number): number => (curve === "ROC" ? ratio(fp[i]!, fp[i]! + tn[i]!) : recall(i));
      const y = (i: number): number => (curve === "ROC" ? recall(i) : ratio(tp[i]!, tp[i]! + fp[i]!));
      const [a, b] = [y(k), y(k + 1)];
      const height = { interpolation: (a + b) / 2, minoring: Math.min(a, b), majoring: Math.max(a, b) };
      area += (x(k) - x(k + 1)) * height[summationMethod];
    }
    return area;
  }
  override getConfig(): Config {
    const { numThresholds = 200, curve = "ROC", summationMethod = "interpolation", thresholds = null } = this.options;
    const { multiLabel = false, labelWeights = null, fromLogits = false } = this.options;
    return {
      ...super.getConfig(),
      num_thresholds: numThresholds,
      curve,
      summation_method: summationMethod,
      thresholds,
      multi_label: multiLabel,
      label_weights: labelWeights,
      from_logits: fromLogits,
    };
  }
}

/** Options of metrics that take the best of one rate where another is at least a given value. */
export interface BestOptions {
  readonly name?: string;
  /** Default: 200. */
  readonly numThresholds?: number;
  /** Only this class of the last axis. Default: all. */
  readonly classId?: number | null;
}

const bestNames = ["name", "numThresholds", "classId"];

type Rate = (d: Decisions, k: number) => number;

const recallAt: Rate = ({ tp, fn }, k) => ratio(tp[k]!, tp[k]! + fn[k]!);
const specificityAt: Rate = ({ tn, fp }, k) => ratio(tn[k]!, tn[k]! + fp[k]!);
const precisionAt: Rate = ({ tp, fp }, k) => ratio(tp[k]!, tp[k]! + fp[k]!);

/** The best of one rate where another is at least a given value. */
abstract class BestWhere extends Counts {
  protected abstract readonly constrained: Rate;
  protected abstract readonly wanted: Rate;
  private readonly least: number;
  private readonly options: BestOptions;
  private readonly option: string;
  constructor(name: string, option: string, least: number, options: BestOptions) {
    const { numThresholds = 200, classId = null } = options;
    super(options.name ?? name, numThresholds === 1 ? [0.5] : evenly(numThresholds, 0, 1), { classId });
    if (!(least >= 0 && least <= 1)) {
      throw new ArgumentError({ op: this.name, message: `${option} is ${least}, expected a number between 0 and 1` });
    }
    this.option = option;
    this.least = least;
    this.options = options;
  }
  result(): number {
    const decisions = this.decisions();
    let best = 0;
    for (let k = 0; k < this.thresholds.length; k++) {
      if (this.constrained(decisions, k) >= this.least) best = Math.max(best, this.wanted(decisions, k));
    }
    return best;
  }
  override getConfig(): Config {
    const { numThresholds = 200, classId = null } = this.options;
    return { ...super.getConfig(), [this.option]: this.least, num_thresholds: numThresholds, class_id: classId };
  }
}

/** The best precision at which recall is at least a given value. */
export class PrecisionAtRecall extends BestWhere {
  /** @internal */
  static readonly optionNames: readonly string[] = ["recall", ...bestNames];
  readonly className = "PrecisionAtRecall";
  protected readonly constrained: Rate = recallAt;
  protected readonly wanted: Rate = precisionAt;
  constructor(options: BestOptions & { readonly recall: number }) {
    checkOptionsOf(PrecisionAtRecall, new.target, options);
    super("precision_at_recall", "recall", options.recall, options);
  }
}
/** The best recall at which precision is at least a given value. */
export class RecallAtPrecision extends BestWhere {
  /** @internal */
  static readonly optionNames: readonly string[] = ["precision", ...bestNames];
  readonly className = "RecallAtPrecision";
  protected readonly constrained: Rate = precisionAt;
  protected readonly wanted: Rate = recallAt;
  constructor(options: BestOptions & { readonly precision: number }) {
    checkOptionsOf(RecallAtPrecision, new.target, options);
    super("recall_at_precision", "precision", options.precision, options);
  }
}
/** The best sensitivity (recall) at which specificity is at least a given value. */
export class SensitivityAtSpecificity extends BestWhere {
  /** @internal */
  static readonly optionNames: readonly string[] = ["specificity", ...bestNames];
  readonly className = "SensitivityAtSpecificity";
  protected readonly constrained: Rate = specificityAt;
  protected readonly wanted: Rate = recallAt;
  constructor(options: BestOptions & { readonly specificity: number }) {
    checkOptionsOf(SensitivityAtSpecificity, new.target, options);
    super("sensitivity_at_specificity", "specificity", options.specificity, options);
  }
}
/** The best specificity at which sensitivity (recall) is at least a given value. */
export class SpecificityAtSensitivity extends BestWhere {
  /** @internal */
  static readonly optionNames: readonly string[] = ["sensitivity", ...bestNames];
  readonly className = "SpecificityAtSensitivity";
  protected readonly constrained: Rate = recallAt;
  protected readonly wanted: Rate = specificityAt;
  constructor(options: BestOptions & { readonly sensitivity: number }) {
    checkOptionsOf(SpecificityAtSensitivity, new.target, options);
    super("specificity_at_sensitivity", "sensitivity", options.sensitivity, options);
  }
}
