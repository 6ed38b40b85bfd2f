import type { ReduceKernel, Reduction } from "../backend/backend.ts";
import type { DType } from "../dtype.ts";
import { checkNumber, checkOptions, ShapeError } from "../errors.ts";
import { launch, viewOf } from "../launch.ts";
import { type Op, savesNothing } from "../op.ts";
import { type AxisArgument, contiguousStrides, normalizeAxes, type Shape, sameShape, sizeOf } from "../shape.ts";
import { apply } from "../tape.ts";
import type { Tensor } from "../tensor.ts";
import { div, mul, square, sub } from "./arithmetic.ts";
import { broadcastTo, sumTo } from "./broadcast.ts";
import { cast, floating } from "./cast.ts";
import { equal } from "./comparison.ts";
import { defineLinear } from "./linear.ts";
import { reshape } from "./reshape.ts";
import { asTensor, type TensorLike } from "./tensor-like.ts";

/** Options of every reduction. */
export interface ReduceOptions {
  /** Axes to reduce. Default: all. */
  readonly axis?: AxisArgument;
  /** Keep reduced axes with length 1. Default: false. */
  readonly keepDims?: boolean;
}

/** The axes that options ask to be reduced. */
export function reducedAxes(op: string, options: ReduceOptions, x: Tensor): readonly number[] {
  return normalizeAxes(op, checkOptions(op, options, ["axis", "keepDims"]).axis, x);
}

/** The shape with the given axes set to 1. */
function reducedShape(shape: Shape, axes: readonly number[]): Shape {
  return shape.map((length, axis) => (axes.includes(axis) ? 1 : length));
}

/** Drops the reduced axes, unless they are to be kept. */
function finish(result: Tensor, axes: readonly number[], { keepDims = false }: ReduceOptions): Tensor {
  return keepDims
    ? result
    : reshape(
        result,
        result.shape.filter((_, axis) => !axes.includes(axis)),
      );
}

/** The kernel's view of `x`: kept axes first, then the reduced ones. */
function arranged(x: Tensor, axes: readonly number[]): { view: Tensor; kept: Shape } {
  const all = x.shape.map((_, axis) => axis);
  const order = [...all.filter((axis) => !axes.includes(axis)), ...axes];
  const [lengths, strides] = [x.shape, x.strides].map((values) => order.map((axis) => values[axis]!));
  return { view: viewOf(x, lengths!, strides!), kept: lengths!.slice(0, all.length - axes.length) };
}

const kernels = Object.fromEntries(
  (["sum", "prod", "max", "min", "any", "all", "argmax", "argmin"] as const).map((reduction) => [
    reduction,
    { kind: "reduce", reduction },
  ]),
) as Readonly<Record<Reduction, ReduceKernel>>;

/** Reduces axes to length 1 without recording. */
function reduce(reduction: Reduction, x: Tensor, axes: readonly number[], dtype: DType): Tensor {
  const { view, kept } = arranged(x, axes);
  return reshape(launch(kernels[reduction], [view], dtype, kept), reducedShape(x.shape, axes));
}

interface SumParams {
  readonly axes: readonly number[];
  /** That of the result, with or without the reduced axes. */
  readonly shape: Shape;
}

const sumOp: Op<SumParams> = defineLinear(
  "sum",
  (x, { axes, shape }) => {
    const { view, kept } = arranged(x, axes);
    return viewOf(launch(kernels.sum, [view], x.dtype, kept), shape, contiguousStrides(shape));
  },
  (cotangent, { axes }, shape) => broadcastTo(reshape(cotangent, reducedShape(shape, axes)), shape),
  (x, { axes, shape }) => apply(sumOp, [x], { axes: axes.map((a) => a + 1), shape: [x.shape[0]!, ...shape] }),
);

/**
 * The sum of elements. Booleans and uint8 are summed as int32.
 *
 * Gradients spread evenly. Sums of floats have an error that grows like the logarithm of their number.
 *
 * @example
 * ```ts
 * sum([[1, 2], [3, 4]]); // 10
 * sum([[1, 2], [3, 4]], { axis: 0 }); // [4, 6]
 * ```
 */
