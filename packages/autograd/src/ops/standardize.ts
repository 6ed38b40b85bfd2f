import { checkOptions, inOperation } from "../errors.ts";
import { giveUp } from "../launch.ts";
import { type Op, savesOutput } from "../op.ts";
import * as s from "../scalar/expression.ts";
import { normalizeAxes, type Shape, sizeOf } from "../shape.ts";
import { applyAll } from "../tape.ts";
import type { Tensor } from "../tensor.ts";
import { add, div, mul, sub } from "./arithmetic.ts";
import { sumOver, sumTo } from "./broadcast.ts";
import { floating } from "./cast.ts";
import { rsqrt } from "./math.ts";
import { defineElementwise, pointwise } from "./pointwise.ts";
import type { TensorLike } from "./tensor-like.ts";

interface Standard {
  readonly axes: readonly number[];
  readonly epsilon: number;
}

const centreOp = defineElementwise("standardize.centre", 2, (x, m) => s.sub(x, m));
const squareOp = defineElementwise("standardize.square", 1, (x) => s.square(x));
const scaleOp = defineElementwise("standardize.scale", 2, (x, r) => s.mul(x, r));
const meanOp = defineElementwise("standardize.mean", 1, (total) => s.mul(total, s.parameter(0)));
const rootOp = defineElementwise("standardize.root", 1, (v) => s.div(1, s.sqrt(s.add(v, s.parameter(0)))));
/** r · (c - a + y · b): the cotangent of x, of the result's c and what the moments give. */
const slopeOp = defineElementwise("standardize.slope", 5, (c, y, r, a, b) => s.mul(r, s.add(s.sub(c, a), s.mul(y, b))));

const keptShape = (shape: Shape, axes: readonly number[]): Shape => shape.map((n, i) => (axes.includes(i) ? 1 : n));

const countOf = (shape: Shape, axes: readonly number[]): number => sizeOf(axes.map((axis) => shape[axis]!));

/**
 * y = (x - m) · r with the mean m, the variance v and r = (v + ε)^-½ over some axes, all in a few passes over memory.
 * Outputs: y, m and v. With means E over the axes and n elements,
 *
 *     dx = r · (dy - E[dy] - y · E[dy · y]) + dm / n + dv · 2 (x - m) / n,   and x - m = y / r.
 */
const standardizeOp: Op<Standard> = {
  name: "standardize",
  forward: ([x], { axes, epsilon }) => {
    const { dtype, shape } = x!;
    const run = (op: typeof centreOp, inputs: readonly Tensor[], scalars: readonly number[] = []): Tensor =>
      op.forward(inputs, { compute: dtype as "float32" | "float64", dtype, scalars });
    const kept = keptShape(shape, axes);
    const meanOf = (values: Tensor): Tensor => run(meanOp, [sumOver(values, kept)], [1 / countOf(shape, axes)]);
    const m = meanOf(x!);
    const centred = run(centreOp, [x!, m]);
    const squares = run(squareOp, [centred]);
    const v = meanOf(squares);
    giveUp(squares);
    const y = run(scaleOp, [centred, run(rootOp, [v], [epsilon])]);
    giveUp(centred);
    return [y, m, v];
  },
  saves: () => savesOutput,
  vjp: ([dy, dm, dv], call) => {
    const { axes, epsilon } = call.params;
    const [y, r] = [call.output(0), rsqrt(add(call.output(2), epsilon))];
    const n = countOf(y.shape, axes);
    const meanOf = (values: Tensor): Tensor => div(sumTo(values, keptShape(y.shape, axes)), n);
    const a = sub(meanOf(dy!), div(dm!, mul(r, n)));
    const b = sub(div(mul(dv!, 2), mul(mul(r, r), n)), meanOf(mul(dy!, y)));
    return slope(dy!, y, r, a, b);
  },
  jvp: ([dx], call) => {
    const { axes, epsilon } = call.params;
    const [y, r] = [call.output(0), rsqrt(add(call.output(2), epsilon))];
    const meanOf = (values: Tensor): Tensor => div(sumTo(values, keptShape(y.shape, axes)), countOf(y.shape, axes));
    const [dm, product] = [meanOf(dx!), meanOf(mul(dx!, y))];
    return [slope(dx!, y, r, dm, mul(product, -1)), dm, div(mul(product, 2), r)];
  },
  batch: ([x], _, { axes, epsilon }) => applyAll(standardizeOp, [x!], { axes: axes.map((axis) => axis + 1), epsilon }),
};

const slope = (c: Tensor, y: Tensor, r: Tensor, a: Tensor, b: Tensor): Tensor =>
  pointwise(slopeOp, "float", [c, y, r, a, b]);

/** What {@link standardize} gives. */
export interface Standardized {
  /** Of x's shape, with mean 0 and variance 1 along the axes. */
  readonly result: Tensor;
  /** x's mean and variance along the axes, which are kept with length 1. */
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/** Options of {@link standardize}. */
export interface StandardizeOptions {
  /** Default: all axes. */
  readonly axis?: number | readonly number[];
  /** Added to the variance before its root is taken. Default: 0. */
  readonly epsilon?: number;
}

/**
 * `x` given mean 0 and variance 1 along some axes, with the mean and the variance it had: what normalising layers do
 * before they scale and shift. All three can be differentiated.
 *
 * @example
 * ```ts
 * const { result, mean, variance } = standardize([[1, 3], [10, 30]], { axis: 1 });
 * result; // [[-1, 1], [-1, 1]]
 * mean; // [[2], [20]]
 * variance; // [[1], [100]]
 * ```
 */
export function standardize(x: TensorLike, options: StandardizeOptions = {}): Standardized {
  return inOperation("standardize", () => {
    const { axis, epsilon = 0 } = checkOptions("standardize", options, ["axis", "epsilon"]);
    const input = floating(x);
    const axes = normalizeAxes("standardize", axis, input);
    const [result, mean, variance] = applyAll(standardizeOp, [input], { axes, epsilon });
    return { result: result!, mean: mean!, variance: variance! };
  });
}
