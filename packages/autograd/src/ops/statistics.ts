import { allocateArray, isFloat } from "../dtype.ts";
import { ArgumentError, checkInteger, checkNumber, checkOptions, inOperation, ShapeError, shown } from "../errors.ts";
import { checkShape, listOf, normalizeAxis, type Shape, sameShape, sizeOf } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { abs, add, div, mul, pow, square, sub } from "./arithmetic.ts";
import { cast, floating } from "./cast.ts";
import { equal, isFinite, isNan, logicalNot, notEqual, where } from "./comparison.ts";
import { full } from "./create.ts";
import { detach } from "./detach.ts";
import { exp, log, sqrt } from "./math.ts";
import { max, mean, min, type ReduceOptions, reducedAxes, sum, varianceOf } from "./reduction.ts";
import { permute, reshape } from "./reshape.ts";
import { productOfLast } from "./scan.ts";
import { moveAxis } from "./shape.ts";
import { asTensor, fromArray, type TensorLike } from "./tensor-like.ts";
import { slice } from "./view.ts";

/** The reduced axes merged into one last axis, and the shape to give the result. */
export function merged(op: string, x: Tensor, options: ReduceOptions): { last: Tensor; shape: Shape } {
  const axes = reducedAxes(op, options, x);
  const kept = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const count = sizeOf(axes.map((a) => x.shape[a]!));
  const last = reshape(permute(x, [...kept, ...axes]), [...kept.map((a) => x.shape[a]!), count]);
  const shape = options.keepDims ? x.shape.map((n, i) => (axes.includes(i) ? 1 : n)) : kept.map((a) => x.shape[a]!);
  return { last, shape };
}

/**
 * The product of elements; 1 over none. Its derivatives are right where factors are 0, too.
 *
 * @example
 * ```ts
 * prod([[1, 2], [3, 4]], { axis: 1 }); // [2, 12]
 * ```
 */
export function prod(x: TensorLike, options: ReduceOptions = {}): Tensor {
  const given = asTensor(x);
  const input = given.dtype === "bool" || given.dtype === "uint8" ? cast(given, "int32") : given;
  const { last, shape } = merged("prod", input, options);
  return last.shape.at(-1) === 0 ? full(shape, 1, { dtype: input.dtype }) : reshape(productOfLast(last), shape);
}

/**
 * log Σ eˣ, without overflow; -∞ over no elements.
 *
 * @example
 * ```ts
 * logSumExp([1000, 1000]); // 1000.693
 * ```
 */
export function logSumExp(x: TensorLike, options: ReduceOptions = {}): Tensor {
  return inOperation("logSumExp", () => {
    const input = floating(x);
    const axes = reducedAxes("logSumExp", options, input);
    if (axes.some((a) => input.shape[a] === 0)) return log(sum(exp(input), options));
    const highest = detach(max(input, { axis: axes, keepDims: true }));
    const shift = where(isFinite(highest), highest, 0);
    const shape = options.keepDims ? shift.shape : shift.shape.filter((_, a) => !axes.includes(a));
    const total = sum(exp(sub(input, shift)), options);
    // Where every element is -∞ so is the result, and its derivatives are 0.
    const isNone = equal(total, 0);
    return where(isNone, Number.NEGATIVE_INFINITY, add(log(where(isNone, 1, total)), reshape(shift, shape)));
  });
}

/** √x with the derivative 0 at 0, for x ≥ 0: where a norm vanishes, 0 is one of its subgradients. */
function safeSqrt(x: Tensor): Tensor {
  const isZero = equal(x, 0);
  return where(isZero, 0, sqrt(where(isZero, 1, x)));
}

/**
 * The standard deviation: the square root of the variance. Its derivative is taken as 0 where it is 0.
 *
 * @param options.correction 0 (default, as NumPy) for a population; 1 for an estimate from a sample.
 *
 * @example
 * ```ts
 * std([1, 3]); // 1
 * ```
 */
export function std(x: TensorLike, options: ReduceOptions & { readonly correction?: number } = {}): Tensor {
  return safeSqrt(varianceOf("std", x, options));
}

/**
 * The p-norm of the elements as a vector: (Σ |x|ᵖ)^(1/p). Its derivative is taken as 0 where it is 0, and
 * by elements that are 0.
 *
 * @param options.ord p: any number, or ±∞ for the largest or smallest absolute value; 0 counts what is not 0. Default: 2.
 *
 * @example
 * ```ts
 * norm([3, 4]); // 5
 * norm([3, -4], { ord: 1 }); // 7
 * ```
 */
