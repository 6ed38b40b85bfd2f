import { ArgumentError, Generator } from "@gradiente/autograd";
import { DataError } from "../errors.ts";
import { checkOptionNames } from "../option-checks.ts";

/** Numbers of the samples to train on and of those to validate on, each in rising order. */
export interface Fold {
  readonly train: Int32Array;
  readonly validation: Int32Array;
}

/** Options of {@link kFold}. */
export interface FoldOptions {
  /** Fixes which sample falls into which fold. Default: they are cut one after the other. */
  readonly seed?: number;
  /** Labels of the samples: every fold then has its share of every class. */
  readonly stratify?: ArrayLike<number>;
}

/**
 * Divides `count` samples into `folds` parts whose sizes differ by at most one, each to be held out once. With
 * `stratify`, the numbers of samples of each class differ by at most one between folds, too.
 *
 * @throws {ArgumentError} unless 2 ≤ folds ≤ count.
 * @throws {DataError} for labels of another count.
 *
 * @example
 * ```ts
 * kFold(5, 2).map(({ validation }) => [...validation]); // [[0, 1, 2], [3, 4]]
 * kFold(4, 2, { stratify: [0, 0, 1, 1] }).map(({ validation }) => [...validation]); // [[0, 2], [1, 3]]
 * ```
 */
export function kFold(count: number, folds: number, options: FoldOptions = {}): Fold[] {
  checkOptionNames("kFold", options, ["seed", "stratify"]);
  const { seed, stratify } = options;
  if (!Number.isInteger(folds) || folds < 2 || folds > count) {
    throw new ArgumentError({
      op: "kFold",
      message: `there are ${folds} folds, expected a whole number from 2 to the number of samples, ${count}`,
    });
  }
  if (stratify !== undefined && stratify.length !== count) {
    throw new DataError({ op: "kFold", message: `${count} samples, but ${stratify.length} labels to stratify by` });
  }
  const order =
    seed === undefined ? Int32Array.from({ length: count }, (_, i) => i) : new Generator(seed).permutation(count);
  const assigned = new Int32Array(count);
  // Class by class, and dealt out like cards: a class goes on where the one before it ended.
  const dealt = stratify && [...order].sort((a, b) => stratify[a]! - stratify[b]!);
  for (let i = 0; i < count; i++) {
    if (dealt) assigned[dealt[i]!] = i % folds;
    else assigned[order[i]!] = foldAt(i, count, folds);
  }
  return Array.from({ length: folds }, (_, fold) => {
    const all = Int32Array.from({ length: count }, (_, i) => i);
    return {
      train: all.filter((i) => assigned[i] !== fold),
      validation: all.filter((i) => assigned[i] === fold),
    };
  });
}

/** The part that place `i` of `count` belongs to when the first parts are one larger where the division leaves a rest. */
function foldAt(i: number, count: number, folds: number): number {
  const [size, rest] = [Math.floor(count / folds), count % folds];
  const inLarger = rest * (size + 1);
  return i < inLarger ? Math.floor(i / (size + 1)) : rest + Math.floor((i - inLarger) / size);
}
