import { mean, type Tensor, tensor } from "@gradiente/autograd";
import { type Config, snakeCase } from "../config.ts";
import * as losses from "../losses/functions.ts";
import { checkOptionNames } from "../option-checks.ts";
import { accuracy, binaryAccuracy, categoricalAccuracy, sparseCategoricalAccuracy } from "./accuracy.ts";
import { MeanMetric } from "./metric.ts";

/** The class of metrics that are the mean of one function: `new BinaryAccuracy({ threshold: 0.3 })`. */
export interface MetricClass<O extends object = object> {
  new (options?: { readonly name?: string } & O): MeanMetric;
  /** @internal */
  readonly optionNames: readonly string[];
}

/** @param names those of the options besides `name`. */
function metricClass<O extends object>(
  className: string,
  value: (yTrue: Tensor, yPred: Tensor, options: O) => Tensor,
  names: readonly string[] = [],
  defaultName: string = snakeCase(className),
): MetricClass<O> {
  const type = class extends MeanMetric {
    static readonly optionNames: readonly string[] = ["name", ...names];
    constructor(options: { readonly name?: string } & O = {} as O) {
      if (new.target === type) checkOptionNames(className, options, type.optionNames);
      const { name = defaultName, ...settings } = options;
      const own = Object.entries(settings).map(([key, v]) => [snakeCase(key), v]);
      super(name, (t, p) => value(t, p, settings as unknown as O), className, Object.fromEntries(own) as Config);
    }
  };
  return type;
}

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

/** Options of {@link SparseTopKCategoricalAccuracy}. */
export interface SparseTopKOptions extends TopKOptions {
  /** Whether predictions are class numbers already, the most likely first. Default: false. */
  readonly fromSortedIds?: boolean;
}

function sparseTopK(yTrue: Tensor, yPred: Tensor, { k = 5, fromSortedIds = false }: SparseTopKOptions): Tensor {
  const labels = yTrue.data;
  if (!fromSortedIds) return inTopK(labels, yPred, k);
  const length = yPred.shape.at(-1)!;
  const ids = yPred.data;
  const hits = Float32Array.from(labels, (label, i) =>
    Number(ids.subarray(i * length, i * length + Math.min(k, length)).includes(label)),
  );
  return tensor({ data: hits, shape: yPred.shape.slice(0, -1) });
}

type AxisOption = { readonly axis?: number | readonly number[] };

/** Differences from the mean along `axis`, and the standard deviation. */
function centred(x: Tensor, axis: number | readonly number[]): { readonly d: Tensor; readonly s: Tensor; m: Tensor } {
  const m = mean(x, { axis, keepDims: true });
  const d = x.sub(m);
  return { d, s: d.square().mean({ axis, keepDims: true }).sqrt(), m };
}

/** The correlation of targets and predictions along `axis` (default: the last). */
function pearson(yTrue: Tensor, yPred: Tensor, { axis = -1 }: AxisOption): Tensor {
  const [t, p] = [centred(yTrue.cast(yPred.dtype), axis), centred(yPred, axis)];
  return mean(t.d.div(t.s).mul(p.d.div(p.s)), { axis });
}

/** 2·covariance / (both variances + squared difference of the means) (Lin, 1989). */
function concordance(yTrue: Tensor, yPred: Tensor, { axis = -1 }: AxisOption): Tensor {
  const [t, p] = [centred(yTrue.cast(yPred.dtype), axis), centred(yPred, axis)];
  const covariance = mean(t.d.mul(p.d), { axis });
  const flat = (x: Tensor): Tensor => x.reshape(covariance.shape);
  return covariance.mul(2).div(flat(t.s.square().add(p.s.square()).add(t.m.sub(p.m).square())).add(1e-7));
}

