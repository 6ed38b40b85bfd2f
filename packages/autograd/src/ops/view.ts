import type { AccumulateKernel, View } from "../backend/backend.ts";
import { copyKernel, fillKernel } from "../backend/copy.ts";
import { backend } from "../backend/current.ts";
import { ArgumentError, checkOptions, shown } from "../errors.ts";
import { allocate, viewOf } from "../launch.ts";
import type { Op } from "../op.ts";
import {
  type AxisArgument,
  checkShape,
  isInjective,
  type Layout,
  listOf,
  normalizeAxes,
  normalizeAxis,
  type Shape,
} from "../shape.ts";
import { apply } from "../tape.ts";
import type { Tensor } from "../tensor.ts";
import { defineLinear } from "./linear.ts";
import { asTensor, type TensorLike } from "./tensor-like.ts";

// A view looks at the same elements through another layout. It is linear. Its transpose puts elements back where the
// view saw them, adding up what it saw more than once: it looks at zeros through the same view and accumulates there.

/** The new layout, from the old one. */
export type See = (layout: Layout) => Layout;

/** The same view of every member of a batch. */
function ofEach(see: See): See {
  return ({ shape, strides, offset }) => {
    const member = see({ shape: shape.slice(1), strides: strides.slice(1), offset });
    return {
      shape: [shape[0]!, ...member.shape],
      strides: [strides[0]!, ...member.strides],
      offset: member.offset,
    };
  };
}

/** `x` seen through another layout, which may show elements several times. */
export function view(x: Tensor, see: See): Tensor {
  return apply(viewOp, [x], see);
}

/** The transpose of {@link view}: adds the elements up where the view of a tensor of the given shape saw them. */
export function unview(x: Tensor, see: See, shape: Shape): Tensor {
  return apply(unviewOp, [x], { see, shape });
}

const viewOp: Op<See> = defineLinear(
  "view",
  (x, see) => {
    const { shape, strides, offset } = see(x);
    return viewOf(x, shape, strides, offset);
  },
  (cotangent, see, shape) => apply(unviewOp, [cotangent], { see, shape }),
  (x, see) => apply(viewOp, [x], ofEach(see)),
);

const accumulate: AccumulateKernel = { kind: "accumulate" };

const unviewOp: Op<{ readonly see: See; readonly shape: Shape }> = defineLinear(
  "unview",
  (x, { see, shape }) => {
    const result = allocate(x.dtype, checkShape("unview", shape));
    const { storage, dtype } = result;
    const seen: View = { ...see(result), storage, dtype, size: x.size };
    if (x.size === result.size && isInjective(seen)) {
      // Every element has its place.
      backend().run(copyKernel(dtype), [x], [seen]);
    } else {
      backend().run(fillKernel(dtype), [], [result], [0]);
      backend().run(accumulate, [x], [seen]);
    }
    return result;
  },
  (cotangent, { see }) => apply(viewOp, [cotangent], see),
  (x, { see, shape }) => apply(unviewOp, [x], { see: ofEach(see), shape: [x.shape[0]!, ...shape] }),
);

/** Replaces the entry of one axis in each part of a layout. */
function withAxis(layout: Layout, axis: number, length: number, stride: number, offset: number): Layout {
  return {
    shape: layout.shape.with(axis, length),
    strides: layout.strides.with(axis, stride),
    offset: layout.offset + offset,
  };
}

/** Bounds of {@link slice} along one axis, as in Python's `start:stop:step`. */
export interface Range {
  /** Default: the first element (the last, for negative steps). Negative counts from the end. */
  readonly start?: number | undefined;
  /** Not included. Default: up to the end. Negative counts from the end. */
  readonly stop?: number | undefined;
  /** Default: 1. May be negative, never 0. */
  readonly step?: number | undefined;
}

