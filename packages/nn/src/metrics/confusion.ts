import type { Tensor } from "@gradiente/autograd";
import { Metric } from "./metric.ts";

/** Weighted counts of right and wrong decisions at each threshold. */
abstract class Counts extends Metric {
  protected readonly thresholds: Float32Array;
  protected tp: Float64Array;
  protected fp: Float64Array;
  protected tn: Float64Array;
  protected fn: Float64Array;

  constructor(name: string, thresholds: readonly number[]) {
    super(name);
    this.thresholds = Float32Array.from(thresholds);
    const zeros = () => new Float64Array(thresholds.length);
    [this.tp, this.fp, this.tn, this.fn] = [zeros(), zeros(), zeros(), zeros()];
  }

  update(yTrue: Tensor, yPred: Tensor, sampleWeight: Tensor | null = null): void {
    const [truth, scores] = [yTrue.data, yPred.data];
    const weight = sampleWeight?.data;
    const row = weight === undefined ? 1 : scores.length / weight.length;
    for (let i = 0; i < scores.length; i++) {
      const w = weight === undefined ? 1 : weight[Math.floor(i / row)]!;
      const positive = truth[i] !== 0;
      for (let k = 0; k < this.thresholds.length; k++) {
        const said = scores[i]! > this.thresholds[k]!;
        const counts = positive ? (said ? this.tp : this.fn) : said ? this.fp : this.tn;
        counts[k]! += w;
      }
    }
  }

  reset(): void {
    for (const counts of [this.tp, this.fp, this.tn, this.fn]) counts.fill(0);
  }
}

function ratio(a: number, b: number): number {
  return b === 0 ? 0 : a / b;
}

function average(values: Float64Array | number[]): number {
  let total = 0;
  for (const v of values) total += v;
  return total / values.length;
}

/** Options of counting metrics. */
export interface ThresholdOptions {
  readonly name?: string;
  /** What a prediction must exceed to count as positive. Default: 0.5. With several, the results are averaged. */
  readonly thresholds?: number | readonly number[] | null;
}

function listOf(thresholds: ThresholdOptions["thresholds"]): readonly number[] {
  return thresholds === undefined || thresholds === null
    ? [0.5]
    : typeof thresholds === "number"
      ? [thresholds]
      : thresholds;
}

export class TruePositives extends Counts {
  readonly className = "TruePositives";
  constructor({ name = "true_positives", thresholds }: ThresholdOptions = {}) {
    super(name, listOf(thresholds));
  }
  result(): number {
    return average(this.tp);
  }
}
export class FalsePositives extends Counts {
  readonly className = "FalsePositives";
  constructor({ name = "false_positives", thresholds }: ThresholdOptions = {}) {
    super(name, listOf(thresholds));
  }
  result(): number {
    return average(this.fp);
  }
}
export class TrueNegatives extends Counts {
  readonly className = "TrueNegatives";
  constructor({ name = "true_negatives", thresholds }: ThresholdOptions = {}) {
    super(name, listOf(thresholds));
  }
  result(): number {
    return average(this.tn);
  }
}
export class FalseNegatives extends Counts {
  readonly className = "FalseNegatives";
  constructor({ name = "false_negatives", thresholds }: ThresholdOptions = {}) {
    super(name, listOf(thresholds));
  }
  result(): number {
    return average(this.fn);
  }
}
/** Fraction of what was called positive that is. */
export class Precision extends Counts {
  readonly className = "Precision";
  constructor({ name = "precision", thresholds }: ThresholdOptions = {}) {
    super(name, listOf(thresholds));
  }
  result(): number {
    return average(this.tp.map((tp, k) => ratio(tp, tp + this.fp[k]!)));
  }
}
/** Fraction of the positives that were called so. */
export class Recall extends Counts {
  readonly className = "Recall";
  constructor({ name = "recall", thresholds }: ThresholdOptions = {}) {
    super(name, listOf(thresholds));
  }
  result(): number {
    return average(this.tp.map((tp, k) => ratio(tp, tp + this.fn[k]!)));
  }
}

/** `count` thresholds from `first` to `last`, evenly spaced between 0 and 1. */
function evenly(count: number, first: number, last: number): number[] {
  return [first, ...Array.from({ length: count - 2 }, (_, i) => (i + 1) / (count - 1)), last];
}

/** Options of {@link AUC}. */
export interface AUCOptions {
  readonly name?: string;
  /** Default: 200. */
  readonly numThresholds?: number;
  /** True against false positive rate ("ROC", default), or precision against recall ("PR"). */
  readonly curve?: "ROC" | "PR";
}