export function norm(x: TensorLike, options: ReduceOptions & { readonly ord?: number } = {}): Tensor {
  return inOperation("norm", () => {
    const input = floating(x);
    const { ord = 2, ...reduce } = checkOptions("norm", options, ["axis", "keepDims", "ord"]);
    if (ord === 2) return safeSqrt(sum(square(input), reduce));
    if (ord === 1) return sum(abs(input), reduce);
    if (ord === 0) return sum(cast(notEqual(input, 0), input.dtype), reduce);
    if (ord === Number.POSITIVE_INFINITY) return max(abs(input), reduce);
    if (ord === Number.NEGATIVE_INFINITY) return min(abs(input), reduce);
    checkNumber("norm", "ord", ord, (p) => !Number.isNaN(p), "it is a number");
    // Elements that are 0, where |x|ᵖ may have no derivative, are given none.
    const none = ord > 0 ? 0 : Number.POSITIVE_INFINITY;
    const isZero = equal(input, 0);
    const total = sum(where(isZero, none, pow(where(isZero, 1, abs(input)), ord)), reduce);
    const isNone = equal(total, none);
    return where(isNone, 0, pow(where(isNone, 1, total), 1 / ord));
  });
}

/**
 * The largest element: {@link max} under NumPy's other name.
 *
 * @example
 * ```ts
 * amax([[1, 5], [3, 4]], { axis: 1 }); // [5, 4]
 * ```
 */
export function amax(x: TensorLike, options: ReduceOptions = {}): Tensor {
  return inOperation("amax", () => max(x, options));
}

/**
 * The smallest element: {@link min} under NumPy's other name.
 *
 * @example
 * ```ts
 * amin([[1, 5], [3, 4]], { axis: 1 }); // [1, 3]
 * ```
 */
export function amin(x: TensorLike, options: ReduceOptions = {}): Tensor {
  return inOperation("amin", () => min(x, options));
}

/**
 * How many elements are not 0 (int32).
 *
 * @example
 * ```ts
 * countNonzero([[0, 1], [2, 3]], { axis: 1 }); // [1, 2]
 * ```
 */
export function countNonzero(x: TensorLike, options: ReduceOptions = {}): Tensor {
  return inOperation("countNonzero", () => {
    return sum(cast(notEqual(asTensor(x), 0), "int32"), options);
  });
}

/**
 * The sum of elements that are not NaN.
 *
 * @example
 * ```ts
 * nanSum([1, Number.NaN, 2]); // 3
 * ```
 */
export function nanSum(x: TensorLike, options: ReduceOptions = {}): Tensor {
  return inOperation("nanSum", () => {
    const input = asTensor(x);
    return sum(where(isNan(input), 0, input), options);
  });
}

/**
 * The mean of elements that are not NaN; NaN where there is none.
 *
 * @example
 * ```ts
 * nanMean([1, Number.NaN, 2]); // 1.5
 * ```
 */
export function nanMean(x: TensorLike, options: ReduceOptions = {}): Tensor {
  return inOperation("nanMean", () => {
    const input = floating(x);
    return div(nanSum(input, options), sum(cast(logicalNot(isNan(input)), input.dtype), options));
  });
}

/** A vector along the one axis that is reduced, as in NumPy; other weights broadcast. */
function alongAxis(weights: Tensor, axis: ReduceOptions["axis"], x: Tensor): Tensor {
  if (typeof axis !== "number" || weights.rank !== 1) return weights;
  const at = normalizeAxis("average", axis, x);
  return reshape(weights, [weights.size, ...Array<number>(x.rank - 1 - at).fill(1)]);
}

/**
 * The mean, each element counted with a weight.
 *
 * @param options.weights a vector along `axis`, where that is one axis; otherwise of a shape that broadcasts to x's.
 *   Default: all equal.
 *
 * @example
 * ```ts
 * average([1, 2], { weights: [3, 1] }); // 1.25
 * ```
 */