export function sum(x: TensorLike, options: ReduceOptions = {}): Tensor {
  const given = asTensor(x);
  const input = given.dtype === "bool" || given.dtype === "uint8" ? cast(given, "int32") : given;
  const axes = reducedAxes("sum", options, input);
  const kept = reducedShape(input.shape, axes);
  if (sameShape(kept, input.shape)) return finish(input, axes, options);
  const shape = options.keepDims ? kept : kept.filter((_, axis) => !axes.includes(axis));
  return apply(sumOp, [input], { axes, shape });
}

/**
 * The arithmetic mean; NaN over no elements. Integers are averaged as floats.
 *
 * @example
 * ```ts
 * mean([[1, 2], [3, 4]], { axis: 1 }); // [1.5, 3.5]
 * ```
 */
export function mean(x: TensorLike, options: ReduceOptions = {}): Tensor {
  const input = floating(x);
  const count = countOf("mean", input, options);
  return div(sum(input, options), count);
}

/** How many elements go into each result. */
function countOf(op: string, input: Tensor, options: ReduceOptions): number {
  return sizeOf(reducedAxes(op, options, input).map((a) => input.shape[a]!));
}

/**
 * The variance: the mean of squared distances from the mean, with `correction` subtracted from the number of elements.
 * Also exported as `var`, NumPy's name.
 *
 * @param options.correction 0 (default, as NumPy) for a population; 1 for an unbiased estimate from a sample.
 *
 * @example
 * ```ts
 * variance([1, 2, 3, 4]); // 1.25
 * tensor([1, 2, 3, 4]).var({ correction: 1 }); // 1.6667
 * ```
 */
export function variance(x: TensorLike, options: ReduceOptions & { readonly correction?: number } = {}): Tensor {
  return varianceOf("variance", x, options);
}

/** {@link variance} for `op`, which errors name. */
export function varianceOf(
  op: string,
  x: TensorLike,
  options: ReduceOptions & { readonly correction?: number },
): Tensor {
  const input = floating(x);
  const { correction = 0, ...reduce } = checkOptions(op, options, ["axis", "keepDims", "correction"]);
  const count = countOf(op, input, reduce);
  const centred = sub(input, mean(input, { ...reduce, keepDims: true }));
  checkNumber(op, "correction", correction, (c) => !Number.isNaN(c), "it is a number");
  return div(sum(square(centred), reduce), Math.max(0, count - correction));
}

interface ExtremeParams {
  readonly axes: readonly number[];
}

function extremeOp(reduction: "max" | "min"): Op<ExtremeParams> {
  /** 1 / (number of ties) at each extreme element, 0 elsewhere. */
  const shares = (x: Tensor, extreme: Tensor): Tensor => {
    const hit = cast(equal(x, extreme), x.dtype);
    return div(hit, sumTo(hit, extreme.shape));
  };
  const op: Op<ExtremeParams> = {
    name: reduction,
    forward: ([x], { axes }) => reduce(reduction, x!, axes, x!.dtype),
    saves: () => ({ inputs: [0], output: true }),
    vjp: ([cotangent], call) => mul(shares(call.input(0), call.output()), cotangent!),
    jvp: ([tangent], call) => sumTo(mul(shares(call.input(0), call.output()), tangent!), call.output().shape),
    batch: ([x], _, { axes }) => apply(op, [x!], { axes: axes.map((a) => a + 1) }),
  };
  return op;
}

const maxOp = extremeOp("max");
const minOp = extremeOp("min");

function extreme(op: Op<ExtremeParams>, x: TensorLike, options: ReduceOptions): Tensor {
  const input = asTensor(x);
  const axes = reducedAxes(op.name, options, input);
  refuseEmpty(op.name, input, axes);
  return finish(apply(op, [input], { axes }), axes, options);
}

