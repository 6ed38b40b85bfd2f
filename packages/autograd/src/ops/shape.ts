import { copyKernel } from "../backend/copy.ts";
import { backend } from "../backend/current.ts";
import { type DType, promoteTypes } from "../dtype.ts";
import { ArgumentError, AxisError, checkOptions, ShapeError } from "../errors.ts";
import { allocate, viewOf } from "../launch.ts";
import { type Op, savesNothing } from "../op.ts";
import { type AxisArgument, listOf, normalizeAxes, normalizeAxis, sameShape, sizeOf } from "../shape.ts";
import { apply } from "../tape.ts";
import type { Tensor } from "../tensor.ts";
import { asBatch } from "./broadcast.ts";
import { cast } from "./cast.ts";
import { zeros } from "./create.ts";
import { permute, reshape } from "./reshape.ts";
import { asTensor, type TensorLike } from "./tensor-like.ts";
import { slice } from "./view.ts";

/**
 * The axes in the given order, by default reversed: for a matrix, its transpose. No element is copied.
 *
 * @example
 * ```ts
 * transpose([[1, 2], [3, 4]]); // [[1, 3], [2, 4]]
 * ```
 */
export function transpose(x: TensorLike, axes?: readonly number[]): Tensor {
  const input = asTensor(x);
  return permute(input, axes ?? input.shape.map((_, i) => input.rank - 1 - i));
}

/**
 * Two axes exchanged.
 *
 * @example
 * ```ts
 * swapAxes(zeros([2, 3, 4]), 0, -1).shape; // [4, 3, 2]
 * ```
 */
export function swapAxes(x: TensorLike, a: number, b: number): Tensor {
  const input = asTensor(x);
  const order = input.shape.map((_, i) => i);
  const [i, j] = [normalizeAxis("swapAxes", a, input), normalizeAxis("swapAxes", b, input)];
  return permute(input, order.with(i, j).with(j, i));
}

/**
 * One axis, or several, moved to other places, the others keeping their order.
 *
 * @example
 * ```ts
 * moveAxis(zeros([2, 3, 4]), 0, -1).shape; // [3, 4, 2]
 * moveAxis(zeros([2, 3, 4]), [0, 1], [-1, 0]).shape; // [3, 4, 2]
 * ```
 */
export function moveAxis(x: TensorLike, from: number | readonly number[], to: number | readonly number[]): Tensor {
  const input = asTensor(x);
  const [sources, targets] = [from, to].map((axes) =>
    (typeof axes === "number" ? [axes] : listOf("moveAxis", "axes", axes)).map((axis) =>
      normalizeAxis("moveAxis", axis, input),
    ),
  ) as [number[], number[]];
  const isOnce = (axes: number[]): boolean => new Set(axes).size === axes.length;
  if (sources.length !== targets.length || !isOnce(sources) || !isOnce(targets)) {
    throw new AxisError({
      op: "moveAxis",
      message: `axes [${sources.join(", ")}] cannot move to [${targets.join(", ")}]`,
      operands: [input],
      hint: "give as many places as axes, each once",
    });
  }
  const order = input.shape.map((_, i) => i).filter((axis) => !sources.includes(axis));
  const moves = targets.map((target, i) => [target, sources[i]!] as const).sort(([a], [b]) => a - b);
  for (const [target, source] of moves) order.splice(target, 0, source);
  return permute(input, order);
}

/**
 * A new axis of length 1.
 *
 * @param axis its place in the result; negative counts from the result's end.
 *
 * @example
 * ```ts
 * unsqueeze([1, 2], 1); // [[1], [2]]
 * ```
 */
export function unsqueeze(x: TensorLike, axis: number): Tensor {
  const input = asTensor(x);
  return reshape(input, input.shape.toSpliced(normalizeAxis("unsqueeze", axis, input, input.rank + 1), 0, 1));
}

/**
 * Without the given axes, or without all axes of length 1.
 * @throws {ShapeError} when a given axis has another length than 1.
 *
 * @example
 * ```ts
 * squeeze([[1, 2]]).shape; // [2]
 * ```
 */
export function squeeze(x: TensorLike, axis?: AxisArgument): Tensor {
  const input = asTensor(x);
  const axes =
    axis === undefined || axis === null
      ? input.shape.flatMap((length, i) => (length === 1 ? [i] : []))
      : normalizeAxes("squeeze", axis, input);
  if (axes.some((a) => input.shape[a] !== 1)) {
    throw new ShapeError({ op: "squeeze", message: `axis ${axes.join(", ")} is not of length 1`, operands: [input] });
  }
  return reshape(
    input,
    input.shape.filter((_, i) => !axes.includes(i)),
  );
}