export function average(x: TensorLike, options: ReduceOptions & { readonly weights?: TensorLike } = {}): Tensor {
  return inOperation("average", () => {
    const input = floating(x);
    const { weights: given, ...reduce } = checkOptions("average", options, ["axis", "keepDims", "weights"]);
    if (given === undefined) return mean(input, reduce);
    const weights = alongAxis(asTensor(given, isFloat(input.dtype) ? input.dtype : "float32"), reduce.axis, input);
    return div(
      sum(mul(input, weights), reduce),
      sum(mul(weights, full(input.shape, 1, { dtype: input.dtype })), reduce),
    );
  });
}

/**
 * The difference of neighbours along an axis.
 *
 * @param options.n how many times. Default: 1.
 * @param options.axis default: the last.
 *
 * @example
 * ```ts
 * diff([1, 4, 9]); // [3, 5]
 * ```
 */
export function diff(x: TensorLike, options: { readonly n?: number; readonly axis?: number } = {}): Tensor {
  const { n = 1, axis = -1 } = checkOptions("diff", options, ["n", "axis"]);
  let y = asTensor(x);
  const at = normalizeAxis("diff", axis, y);
  checkInteger("diff", "n", n, 0);
  const lead = Array<null>(at).fill(null);
  // From no elements nothing can be taken away.
  for (let i = Math.min(n, y.shape[at]!); i > 0; i--)
    y = sub(slice(y, [...lead, { start: 1 }]), slice(y, [...lead, { stop: -1 }]));
  return y;
}

/**
 * The integral along an axis by the trapezoidal rule.
 *
 * @param options.x places of the samples, of y's shape or a vector. Default: `dx` apart.
 * @param options.dx default: 1.
 * @param options.axis default: the last.
 *
 * @example
 * ```ts
 * trapezoid([1, 2, 3]); // 4
 * ```
 */
export function trapezoid(
  y: TensorLike,
  options: { readonly x?: TensorLike; readonly dx?: number; readonly axis?: number } = {},
): Tensor {
  return inOperation("trapezoid", () => {
    const { x, dx = 1, axis = -1 } = checkOptions("trapezoid", options, ["x", "dx", "axis"]);
    const given = floating(y);
    const input = moveAxis(given, normalizeAxis("trapezoid", axis, given), -1);
    const lead = Array<null>(input.rank - 1).fill(null);
    const means = mul(add(slice(input, [...lead, { start: 1 }]), slice(input, [...lead, { stop: -1 }])), 0.5);
    if (x === undefined) return sum(mul(means, dx), { axis: -1 });
    const places = asTensor(x, isFloat(input.dtype) ? input.dtype : "float32");
    const along = places.rank === 1 ? places : moveAxis(places, normalizeAxis("trapezoid", axis, places), -1);
    if (along.shape.at(-1) !== input.shape.at(-1)) {
      throw new ShapeError({
        op: "trapezoid",
        message: "there is not one place for each sample",
        operands: [input, places],
      });
    }
    return sum(mul(means, diff(along)), { axis: -1 });
  });
}

/** The weights of elements to be counted, as numbers; null for none. */
function weightsFor(op: string, x: Tensor, weights: TensorLike | undefined): ArrayLike<number> | null {
  if (weights === undefined) return null;
  const given = asTensor(weights);
  if (!sameShape(given.shape, x.shape)) {
    throw new ShapeError({ op, message: "there is not one weight for each element", operands: [x, given] });
  }
  return given.data;
}

/**
 * How often each of the numbers 0, 1, 2 … occurs (int32), or the sum of the weights where it does (floats).
 *
 * @param x integers, 0 or more.
 * @param options.weights one for each element. Default: each counts once.
 * @param options.minLength least length of the result. Default: 0.
 * @throws {ArgumentError} for numbers that are negative or no integers.
 *
 * @example
 * ```ts
 * bincount(tensor([1, 1, 3], { dtype: "int32" })); // [0, 2, 0, 1]
 * bincount([0, 1, 1], { weights: [0.5, 1, 2] }); // [0.5, 3]
 * ```
 */
