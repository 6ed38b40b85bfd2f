import type { Tensor } from "@gradiente/autograd";
import { type Config, snakeCase } from "../config.ts";
import { checkOptionNames } from "../option-checks.ts";
import * as f from "./functions.ts";
import { Loss, type LossOptions } from "./loss.ts";

/** A loss that is a function of two tensors, and of options that files contain too. */
export class FunctionLoss<O extends object = object> extends Loss {
  readonly className: string;
  readonly settings: O;
  private readonly value: (yTrue: Tensor, yPred: Tensor, options: O) => Tensor;

  constructor(
    className: string,
    value: (yTrue: Tensor, yPred: Tensor, options: O) => Tensor,
    options: LossOptions & O = {} as LossOptions & O,
  ) {
    super(snakeCase(className), options);
    this.className = className;
    this.value = value;
    const { name: _, reduction: __, ...settings } = options;
    this.settings = settings as unknown as O;
  }

  call(yTrue: Tensor, yPred: Tensor): Tensor {
    return this.value(yTrue, yPred, this.settings);
  }

  override getConfig(): Config {
    const own = Object.entries(this.settings).map(([key, value]) => [snakeCase(key), value]);
    return { ...super.getConfig(), ...Object.fromEntries(own) };
  }
}

/** The class of losses by one function: `new Huber({ delta: 2 })`. */
export interface LossClass<O extends object = object> {
  new (options?: LossOptions & O): FunctionLoss<O>;
  /** @internal */
  readonly optionNames: readonly string[];
}

/** @param names those of the options that not every loss has. */
function lossClass<O extends object>(
  className: string,
  value: (yTrue: Tensor, yPred: Tensor, options: O) => Tensor,
  names: readonly string[] = [],
  defaults: LossOptions = {},
): LossClass<O> {
  const type = class extends FunctionLoss<O> {
    static readonly optionNames: readonly string[] = ["name", "reduction", ...names];
    constructor(options: LossOptions & O = {} as LossOptions & O) {
      if (new.target === type) checkOptionNames(className, options, type.optionNames);
      super(className, value, { ...defaults, ...options });
    }
  };
  return type;
}

const crossentropyNames = ["fromLogits", "labelSmoothing", "axis"] as const;
const focalNames = [...crossentropyNames, "alpha", "gamma", "applyClassBalancing"] as const;

/** Mean of (t − p)². */
export const MeanSquaredError: LossClass = lossClass("MeanSquaredError", f.meanSquaredError);
/** Mean of |t − p|. */
export const MeanAbsoluteError: LossClass = lossClass("MeanAbsoluteError", f.meanAbsoluteError);
/** Mean of 100·|t − p| / |t|. */
export const MeanAbsolutePercentageError: LossClass = lossClass(
  "MeanAbsolutePercentageError",
  f.meanAbsolutePercentageError,
);
/** Mean of (log(1 + t) − log(1 + p))². */
export const MeanSquaredLogarithmicError: LossClass = lossClass(
  "MeanSquaredLogarithmicError",
  f.meanSquaredLogarithmicError,
);
/** Quadratic up to `delta` (default 1), linear beyond. */
export const Huber: LossClass<{ readonly delta?: number }> = lossClass("Huber", f.huber, ["delta"], {
  name: "huber_loss",
});
/** Mean of log cosh(p − t). */
export const LogCosh: LossClass = lossClass("LogCosh", f.logCosh);
/** Minus the cosine of the angle between targets and predictions along `axis` (default: the last). */
export const CosineSimilarity: LossClass<{ readonly axis?: number }> = lossClass(
  "CosineSimilarity",
  f.cosineSimilarity,
  ["axis"],
);
/** Mean of max(1 − t·p, 0), for targets −1 and 1 (0 counts as −1). */
export const Hinge: LossClass = lossClass("Hinge", f.hinge);
/** Mean of max(1 − t·p, 0)². */
export const SquaredHinge: LossClass = lossClass("SquaredHinge", f.squaredHinge);
/** max(max over the wrong classes − prediction of the right one + 1, 0), for one-hot targets. */
export const CategoricalHinge: LossClass = lossClass("CategoricalHinge", f.categoricalHinge);
/** Σ t·log(t / p). */
export const KLDivergence: LossClass = lossClass("KLDivergence", f.klDivergence);
/** Mean of p − t·log p. */
export const Poisson: LossClass = lossClass("Poisson", f.poisson);
/** One minus the overlap of two masks (Dice, 1945). */
export const Dice: LossClass<f.OverlapOptions> = lossClass("Dice", f.dice, ["axis"]);
/** One minus an overlap in which false positives and negatives count differently (Salehi et al., 2017). */
export const Tversky: LossClass<f.TverskyOptions> = lossClass("Tversky", f.tversky, ["axis", "alpha", "beta"]);
/** −(t·log p + (1 − t)·log(1 − p)); computed from logits where a sigmoid gave the predictions. */
export const BinaryCrossentropy: LossClass<f.CrossentropyOptions> = lossClass(
  "BinaryCrossentropy",
  f.binaryCrossentropy,
  crossentropyNames,
);
/** Binary cross-entropy in which easy samples count less (Lin et al., 2017). */
export const BinaryFocalCrossentropy: LossClass<f.FocalOptions> = lossClass(
  "BinaryFocalCrossentropy",
  f.binaryFocalCrossentropy,
  focalNames,
);
/** −Σ t·log p for one-hot targets; computed from logits where a softmax gave the predictions. */
export const CategoricalCrossentropy: LossClass<f.CrossentropyOptions> = lossClass(
  "CategoricalCrossentropy",
  f.categoricalCrossentropy,
  crossentropyNames,
);
/** Cross-entropy of one-hot targets in which easy samples count less (Lin et al., 2017). */
export const CategoricalFocalCrossentropy: LossClass<f.FocalOptions> = lossClass(
  "CategoricalFocalCrossentropy",
  f.categoricalFocalCrossentropy,
  focalNames,
);
/** −log of the probability of the right class, for targets that are class numbers. */
export const SparseCategoricalCrossentropy: LossClass<f.SparseCrossentropyOptions> = lossClass(
  "SparseCategoricalCrossentropy",
  f.sparseCategoricalCrossentropy,
  ["fromLogits", "ignoreClass", "axis"],
);
/** (1 − p^q) / q (q: 0.5), which wrong labels harm less (Zhang and Sabuncu, 2018). Targets are class numbers. */
export const CategoricalGeneralizedCrossEntropy: LossClass<{ readonly q?: number }> = lossClass(
  "CategoricalGeneralizedCrossEntropy",
  f.categoricalGeneralizedCrossEntropy,
  ["q"],
);
/** Pulls embeddings of one class together and others apart (Sun et al., 2020). Targets are class numbers. */
export const Circle: LossClass<f.CircleOptions> = lossClass("Circle", f.circle, ["gamma", "margin", "removeDiagonal"]);
/** Connectionist temporal classification (Graves et al., 2006): see the function `ctc`. */
export const CTC: LossClass = lossClass("CTC", f.ctc);