/** First element, step and number of elements of a range over an axis; out-of-range bounds are clipped. */
export function resolveRange(op: string, range: Range, length: number): { start: number; step: number; count: number } {
  const step = range.step ?? 1;
  for (const value of [step, range.start ?? 0, range.stop ?? 0]) {
    if (!Number.isInteger(value))
      throw new ArgumentError({ op, message: `a range contains ${shown(value)}`, hint: "give integers" });
  }
  if (step === 0) throw new ArgumentError({ op, message: "a range has step 0" });
  const [lowest, highest] = step > 0 ? [0, length] : [-1, length - 1];
  const clip = (value: number): number => Math.min(Math.max(value < 0 ? value + length : value, lowest), highest);
  const start = range.start === undefined ? (step > 0 ? lowest : highest) : clip(range.start);
  const stop = range.stop === undefined ? (step > 0 ? highest : lowest) : clip(range.stop);
  return { start, step, count: Math.max(0, Math.ceil((stop - start) / step)) };
}

/**
 * A range of each of the first axes; no element is copied.
 *
 * @param ranges one per axis, from the first; axes without one, or with `null`, stay whole.
 * @throws {ArgumentError} when there are more ranges than axes, one has step 0, or one is no range.
 *
 * @example
 * ```ts
 * slice([[1, 2, 3], [4, 5, 6]], [null, { start: 1 }]); // [[2, 3], [5, 6]]
 * slice([1, 2, 3], [{ step: -1 }]); // [3, 2, 1]
 * ```
 */
export function slice(x: TensorLike, ranges: readonly (Range | null)[]): Tensor {
  const input = asTensor(x);
  if (listOf("slice", "ranges", ranges).length > input.rank) {
    throw new ArgumentError({
      op: "slice",
      message: `${ranges.length} ranges for ${input.rank} axes`,
      operands: [input],
    });
  }
  const resolved = ranges.map((range, axis) => {
    if (typeof range === "number") {
      throw new ArgumentError({
        op: "slice",
        message: `the range of axis ${axis} is ${shown(range)}`,
        hint: "ranges are { start, stop, step }; at(x, index) and select(x, axis, index) take one index",
      });
    }
    const given = checkOptions("slice", range ?? {}, ["start", "stop", "step"]);
    return resolveRange("slice", given, input.shape[axis]!);
  });
  return apply(viewOp, [input], (layout) =>
    resolved.reduce((l, { start, step, count }, axis) => {
      const stride = l.strides[axis]!;
      return withAxis(l, axis, count, stride * step, count === 0 ? 0 : stride * start);
    }, layout),
  );
}

/**
 * One index along one axis, which disappears.
 *
 * @param index negative counts from the end.
 * @throws {AxisError} when there is no such axis.
 * @throws {ArgumentError} when the index is outside the axis.
 *
 * @example
 * ```ts
 * select([[1, 2], [3, 4]], 0, -1); // [3, 4]
 * ```
 */
export function select(x: TensorLike, axis: number, index: number): Tensor {
  const input = asTensor(x);
  const at = normalizeAxis("select", axis, input);
  const length = input.shape[at]!;
  if (!Number.isInteger(index) || index < -length || index >= length) {
    throw new ArgumentError({
      op: "select",
      message: `index ${shown(index)} is outside axis ${at} of length ${length}`,
      operands: [input],
    });
  }
  return apply(viewOp, [input], ({ shape, strides, offset }) => ({
    shape: shape.toSpliced(at, 1),
    strides: strides.toSpliced(at, 1),
    offset: offset + strides[at]! * (index < 0 ? index + length : index),
  }));
}

/**
 * The elements in reverse order along the given axes (all, when left out); none is copied.
 *
 * @example
 * ```ts
 * flip([1, 2, 3]); // [3, 2, 1]
 * ```
 */
export function flip(x: TensorLike, axis?: AxisArgument): Tensor {
  const input = asTensor(x);
  const axes = normalizeAxes("flip", axis, input);
  return apply(viewOp, [input], (layout) =>
    axes.reduce((l, a) => {
      const [length, stride] = [l.shape[a]!, l.strides[a]!];
      return withAxis(l, a, length, -stride, Math.max(0, length - 1) * stride);
    }, layout),
  );
}
