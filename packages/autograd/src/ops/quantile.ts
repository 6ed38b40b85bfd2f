import { ArgumentError, checkNumber, checkOptions, ShapeError, unknownOption } from "../errors.ts";
import { listOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { add, ceil, floor, mul, round, sub } from "./arithmetic.ts";
import { cast, floating } from "./cast.ts";
import { equal, isNan, logicalNot, where } from "./comparison.ts";
import { full } from "./create.ts";
import { takeAlongAxis } from "./indexing.ts";
import { clamp, lerp } from "./piecewise.ts";
import { type ReduceOptions, sum } from "./reduction.ts";
import { reshape } from "./reshape.ts";
import { concatenate } from "./shape.ts";
import { sort } from "./sort.ts";
import { merged } from "./statistics.ts";
import type { TensorLike } from "./tensor-like.ts";
import { select } from "./view.ts";

/** What a quantile between two elements is: how far from the lower one, given its place among the sorted. */
const methods = {
  linear: (place: Tensor): Tensor => sub(place, floor(place)),
  lower: (place: Tensor): Tensor => mul(place, 0),
  higher: (place: Tensor): Tensor => sub(ceil(place), floor(place)),
  midpoint: (place: Tensor): Tensor => mul(sub(ceil(place), floor(place)), 0.5),
  nearest: (place: Tensor): Tensor => sub(round(place), floor(place)),
} as const;

/** Options of {@link quantile}. */
export interface QuantileOptions extends ReduceOptions {
  /**
   * What to give between two elements: `linear` interpolation, the `lower`, the `higher`, the `midpoint`, or the
   * `nearest` (of equally near ones that at an even place). Default: `linear`.
   */
  readonly method?: keyof typeof methods;
}

const medianNames = ["axis", "keepDims"] as const;

function quantileOf(
  op: string,
  x: TensorLike,
  q: number | readonly number[],
  options: QuantileOptions,
  ignoresNaN: boolean,
  names: readonly (keyof QuantileOptions)[] = ["axis", "keepDims", "method"],
): Tensor {
  const input = floating(x);
  const { method = "linear", ...reduce } = checkOptions(op, options, names);
  if (typeof method !== "string" || !Object.hasOwn(methods, method))
    throw unknownOption(op, "method", method, Object.keys(methods));
  const list = typeof q === "number" ? [q] : listOf(op, "quantiles", q);
  if (list.length === 0) throw new ArgumentError({ op, message: "there is no q" });
  for (const each of list) checkNumber(op, "q", each, (v) => v >= 0 && v <= 1, "0 ≤ q ≤ 1");
  const { last, shape } = merged(op, input, reduce);
  const length = last.shape.at(-1)!;
  if (length === 0) throw new ShapeError({ op, message: "there is no element", operands: [input] });
  const { values } = sort(last);
  const known = cast(logicalNot(isNan(values)), "float64");
  const counts = ignoresNaN
    ? sum(known, { axis: -1, keepDims: true })
    : full(last.shape.with(-1, 1), length, { dtype: "float64" });
  // NaN comes last.
  const isUnknown = ignoresNaN ? equal(counts, 0) : isNan(select(values, -1, -1)).unsqueeze(-1);
  const found = list.map((v) => {
    const place = clamp(mul(sub(counts, 1), v), { min: 0 });
    const below = cast(floor(place), "int32");
    const above = clamp(add(below, 1), { max: length - 1 });
    const weight = cast(methods[method](place), input.dtype);
    const lower = takeAlongAxis(values, below, -1);
    // Not where the weight is 0: what is above may be infinite or NaN.
    const higher = where(equal(weight, 0), lower, takeAlongAxis(values, above, -1));
    // Half-way between infinity and a number the difference times the weight would be no number.
    const halves = add(mul(lower, 0.5), mul(higher, 0.5));
    return where(isUnknown, Number.NaN, where(equal(weight, 0.5), halves, lerp(lower, higher, weight)));
  });
  if (typeof q === "number") return reshape(found[0]!, shape);
  return reshape(concatenate(found.map((part) => reshape(part, [1, ...part.shape]))), [list.length, ...shape]);
}

/**
 * The q-quantile; NaN where an element is NaN.
 *
 * @param q in [0, 1], or a list, which becomes the first axis of the result.
 * @throws {ArgumentError} for q outside [0, 1], and unknown methods.
 * @throws {ShapeError} over no elements.
 *
 * @example
 * ```ts
 * quantile([1, 2, 3, 4], 0.5); // 2.5
 * quantile([1, 2, 3, 4], 0.5, { method: "lower" }); // 2
 * ```
 */
export function quantile(x: TensorLike, q: number | readonly number[], options: QuantileOptions = {}): Tensor {
  return quantileOf("quantile", x, q, options, false);
}

/**
 * The q-quantile of the elements that are not NaN; NaN where there is none. See {@link quantile}.
 *
 * @example
 * ```ts
 * nanQuantile([1, Number.NaN, 3], 0.5); // 2
 * ```
 */
export function nanQuantile(x: TensorLike, q: number | readonly number[], options: QuantileOptions = {}): Tensor {
  return quantileOf("nanQuantile", x, q, options, true);
}

/**
 * The middle element in order, or the mean of the two in the middle; NaN where an element is NaN.
 *
 * @example
 * ```ts
 * median([3, 1, 2]); // 2
 * ```
 */
export function median(x: TensorLike, options: ReduceOptions = {}): Tensor {
  return quantileOf("median", x, 0.5, options, false, medianNames);
}

/**
 * The median of the elements that are not NaN; NaN where there is none.
 *
 * @example
 * ```ts
 * nanMedian([3, Number.NaN, 2]); // 2.5
 * ```
 */
export function nanMedian(x: TensorLike, options: ReduceOptions = {}): Tensor {
  return quantileOf("nanMedian", x, 0.5, options, true, medianNames);
}