/** How often predictions equal targets. */
export const Accuracy: MetricClass = metricClass("Accuracy", accuracy);
/** How often predictions are on the right side of `threshold` (default 0.5). */
export const BinaryAccuracy: MetricClass<{ readonly threshold?: number }> = metricClass(
  "BinaryAccuracy",
  (t, p, o) => binaryAccuracy(t, p, o.threshold),
  ["threshold"],
);
/** How often the largest prediction is at the largest target. */
export const CategoricalAccuracy: MetricClass = metricClass("CategoricalAccuracy", categoricalAccuracy);
/** How often the largest prediction is at the class given by its number. */
export const SparseCategoricalAccuracy: MetricClass = metricClass(
  "SparseCategoricalAccuracy",
  sparseCategoricalAccuracy,
);
/** How often the class of one-hot targets is among the `k` (5) largest predictions. */
export const TopKCategoricalAccuracy: MetricClass<TopKOptions> = metricClass(
  "TopKCategoricalAccuracy",
  (t, p, { k = 5 }) => inTopK(t.argmax({ axis: -1 }).data, p, k),
  ["k"],
);
/** How often the class given by its number is among the `k` (5) largest predictions. */
export const SparseTopKCategoricalAccuracy: MetricClass<SparseTopKOptions> = metricClass(
  "SparseTopKCategoricalAccuracy",
  sparseTopK,
  ["k", "fromSortedIds"],
);
/** The mean of (t − p)². */
export const MeanSquaredError: MetricClass = metricClass("MeanSquaredError", losses.meanSquaredError);
/** The mean of |t − p|. */
export const MeanAbsoluteError: MetricClass = metricClass("MeanAbsoluteError", losses.meanAbsoluteError);
/** The mean of 100·|t − p| / |t|. */
export const MeanAbsolutePercentageError: MetricClass = metricClass(
  "MeanAbsolutePercentageError",
  losses.meanAbsolutePercentageError,
);
/** The mean of (log(1 + t) − log(1 + p))². */
export const MeanSquaredLogarithmicError: MetricClass = metricClass(
  "MeanSquaredLogarithmicError",
  losses.meanSquaredLogarithmicError,
);
/** The mean of log cosh(p − t). */
export const LogCoshError: MetricClass = metricClass("LogCoshError", losses.logCosh, [], "logcosh");
/** The mean of an error quadratic up to `delta` (1), linear beyond. */
export const Huber: MetricClass<{ readonly delta?: number }> = metricClass("Huber", losses.huber, ["delta"]);
/** The mean cosine of the angle between targets and predictions. */
export const CosineSimilarity: MetricClass<{ readonly axis?: number }> = metricClass(
  "CosineSimilarity",
  (t, p, o) => losses.cosineSimilarity(t, p, o).neg(),
  ["axis"],
);
/** The mean correlation of targets and predictions along `axis` (default: the last). */
export const PearsonCorrelation: MetricClass<AxisOption> = metricClass("PearsonCorrelation", pearson, ["axis"]);
/** The mean agreement of targets and predictions along `axis` (default: the last): their correlation, if means and variances agree (Lin, 1989). */
export const ConcordanceCorrelation: MetricClass<AxisOption> = metricClass("ConcordanceCorrelation", concordance, [
  "axis",
]);
/** The mean of max(1 − t·p, 0). */
export const Hinge: MetricClass = metricClass("Hinge", losses.hinge);
/** The mean of max(1 − t·p, 0)². */
export const SquaredHinge: MetricClass = metricClass("SquaredHinge", losses.squaredHinge);
/** The mean of how far the right class is from being ahead by 1. */
export const CategoricalHinge: MetricClass = metricClass("CategoricalHinge", losses.categoricalHinge);
/** The mean of Σ t·log(t / p). */
export const KLDivergence: MetricClass = metricClass("KLDivergence", losses.klDivergence);
/** The mean of p − t·log p. */
export const Poisson: MetricClass = metricClass("Poisson", losses.poisson);
/** The mean of −(t·log p + (1 − t)·log(1 − p)). */
export const BinaryCrossentropy: MetricClass<losses.CrossentropyOptions> = metricClass(
  "BinaryCrossentropy",
  losses.binaryCrossentropy,
  ["fromLogits", "labelSmoothing", "axis"],
);
/** The mean of −Σ t·log p, for one-hot targets. */
export const CategoricalCrossentropy: MetricClass<losses.CrossentropyOptions> = metricClass(
  "CategoricalCrossentropy",
  losses.categoricalCrossentropy,
  ["fromLogits", "labelSmoothing", "axis"],
);
/** The mean of −log of the probability of the class given by its number. */
export const SparseCategoricalCrossentropy: MetricClass<losses.SparseCrossentropyOptions> = metricClass(
  "SparseCategoricalCrossentropy",
  losses.sparseCategoricalCrossentropy,
  ["fromLogits", "ignoreClass", "axis"],
);