/**
 * Axes `start` to `end` (included) merged into one; by default all.
 *
 * @example
 * ```ts
 * flatten(zeros([2, 3, 4]), 1).shape; // [2, 12]
 * ```
 */
export function flatten(x: TensorLike, start = 0, end = -1): Tensor {
  const input = asTensor(x);
  if (input.rank === 0) return reshape(input, [1]);
  const first = normalizeAxis("flatten", start, input);
  const last = normalizeAxis("flatten", end, input);
  if (first > last)
    throw new AxisError({ op: "flatten", message: `axis ${start} comes after axis ${end}`, operands: [input] });
  const merged = sizeOf(input.shape.slice(first, last + 1));
  return reshape(input, input.shape.toSpliced(first, last - first + 1, merged));
}

interface ConcatenateParams {
  readonly axis: number;
  readonly dtype: DType;
}

/** Elements `start` to `stop` along one axis, and all of the others. */
function part(x: Tensor, axis: number, start: number, stop: number): Tensor {
  return slice(x, [...Array<null>(axis).fill(null), { start, stop }]);
}

const concatenateOp: Op<ConcatenateParams> = {
  name: "concatenate",
  forward: (inputs, { axis, dtype }) => {
    const length = inputs.reduce((sum, x) => sum + x.shape[axis]!, 0);
    const result = allocate(dtype, inputs[0]!.shape.with(axis, length));
    let at = 0;
    for (const x of inputs) {
      const target = viewOf(result, x.shape, result.strides, at * result.strides[axis]!);
      backend().run(copyKernel(dtype), [x], [target]);
      at += x.shape[axis]!;
    }
    return result;
  },
  saves: () => savesNothing,
  vjp: ([cotangent], { params: { axis }, shapes, dtypes }, index) => {
    const start = shapes.slice(0, index).reduce((sum, shape) => sum + shape[axis]!, 0);
    return cast(part(cotangent!, axis, start, start + shapes[index]![axis]!), dtypes[index]!);
  },
  jvp: (tangents, { params, shapes }) =>
    apply(
      concatenateOp,
      tangents.map((t, i) => t ?? zeros(shapes[i]!, { dtype: params.dtype })),
      params,
    ),
  batch: (inputs, batched, { axis, dtype }, size) =>
    apply(
      concatenateOp,
      inputs.map((x, i) => asBatch(x, batched[i]!, size)),
      { axis: axis + 1, dtype },
    ),
};

/**
 * Tensors joined along an existing axis; their other lengths must agree. The dtype is promoted.
 *
 * @param options.axis default: 0.
 * @throws {ArgumentError} when the list is empty.
 * @throws {ShapeError} when ranks or other lengths differ.
 *
 * @example
 * ```ts
 * concatenate([[1, 2], [3]]); // [1, 2, 3]
 * ```
 */
export function concatenate(xs: readonly TensorLike[], options: { readonly axis?: number } = {}): Tensor {
  const { axis = 0 } = checkOptions("concatenate", options, ["axis"]);
  if (listOf("concatenate", "tensors", xs).length === 0)
    throw new ArgumentError({ op: "concatenate", message: "the list of tensors is empty" });
  const inputs = xs.map((x) => asTensor(x));
  const first = inputs[0]!;
  const at = normalizeAxis("concatenate", axis, first);
  for (const x of inputs) {
    if (x.rank !== first.rank || !sameShape(x.shape.with(at, 0), first.shape.with(at, 0))) {
      throw new ShapeError({
        op: "concatenate",
        message: `shapes differ in another axis than ${at}`,
        operands: inputs,
        hint: "stack() joins tensors along a new axis",
      });
    }
  }
  return apply(concatenateOp, inputs, { axis: at, dtype: inputs.map((x) => x.dtype).reduce(promoteTypes) });
}

/**
 * Tensors of one shape joined along a new axis.
 *
 * @param options.axis place of the new axis in the result. Default: 0.
 *
 * @example
 * ```ts
 * stack([[1, 2], [3, 4]], { axis: 1 }); // [[1, 3], [2, 4]]
 * ```
 */
export function stack(xs: readonly TensorLike[], options: { readonly axis?: number } = {}): Tensor {
  const { axis = 0 } = checkOptions("stack", options, ["axis"]);
  if (listOf("stack", "tensors", xs).length === 0)
    throw new ArgumentError({ op: "stack", message: "the list of tensors is empty" });
  const inputs = xs.map((x) => asTensor(x));
  const first = inputs[0]!;
  if (inputs.some((x) => !sameShape(x.shape, first.shape))) {
    throw new ShapeError({ op: "stack", message: "shapes differ", operands: inputs });
  }
  const at = normalizeAxis("stack", axis, first, first.rank + 1);
  return concatenate(
    inputs.map((x) => unsqueeze(x, at)),
    { axis: at },
  );
}