function refuseEmpty(op: string, input: Tensor, axes: readonly number[]): void {
  if (axes.some((a) => input.shape[a] === 0)) {
    throw new ShapeError({ op, message: "there is no element to choose", operands: [input] });
  }
}

/**
 * The largest element; NaN where there is one. Ties share the gradient evenly.
 * @throws {ShapeError} over no elements.
 *
 * @example
 * ```ts
 * max([[1, 5], [3, 4]], { axis: 1 }); // [5, 4]
 * ```
 */
export function max(x: TensorLike, options: ReduceOptions = {}): Tensor {
  return extreme(maxOp, x, options);
}

/**
 * The smallest element; NaN where there is one. Ties share the gradient evenly.
 * @throws {ShapeError} over no elements.
 *
 * @example
 * ```ts
 * min([[1, 5], [3, 4]], { axis: 1 }); // [1, 3]
 * ```
 */
export function min(x: TensorLike, options: ReduceOptions = {}): Tensor {
  return extreme(minOp, x, options);
}

/** Options of {@link argmax} and {@link argmin}. */
export interface ArgOptions {
  /** One axis; when left out, positions count through the whole tensor in row-major order. */
  readonly axis?: number;
  /** Keep the reduced axis (or all) with length 1. Default: false. */
  readonly keepDims?: boolean;
}

/** A reduction without derivative. */
function discreteOp(reduction: Reduction, dtype: DType): Op<ExtremeParams> {
  const op: Op<ExtremeParams> = {
    name: reduction,
    forward: ([x], { axes }) => reduce(reduction, x!, axes, dtype),
    saves: () => savesNothing,
    vjp: null,
    jvp: null,
    batch: ([x], _, { axes }) => apply(op, [x!], { axes: axes.map((a) => a + 1) }),
  };
  return op;
}

const discreteOps = {
  argmax: discreteOp("argmax", "int32"),
  argmin: discreteOp("argmin", "int32"),
  any: discreteOp("any", "bool"),
  all: discreteOp("all", "bool"),
};

function argExtreme(reduction: "argmax" | "argmin", x: TensorLike, options: ArgOptions): Tensor {
  const input = asTensor(x);
  const axes = reducedAxes(reduction, options, input);
  refuseEmpty(reduction, input, axes);
  return finish(apply(discreteOps[reduction], [input], { axes }), axes, options);
}

/**
 * Position (int32) of the largest element, the first one at a tie, a NaN if there is one.
 * @throws {ShapeError} over no elements.
 *
 * @example
 * ```ts
 * argmax([[1, 5], [3, 2]], { axis: 1 }); // [1, 0]
 * ```
 */
export function argmax(x: TensorLike, options: ArgOptions = {}): Tensor {
  return argExtreme("argmax", x, options);
}

/**
 * Position (int32) of the smallest element, the first one at a tie, a NaN if there is one.
 * @throws {ShapeError} over no elements.
 *
 * @example
 * ```ts
 * argmin([[1, 5], [3, 2]], { axis: 1 }); // [0, 1]
 * ```
 */
export function argmin(x: TensorLike, options: ArgOptions = {}): Tensor {
  return argExtreme("argmin", x, options);
}

function logical(reduction: "any" | "all", x: TensorLike, options: ReduceOptions): Tensor {
  const input = asTensor(x);
  const axes = reducedAxes(reduction, options, input);
  return finish(apply(discreteOps[reduction], [input], { axes }), axes, options);
}

/**
 * Whether at least one element is true (not 0); false over none.
 *
 * @example
 * ```ts
 * any([[true, false], [false, false]], { axis: 1 }); // [true, false]
 * ```
 */
export function any(x: TensorLike, options: ReduceOptions = {}): Tensor {
  return logical("any", x, options);
}

/**
 * Whether every element is true (not 0); true over none.
 *
 * @example
 * ```ts
 * all([[true, true], [false, true]], { axis: 1 }); // [true, false]
 * ```
 */
export function all(x: TensorLike, options: ReduceOptions = {}): Tensor {
  return logical("all", x, options);
}
