import { ArgumentError, Tensor, where } from "@gradiente/autograd";
import type { Config } from "../config.ts";
import { unknownName } from "../errors.ts";
import { maskOf } from "../masks.ts";

/** How losses of single samples become one number. `sum_over_batch_size` is their mean. */
export type Reduction = (typeof reductions)[number];

const reductions = ["sum_over_batch_size", "sum", "mean", "none", "mean_with_sample_weight"] as const;

/** The loss of every sample: a function of targets and predictions, with the last axis reduced. */
export type LossFunction = (yTrue: Tensor, yPred: Tensor) => Tensor;

/** Options that every loss has. */
export interface LossOptions {
  readonly name?: string;
  /** Default: sum_over_batch_size. As in Keras, null is "none". */
  readonly reduction?: Reduction | null;
}

/** What training makes small. A loss of one's own extends this class, or is any function of two tensors. */
export abstract class Loss {
  /** Keras' class name. */
  abstract readonly className: string;
  readonly name: string;
  readonly reduction: Reduction;

  constructor(name: string, { reduction = "sum_over_batch_size", name: given }: LossOptions = {}) {
    if (reduction !== null && !reductions.includes(reduction)) {
      throw unknownName(given ?? name, "reduction", reduction, reductions);
    }
    this.name = given ?? name;
    this.reduction = reduction ?? "none";
  }

  /** The loss of every sample. */
  abstract call(yTrue: Tensor, yPred: Tensor): Tensor;

  /** The loss of a batch: a scalar, unless the reduction is "none". */
  apply(yTrue: Tensor, yPred: Tensor, sampleWeight: Tensor | null = null): Tensor {
    const target = yTrue.dtype === "bool" ? yTrue.cast(yPred.dtype) : yTrue;
    const [t, p] = sameRank(target, yPred);
    const values = this.call(t, p);
    if (!(values instanceof Tensor)) {
      throw new ArgumentError({
        op: this.name,
        message: `the loss gave ${typeof values === "object" ? "an object" : String(values)}, not a tensor`,
        hint: "a loss is a function (yTrue, yPred) of tensors; item() and toArray() leave the tape",
      });
    }
    const mask = bothMasks(maskOf(yPred), maskOf(values));
    const weight = mask === null ? sampleWeight : maskedWeight(mask, sampleWeight, values, this.reduction);
    return reduceWeighted(values, weight, this.reduction);
  }

  getConfig(): Config {
    return { name: this.name, reduction: this.reduction };
  }
}

/** The two with equal rank, where an axis of length 1 at the end is the only difference. */
export function sameRank(yTrue: Tensor, yPred: Tensor): readonly [Tensor, Tensor] {
  if (yTrue.rank === yPred.rank - 1 && yPred.shape.at(-1) === 1) return [yTrue.reshape([...yTrue.shape, 1]), yPred];
  if (yTrue.rank === yPred.rank + 1 && yTrue.shape.at(-1) === 1)
    return [yTrue.reshape(yTrue.shape.slice(0, -1)), yPred];
  return [yTrue, yPred];
}

/** What counts by both masks: that of the predictions, and that of losses which leave samples out. */
export function bothMasks(a: Tensor | null, b: Tensor | null): Tensor | null {
  return a === null ? b : b === null ? a : a.logicalAnd(b);
}

/** Weights of samples (or of their steps) with the rank and dtype of the values they belong to. */
export function fittedWeight(weight: Tensor, values: Tensor): Tensor {
  let w = weight.dtype === values.dtype ? weight : weight.cast(values.dtype);
  if (w.rank === values.rank + 1 && w.shape.at(-1) === 1) w = w.squeeze(-1);
  while (w.rank < values.rank) w = w.unsqueeze(-1);
  return w;
}

/**
 * Weights for steps of which a mask says whether they count. As in Keras, those that do weigh (all steps) / (steps that
 * count) where a mean over all is taken, so that it becomes one over those that count.
 */
export function maskedWeight(mask: Tensor, sampleWeight: Tensor | null, values: Tensor, reduction: Reduction): Tensor {
  const flags = mask.cast(values.dtype);
  const averaged = reduction === "sum_over_batch_size" || reduction === "mean";
  const kept = averaged ? flags.mul(mask.size / Math.max(1, flags.sum().item())) : flags;
  return sampleWeight === null ? kept : kept.mul(fittedWeight(sampleWeight, kept));
}

/** Weighs and reduces losses of samples. */
export function reduceWeighted(values: Tensor, sampleWeight: Tensor | null, reduction: Reduction): Tensor {
  const weight = sampleWeight === null ? null : fittedWeight(sampleWeight, values);
  const weighted = weight === null ? values : values.mul(weight);
  if (reduction === "none") return weighted;
  const total = weighted.rank === 0 ? weighted : weighted.sum();
  if (reduction === "sum") return total;
  if (reduction === "mean_with_sample_weight" && weight !== null) {
    const weights = weight.broadcastTo(weighted.shape).sum();
    return where(weights.equal(0), 0, total.div(where(weights.equal(0), 1, weights))); // without weight, no loss
  }
  return total.div(Math.max(1, weighted.size));
}
