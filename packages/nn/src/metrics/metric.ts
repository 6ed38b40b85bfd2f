import { ArgumentError, sum, Tensor } from "@gradiente/autograd";
import { type Config, snakeCase } from "../config.ts";
import { bothMasks, fittedWeight, maskedWeight, sameRank } from "../losses/loss.ts";
import { maskOf } from "../masks.ts";
import { checkOptionsOf } from "../option-checks.ts";
import { copyOfState, Fields, type State } from "../state.ts";

/** Metrics of which more is better, by the names of their classes and functions. */
const rising: ReadonlySet<string> = new Set(
  [
    ["Accuracy", "BinaryAccuracy", "CategoricalAccuracy", "SparseCategoricalAccuracy", "acc"],
    ["TopKCategoricalAccuracy", "SparseTopKCategoricalAccuracy", "AUC", "Precision", "Recall"],
    ["PrecisionAtRecall", "RecallAtPrecision", "SensitivityAtSpecificity", "SpecificityAtSensitivity"],
    ["F1Score", "FBetaScore", "R2Score", "CosineSimilarity", "PearsonCorrelation", "ConcordanceCorrelation"],
    ["IoU", "BinaryIoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU"],
  ]
    .flat()
    .flatMap((name) => [name, snakeCase(name)]),
);
/** Those of which less is better. */
const falling: ReadonlySet<string> = new Set(
  [
    ["RootMeanSquaredError", "LogCoshError", "mean_squared_error", "mse", "mean_absolute_error", "mae"],
    ["mean_absolute_percentage_error", "mape", "mean_squared_logarithmic_error", "msle", "kl_divergence", "poisson"],
    ["categorical_crossentropy", "sparse_categorical_crossentropy", "binary_crossentropy", "huber", "log_cosh"],
    ["hinge", "squared_hinge", "categorical_hinge", "loss"],
  ]
    .flat()
    .flatMap((name) => [name, snakeCase(name)]),
);

/** Whether more or less of a metric of this name is better; null where that is not known. */
export function directionOf(name: string): "up" | "down" | null {
  return rising.has(name) ? "up" : falling.has(name) ? "down" : null;
}

/** A number that is followed over the batches of an epoch. One of one's own extends this class. */
export abstract class Metric {
  /** Keras' class name. */
  abstract readonly className: string;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  /** Takes in a batch. */
  abstract update(yTrue: Tensor, yPred: Tensor, sampleWeight?: Tensor | null): void;
  /** The value over what was taken in since the last reset. */
  abstract result(): number;
  abstract reset(): void;

  /** Whether more is better, for callbacks that monitor it; null where that is not known. */
  get direction(): "up" | "down" | null {
    return directionOf(this.className) ?? directionOf(this.name);
  }

  /**
   * What a checkpoint in the middle of an epoch holds: every field that is a number, text, array, tensor, a plain
   * object of such, or a metric. One that keeps its sums elsewhere (`#private` fields, closures) overrides this and
   * `restoreState`.
   */
  state(): State {
    const fields: Record<string, State> = {};
    for (const [name, value] of Object.entries(this)) {
      const copy = value instanceof Metric ? value.state() : copyOfState(value);
      if (copy !== undefined) fields[name] = copy;
    }
    return fields;
  }

  /** Goes on from what {@link state} gave. */
  restoreState(state: State): void {
    const saved = new Fields(`the metric ${this.name}`, state);
    for (const [name, value] of Object.entries(this)) {
      if (value instanceof Metric) value.restoreState(saved.get(name));
      else if (copyOfState(value) !== undefined) Object.assign(this, { [name]: saved.get(name) });
    }
  }

  getConfig(): Config {
    return { name: this.name };
  }
}

/** Up to so many values, adding them up takes less time here than launching a kernel does. */
const fewValues = 1024;

function totalOf(values: Tensor): number {
  if (values.size > fewValues) return sum(values).item();
  const { data } = values;
  let total = 0;
  for (let i = 0; i < data.length; i++) total += data[i]!;
  return total;
}

/** A weighted mean of numbers. */
export class Mean extends Metric {
  /** @internal */
  static readonly optionNames: readonly string[] = ["name"];
  readonly className = "Mean";
  private total = 0;
  /** The sum of the weights taken in. */
  weight = 0;

  constructor(options: { readonly name?: string } = {}) {
    checkOptionsOf(Mean, new.target, options);
    super(options.name ?? "mean");
  }

  /** @param values their mean is taken; there are no predictions. */
  update(values: Tensor, _none?: Tensor, sampleWeight: Tensor | null = null): void {
    if (sampleWeight === null) {
      this.add(totalOf(values), values.size);
      return;
    }
    const weight = fittedWeight(sampleWeight, values).broadcastTo(values.shape);
    this.add(totalOf(values.mul(weight)), totalOf(weight));
  }

  /** Adds `total`, the sum of values with the given total weight. */
  add(total: number, weight: number): void {
    this.total += total;
    this.weight += weight;
  }

  result(): number {
    return this.weight === 0 ? 0 : this.total / this.weight;
  }

  reset(): void {
    this.total = 0;
    this.weight = 0;
  }
}

/** A weighted sum of numbers. */
export class Sum extends Metric {
  /** @internal */
  static readonly optionNames: readonly string[] = ["name"];
  readonly className = "Sum";
  private total = 0;

  constructor(options: { readonly name?: string } = {}) {
    checkOptionsOf(Sum, new.target, options);
    super(options.name ?? "sum");
  }

  /** @param values their sum is taken; there are no predictions. */
  update(values: Tensor, _none?: Tensor, sampleWeight: Tensor | null = null): void {
    const weighted = sampleWeight === null ? values : values.mul(fittedWeight(sampleWeight, values));
    this.total += totalOf(weighted);
  }

  result(): number {
    return this.total;
  }

  reset(): void {
    this.total = 0;
  }
}

/** The value of a metric for every sample. */
export type MetricFunction = (yTrue: Tensor, yPred: Tensor) => Tensor;

/** The mean of a function of targets and predictions; of the steps that count, where predictions carry a mask. */
export class MeanMetric extends Metric {
  readonly className: string;
  private readonly value: MetricFunction;
  private readonly options: Config;
  private readonly mean = new Mean();

  /** @param options what files contain of the metric besides its name. */
  constructor(name: string, value: MetricFunction, className = "MeanMetricWrapper", options: Config = {}) {
    super(name);
    this.value = value;
    this.className = className;
    this.options = options;
  }

  update(yTrue: Tensor, yPred: Tensor, sampleWeight: Tensor | null = null): void {
    const [t, p] = sameRank(yTrue, yPred);
    const values = this.value(t, p);
    if (!(values instanceof Tensor)) {
      throw new ArgumentError({
        op: this.name,
        message: `the metric gave ${typeof values === "object" ? "an object" : String(values)}, not a tensor`,
        hint: "a metric is a function (yTrue, yPred) of tensors, whose mean is taken",
      });
    }
    const mask = bothMasks(maskOf(yPred), maskOf(values));
    this.mean.update(values, yPred, mask === null ? sampleWeight : maskedWeight(mask, sampleWeight, values, "sum"));
  }

  result(): number {
    return this.mean.result();
  }

  reset(): void {
    this.mean.reset();
  }

  override getConfig(): Config {
    return { ...super.getConfig(), ...this.options };
  }
}