export function bincount(
  x: TensorLike,
  options: { readonly weights?: TensorLike; readonly minLength?: number } = {},
): Tensor {
  const { weights, minLength = 0 } = checkOptions("bincount", options, ["weights", "minLength"]);
  const input = asTensor(x);
  checkInteger("bincount", "minLength", minLength, 0);
  const data = Array.from<number>(input.data);
  if (data.some((v) => v < 0 || !Number.isInteger(v))) {
    throw new ArgumentError({ op: "bincount", message: "there are numbers that are negative or no integers" });
  }
  const factors = weightsFor("bincount", input, weights);
  const length = data.reduce((a, b) => Math.max(a, b + 1), minLength);
  checkShape("bincount", [length]);
  const counts = allocateArray(factors === null ? "int32" : "float64", length);
  for (const [i, v] of data.entries()) counts[v]! += factors?.[i] ?? 1;
  const found = fromArray(counts, [length]);
  return factors === null ? found : cast(found, floating(weights!).dtype);
}

/** Options of {@link histogram}. */
export interface HistogramOptions {
  /** How many bins of equal width; or their edges, ascending. Default: 10. */
  readonly bins?: number | readonly number[];
  /** Lowest and highest edge. Default: smallest and largest element. Elements outside are not counted. */
  readonly range?: readonly [number, number];
  /** One for each element. Default: each counts once. */
  readonly weights?: TensorLike;
  /** Divide by the total and by the widths, so that the integral is 1. Default: false. */
  readonly density?: boolean;
}

/**
 * How many elements fall into each bin (int32; floats with weights or as a density), and the bins' edges. A bin
 * contains its lower edge; the last one both.
 * @throws {ArgumentError} for bins or ranges that are none.
 *
 * @example
 * ```ts
 * histogram([0, 1, 1, 4], { bins: 2 }).counts; // [3, 1]
 * histogram([0, 1, 1, 4], { bins: [0, 1, 3] }).counts; // [1, 2]
 * ```
 */
export function histogram(x: TensorLike, options: HistogramOptions = {}): { counts: Tensor; edges: Tensor } {
  const {
    bins = 10,
    range,
    weights,
    density = false,
  } = checkOptions("histogram", options, ["bins", "range", "weights", "density"]);
  const input = floating(x);
  const data = input.data;
  const factors = weightsFor("histogram", input, weights);
  if (
    range !== undefined &&
    (listOf("histogram", "the ends of the range", range).length !== 2 || !(range[0] <= range[1]))
  ) {
    throw new ArgumentError({ op: "histogram", message: `range is ${shown(range)}`, hint: "[lowest, highest]" });
  }
  const edges =
    typeof bins === "number"
      ? equalEdges(data, bins, range)
      : Float64Array.from(listOf("histogram", "bins", bins), (edge) => (typeof edge === "number" ? edge : Number.NaN));
  const ascends = edges.every((edge, i) => (i === 0 ? !Number.isNaN(edge) : edge >= edges[i - 1]!));
  if (edges.length < 2 || !ascends) {
    throw new ArgumentError({
      op: "histogram",
      message: `bins are ${shown(bins)}${range === undefined ? "" : ` and range is ${shown(range)}`}`,
      operands: [input],
      hint: "give a positive integer, or two or more edges in ascending order",
    });
  }
  const count = edges.length - 1;
  const sums = allocateArray("float64", count) as Float64Array;
  for (const [i, v] of data.entries()) {
    if (!(v >= edges[0]! && v <= edges[count]!)) continue;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (edges[middle]! <= v) low = middle;
      else high = middle - 1;
    }
    sums[low]! += factors?.[i] ?? 1;
  }
  const total = sums.reduce((a, b) => a + b, 0);
  const found = density ? sums.map((sum, i) => sum / total / (edges[i + 1]! - edges[i]!)) : sums;
  const isCount = factors === null && !density;
  return {
    counts: isCount ? fromArray(Int32Array.from(found), [count]) : cast(fromArray(found, [count]), input.dtype),
    edges: cast(fromArray(edges, [count + 1]), input.dtype),
  };
}

function equalEdges(data: ArrayLike<number>, bins: number, range: readonly [number, number] | undefined): Float64Array {
  if (!Number.isInteger(bins) || bins < 1) return new Float64Array();
  let [low, high] = range ?? [data[0] ?? 0, data[0] ?? 1];
  if (range === undefined) {
    for (let i = 1; i < data.length; i++) [low, high] = [Math.min(low, data[i]!), Math.max(high, data[i]!)];
  }
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const edges = allocateArray("float64", bins + 1) as Float64Array;
  for (let i = 0; i < bins; i++) edges[i] = low + ((high - low) * i) / bins;
  edges[bins] = high;
  return edges;
}