/** The area under the curve of a binary classifier, approximated at a number of thresholds. */
export class AUC extends Counts {
  readonly className = "AUC";
  private readonly curve: "ROC" | "PR";
  constructor({ name = "auc", numThresholds = 200, curve = "ROC" }: AUCOptions = {}) {
    super(name, evenly(numThresholds, -1e-7, 1 + 1e-7));
    this.curve = curve;
  }
  result(): number {
    const { tp, fp, tn, fn } = this;
    let area = 0;
    for (let k = 0; k + 1 < tp.length; k++) {
      if (this.curve === "ROC") {
        const width = ratio(fp[k]!, fp[k]! + tn[k]!) - ratio(fp[k + 1]!, fp[k + 1]! + tn[k + 1]!);
        area += (width * (ratio(tp[k]!, tp[k]! + fn[k]!) + ratio(tp[k + 1]!, tp[k + 1]! + fn[k + 1]!))) / 2;
        continue;
      }
      // Between thresholds true positives are linear in all positives (Davis and Goadrich, 2006).
      const rise = tp[k]! - tp[k + 1]!;
      const [p, next] = [tp[k]! + fp[k]!, tp[k + 1]! + fp[k + 1]!];
      const slope = ratio(rise, Math.max(p - next, 0));
      const intercept = tp[k + 1]! - slope * next;
      const log = p > 0 && next > 0 ? Math.log(p / next) : 0;
      area += ratio(slope * (rise + intercept * log), tp[k + 1]! + fn[k + 1]!);
    }
    return area;
  }
}

/** The best of one rate where another is at least a given value. */
abstract class BestWhere extends Counts {
  protected readonly value: number;
  constructor(name: string, value: number, numThresholds: number) {
    super(name, numThresholds === 1 ? [0.5] : evenly(numThresholds, 0, 1));
    this.value = value;
  }
  protected best(constrained: (k: number) => number, dependent: (k: number) => number): number {
    let best = 0;
    for (let k = 0; k < this.tp.length; k++) if (constrained(k) >= this.value) best = Math.max(best, dependent(k));
    return best;
  }
  protected recallAt(k: number): number {
    return ratio(this.tp[k]!, this.tp[k]! + this.fn[k]!);
  }
  protected specificityAt(k: number): number {
    return ratio(this.tn[k]!, this.tn[k]! + this.fp[k]!);
  }
  protected precisionAt(k: number): number {
    return ratio(this.tp[k]!, this.tp[k]! + this.fp[k]!);
  }
}
interface BestOptions {
  readonly name?: string;
  /** Default: 200. */
  readonly numThresholds?: number;
}
export class PrecisionAtRecall extends BestWhere {
  readonly className = "PrecisionAtRecall";
  constructor({
    recall,
    name = "precision_at_recall",
    numThresholds = 200,
  }: BestOptions & { readonly recall: number }) {
    super(name, recall, numThresholds);
  }
  result(): number {
    return this.best(
      (k) => this.recallAt(k),
      (k) => this.precisionAt(k),
    );
  }
}
export class RecallAtPrecision extends BestWhere {
  readonly className = "RecallAtPrecision";
  constructor({
    precision,
    name = "recall_at_precision",
    numThresholds = 200,
  }: BestOptions & { readonly precision: number }) {
    super(name, precision, numThresholds);
  }
  result(): number {
    return this.best(
      (k) => this.precisionAt(k),
      (k) => this.recallAt(k),
    );
  }
}
export class SensitivityAtSpecificity extends BestWhere {
  readonly className = "SensitivityAtSpecificity";
  constructor({
    specificity,
    name = "sensitivity_at_specificity",
    numThresholds = 200,
  }: BestOptions & { readonly specificity: number }) {
    super(name, specificity, numThresholds);
  }
  result(): number {
    return this.best(
      (k) => this.specificityAt(k),
      (k) => this.recallAt(k),
    );
  }
}
export class SpecificityAtSensitivity extends BestWhere {
  readonly className = "SpecificityAtSensitivity";
  constructor({
    sensitivity,
    name = "specificity_at_sensitivity",
    numThresholds = 200,
  }: BestOptions & { readonly sensitivity: number }) {
    super(name, sensitivity, numThresholds);
  }
  result(): number {
    return this.best(
      (k) => this.recallAt(k),
      (k) => this.specificityAt(k),
    );
  }
}
