import type { Tensor } from "@gradiente/autograd";
import { type Config, snakeCase } from "../config.ts";
import { checkOptionsOf } from "../option-checks.ts";
import { Metric } from "./metric.ts";

/** Options that metrics of overlap share. */
export interface IoUOptions {
  readonly name?: string;
  /** A class whose samples are left out. Default: none. */
  readonly ignoreClass?: number | null;
  /** Whether targets are class numbers, not one-hot. Default: true. */
  readonly sparseYTrue?: boolean;
  /** Whether predictions are class numbers, not scores. Default: true. */
  readonly sparseYPred?: boolean;
  /** The axis of the classes, where targets or predictions are not numbers. Default: the last. */
  readonly axis?: number;
}

/** Counts of pairs of true and predicted classes, and overlaps from them: tp / (tp + fp + fn). */
abstract class Overlap extends Metric {
  protected readonly numClasses: number;
  protected readonly options: IoUOptions;
  private readonly matrix: Float64Array;

  constructor(name: string, numClasses: number, options: IoUOptions) {
    super(options.name ?? name);
    this.numClasses = numClasses;
    this.options = options;
    this.matrix = new Float64Array(numClasses * numClasses);
  }

  /** Class numbers of predictions or targets. */
  protected numbers(x: Tensor, sparse: boolean): ArrayLike<number> {
    return (sparse ? x : x.argmax({ axis: this.options.axis ?? -1 })).data;
  }

  update(yTrue: Tensor, yPred: Tensor, sampleWeight: Tensor | null = null): void {
    const { sparseYTrue = true, sparseYPred = true, ignoreClass = null } = this.options;
    const truth = this.numbers(yTrue, sparseYTrue);
    const guess = this.numbers(yPred, sparseYPred);
    const weight = sampleWeight?.data;
    const row = weight === undefined ? 1 : truth.length / weight.length;
    for (let i = 0; i < truth.length; i++) {
      const [t, p] = [Math.trunc(truth[i]!), Math.trunc(guess[i]!)];
      const inside = t >= 0 && t < this.numClasses && p >= 0 && p < this.numClasses;
      if (!inside || t === ignoreClass) continue;
      this.matrix[t * this.numClasses + p]! += weight === undefined ? 1 : weight[Math.floor(i / row)]!;
    }
  }

  /** The mean overlap of those of the classes that occur. */
  protected meanOf(classes: readonly number[]): number {
    let [total, present] = [0, 0];
    for (const c of classes) {
      let [row, column] = [0, 0];
      for (let d = 0; d < this.numClasses; d++) {
        row += this.matrix[c * this.numClasses + d]!;
        column += this.matrix[d * this.numClasses + c]!;
      }
      const both = this.matrix[c * this.numClasses + c]!;
      if (row + column - both === 0) continue;
      total += both / (row + column - both);
      present++;
    }
    return present === 0 ? 0 : total / present;
  }

  reset(): void {
    this.matrix.fill(0);
  }

  override getConfig(): Config {
    const own = Object.entries({ ...this.options, numClasses: this.numClasses });
    return { ...Object.fromEntries(own.map(([key, value]) => [snakeCase(key), value])), ...super.getConfig() };
  }
}

const overlapNames = ["name", "ignoreClass", "sparseYTrue", "sparseYPred", "axis", "numClasses"];
const oneHotNames = overlapNames.filter((name) => name !== "sparseYTrue");

/** The mean overlap of true and predicted classes over `targetClassIds`. */
export class IoU extends Overlap {
  /** @internal */
  static readonly optionNames: readonly string[] = [...overlapNames, "targetClassIds"];
  readonly className: string = "IoU";
  private readonly classes: readonly number[];
  constructor(options: IoUOptions & { readonly numClasses: number; readonly targetClassIds: readonly number[] }) {
    checkOptionsOf(IoU, new.target, options);
    const { numClasses, targetClassIds, ...rest } = options;
    super("io_u", numClasses, rest);
    this.classes = targetClassIds;
  }
  result(): number {
    return this.meanOf(this.classes);
  }
  override getConfig(): Config {
    return { ...super.getConfig(), target_class_ids: this.classes };
  }
}

/** The mean overlap of true and predicted classes over all classes that occur. */
export class MeanIoU extends Overlap {
  /** @internal */
  static readonly optionNames: readonly string[] = overlapNames;
  readonly className: string = "MeanIoU";
  constructor(options: IoUOptions & { readonly numClasses: number }) {
    checkOptionsOf(MeanIoU, new.target, options);
    const { numClasses, ...rest } = options;
    super("mean_io_u", numClasses, rest);
  }
  result(): number {
    return this.meanOf(Array.from({ length: this.numClasses }, (_, c) => c));
  }
}

/** {@link IoU} of predictions between 0 and 1 that are positive from `threshold` (0.5) on, over both classes. */
export class BinaryIoU extends IoU {
  /** @internal */
  static override readonly optionNames: readonly string[] = ["name", "targetClassIds", "threshold"];
  override readonly className = "BinaryIoU";
  private readonly threshold: number;
  constructor(
    options: { readonly name?: string; readonly targetClassIds?: readonly number[]; readonly threshold?: number } = {},
  ) {
    checkOptionsOf(BinaryIoU, new.target, options);
    const { name = "binary_io_u", targetClassIds = [0, 1], threshold = 0.5 } = options;
    super({ name, numClasses: 2, targetClassIds });
    this.threshold = threshold;
  }
  override update(yTrue: Tensor, yPred: Tensor, sampleWeight: Tensor | null = null): void {
    super.update(yTrue, yPred.greaterEqual(this.threshold).cast("int32"), sampleWeight);
  }
  override getConfig(): Config {
    const { name, target_class_ids } = super.getConfig() as { name: string; target_class_ids: number[] };
    return { name, target_class_ids, threshold: this.threshold };
  }
}

/** Options without one that Keras' class does not take. */
function withoutSparseYTrue({ sparse_y_true: _, ...config }: Config): Config {
  return config;
}

/** {@link IoU} for one-hot targets, and predictions that are scores (or, with `sparseYPred`, class numbers). */
export class OneHotIoU extends IoU {
  /** @internal */
  static override readonly optionNames: readonly string[] = [...oneHotNames, "targetClassIds"];
  override readonly className = "OneHotIoU";
  constructor(options: Omit<ConstructorParameters<typeof IoU>[0], "sparseYTrue">) {
    checkOptionsOf(OneHotIoU, new.target, options);
    super({ name: "one_hot_io_u", sparseYPred: false, ...options, sparseYTrue: false });
  }
  override getConfig(): Config {
    return withoutSparseYTrue(super.getConfig());
  }
}

/** {@link MeanIoU} for one-hot targets, and predictions that are scores (or, with `sparseYPred`, class numbers). */
export class OneHotMeanIoU extends MeanIoU {
  /** @internal */
  static override readonly optionNames: readonly string[] = oneHotNames;
  override readonly className = "OneHotMeanIoU";
  constructor(options: Omit<ConstructorParameters<typeof MeanIoU>[0], "sparseYTrue">) {
    checkOptionsOf(OneHotMeanIoU, new.target, options);
    super({ name: "one_hot_mean_io_u", sparseYPred: false, ...options, sparseYTrue: false });
  }
  override getConfig(): Config {
    return withoutSparseYTrue(super.getConfig());
  }
}
