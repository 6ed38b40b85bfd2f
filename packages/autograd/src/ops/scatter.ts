import type { ScatterKernel } from "../backend/backend.ts";
import { backend } from "../backend/current.ts";
import { type DType, isFloat } from "../dtype.ts";
import { ArgumentError, checkOptions, inOperation, ShapeError, unknownOption } from "../errors.ts";
import { type Op, savesNothing } from "../op.ts";
import { normalizeAxis, type Shape, sizeOf } from "../shape.ts";
import { apply } from "../tape.ts";
import type { Tensor } from "../tensor.ts";
import { add, div, mul } from "./arithmetic.ts";
import { asBatch, broadcastTo } from "./broadcast.ts";
import { cast, clone } from "./cast.ts";
import { equal, greaterEqual, notEqual, where } from "./comparison.ts";
import { arange, full, fullLike, onesLike, zerosLike } from "./create.ts";
import { detach } from "./detach.ts";
import { addAlongAxis, checkIndices, indicesOf, take, takeAlongAxis, taken } from "./indexing.ts";
import { pad } from "./pad.ts";
import { clamp } from "./piecewise.ts";
import { reshape } from "./reshape.ts";
import { productsWithinGroups } from "./scan.ts";
import { concatenate, flatten, moveAxis } from "./shape.ts";
import { argsort } from "./sort.ts";
import { asTensor, type TensorLike } from "./tensor-like.ts";
import { slice } from "./view.ts";

/** Options of gathering and scattering. */
export interface AlongOptions {
  /** Default: the last. */
  readonly axis?: number;
}

interface Prepared {
  readonly input: Tensor;
  readonly places: Tensor;
  readonly at: number;
}

/** Indices may be shorter than the tensor along the other axes: the elements beyond are left alone. */
function prepare(op: string, x: TensorLike, indices: TensorLike, axis: number): Prepared {
  const input = asTensor(x);
  const given = indicesOf(op, indices);
  const at = normalizeAxis(op, axis, input);
  if (given.rank !== input.rank || given.shape.some((n, i) => i !== at && n > input.shape[i]!)) {
    throw new ShapeError({
      op,
      message: "indices do not fit the tensor",
      operands: [input, given],
      hint: `they have its rank, and apart from axis ${at} are no longer than it`,
    });
  }
  return { input, places: checkIndices(op, given, input.shape[at]!, input), at };
}

const upTo = (shape: Shape): { stop: number }[] => shape.map((stop) => ({ stop }));

/**
 * For each index, the element of `x` at that place along `axis` and at the index's own place along the others.
 * Unlike {@link takeAlongAxis} it broadcasts nothing, and indices may be shorter than `x` along the other axes.
 *
 * @example
 * ```ts
 * gather([[1, 2], [3, 4]], tensor([[1], [0]], { dtype: "int32" })); // [[2], [3]]
 * ```
 */
export function gather(x: TensorLike, indices: TensorLike, options: AlongOptions = {}): Tensor {
  const { axis = -1 } = checkOptions("gather", options, ["axis"]);
  const { input, places, at } = prepare("gather", x, indices, axis);
  return takeAlongAxis(slice(input, upTo(places.shape.with(at, input.shape[at]!))), places, at);
}

/** The values to scatter, in the shape of the indices. */
function sourceFor(op: string, source: TensorLike, { input, places }: Prepared): Tensor {
  if (typeof source === "number") return full(places.shape, source, { dtype: input.dtype });
  const given = cast(asTensor(source), input.dtype);
  if (given.rank === 0) return broadcastTo(given, places.shape);
  if (given.rank !== places.rank || given.shape.some((n, i) => n < places.shape[i]!)) {
    throw new ShapeError({ op, message: "there are fewer values than indices", operands: [given, places] });
  }
  return slice(given, upTo(places.shape));
}

/** Sums at the places, in the shape of `input`. */
function summed(source: Tensor, { input, places, at }: Prepared): Tensor {
  const part = addAlongAxis(source, places, at, places.shape.with(at, input.shape[at]!));
  return pad(
    part,
    part.shape.map((n, i) => [0, input.shape[i]! - n] as const),
  );
}

/**
 * `x` with values added at the given places, which may repeat.
 *
 * @param source of the indices' shape or longer, or a number.
 *
 * @example
 * ```ts
 * scatterAdd([0, 0], tensor([1, 1], { dtype: "int32" }), [3, 4]); // [0, 7]
 * ```
 */
export function scatterAdd(x: TensorLike, indices: TensorLike, source: TensorLike, options: AlongOptions = {}): Tensor {
  const { axis = -1 } = checkOptions("scatterAdd", options, ["axis"]);
  const prepared = prepare("scatterAdd", x, indices, axis);
  return add(prepared.input, summed(sourceFor("scatterAdd", source, prepared), prepared));
}

interface PlacesParams {
  readonly axis: number;
  readonly reduction: ScatterKernel["reduction"];
}

/** The scatter kernel itself, on a copy of its first input; without derivative. */
const scatterOp: Op<PlacesParams> = {
  name: "scatter",
  forward: ([base, indices, source], { axis, reduction }) => {
    const result = asTensor({ data: base!.data, shape: base!.shape }, base!.dtype);
    backend().run({ kind: "scatter", axis, reduction }, [indices!, source!], [result]);
    return result;
  },
  saves: () => savesNothing,
  vjp: null,
  jvp: null,
  batch: (inputs, batched, { axis, reduction }, size) => {
    const all = inputs.map((x, i) => asBatch(x, batched[i]!, size));
    return apply(scatterOp, all, { axis: axis + 1, reduction });
  },
};

/** For each element of `input`, which element of the source comes to lie there last; -1 for none. */
function winners({ input, places, at }: Prepared): Tensor {
  const base = full(places.shape.with(at, input.shape[at]!), -1, { dtype: "int32" });
  const numbers = reshape(arange(places.size), places.shape);
  const part = apply(scatterOp, [base, places, numbers], { axis: at, reduction: "set" });
  return pad(
    part,
    part.shape.map((n, i) => [0, input.shape[i]! - n] as const),
    { value: -1 },
  );
}

/**
 * `x` with the elements at the given places replaced; where places repeat, the last value stays.
 *
 * @example
 * ```ts
 * scatter([1, 2, 3], tensor([2, 0], { dtype: "int32" }), [30, 10]); // [10, 2, 30]
 * ```
 */
export function scatter(x: TensorLike, indices: TensorLike, source: TensorLike, options: AlongOptions = {}): Tensor {
  const { axis = -1 } = checkOptions("scatter", options, ["axis"]);
  const prepared = prepare("scatter", x, indices, axis);
  const values = sourceFor("scatter", source, prepared);
  if (values.size === 0) return prepared.input;
  const from = winners(prepared);
  return where(greaterEqual(from, 0), take(flatten(values), clamp(from, { min: 0 })), prepared.input);
}

const reductions = ["sum", "mean", "prod", "amax", "amin"] as const;

/** The product of the values at each place, 1 where there are none, in the shape of `input`. */
function multiplied(source: Tensor, prepared: Prepared): Tensor {
  const { places, at } = prepared;
  const order = argsort(places, { axis: at });
  const [groups, values] = [places, source].map((x) => moveAxis(takeAlongAxis(x, order, at), at, -1)) as [
    Tensor,
    Tensor,
  ];
  const running = productsWithinGroups(values, groups);
  // The last of a group has its product.
  const rest = Array<null>(groups.rank - 1).fill(null);
  const changes = notEqual(slice(groups, [...rest, { stop: -1 }]), slice(groups, [...rest, { start: 1 }]));
  const isLast = concatenate([changes, full(groups.shape.with(-1, 1), 1, { dtype: "bool" })], { axis: -1 });
  const sorted = { ...prepared, places: moveAxis(groups, -1, at) };
  const products = summed(moveAxis(where(isLast, running, 0), -1, at), sorted);
  return where(greaterEqual(summed(onesLike(source), prepared), 1), products, 1);
}

/**
 * `x` combined with the values that fall on each place. Ties of extremes share the gradient evenly.
 *
 * @param options.reduce `"sum"`, `"mean"`, `"prod"` (right where factors are 0, too), `"amax"` or `"amin"`.
 * @param options.includeSelf whether `x`'s own elements take part where values fall. Default: true.
 *
 * @example
 * ```ts
 * scatterReduce([1, 5], tensor([0, 0], { dtype: "int32" }), [3, 2], { reduce: "amax" }); // [3, 5]
 * ```
 */
export function scatterReduce(
  x: TensorLike,
  indices: TensorLike,
  source: TensorLike,
  options: AlongOptions & { readonly reduce: (typeof reductions)[number]; readonly includeSelf?: boolean },
): Tensor {
  const {
    axis = -1,
    reduce,
    includeSelf = true,
  } = checkOptions("scatterReduce", options, ["axis", "reduce", "includeSelf"]);
  if (!reductions.includes(reduce)) throw unknownOption("scatterReduce", "reduce", reduce, reductions);
  const prepared = prepare("scatterReduce", x, indices, axis);
  const { input, places, at } = prepared;
  const values = sourceFor("scatterReduce", source, prepared);
  if (values.size === 0) return clone(input);
  const counts = summed(onesLike(values), prepared);
  const touched = greaterEqual(counts, 1);
  if (reduce === "sum" || reduce === "mean") {
    const base = includeSelf ? input : where(touched, 0, input);
    const total = add(base, summed(values, prepared));
    if (reduce === "sum") return total;
    return div(total, clamp(add(counts, includeSelf ? 1 : 0), { min: 1 }));
  }
  if (reduce === "prod") return mul(includeSelf ? input : where(touched, 1, input), multiplied(values, prepared));
  const neutral = extremesOf(input.dtype)[reduce === "amax" ? 0 : 1];
  const own = detach(includeSelf ? input : where(touched, neutral, input));
  const window = slice(own, upTo(places.shape.with(at, input.shape[at]!)));
  const reduction = reduce === "amax" ? "max" : "min";
  const part = apply(scatterOp, [window, places, detach(values)], { axis: at, reduction });
  const extreme = scatterBack(own, part);
  if (!isFloat(input.dtype)) return extreme;
  const isOwn = equal(own, extreme);
  const isValue = equal(values, takeAlongAxis(part, places, at));
  const share = add(cast(isOwn, input.dtype), summed(cast(isValue, input.dtype), prepared));
  const total = add(where(isOwn, input, 0), summed(where(isValue, values, 0), prepared));
  return div(total, share);
}

/** The lowest and the highest value of a dtype. */
function extremesOf(dtype: DType): readonly [number, number] {
  if (isFloat(dtype)) return [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  return dtype === "int32" ? [-(2 ** 31), 2 ** 31 - 1] : [0, dtype === "bool" ? 1 : 255];
}

/** `part` in the first corner of `whole`. */
function scatterBack(whole: Tensor, part: Tensor): Tensor {
  const margins = part.shape.map((n, i) => [0, whole.shape[i]! - n] as const);
  const inside = pad(onesLike(part), margins);
  return where(equal(inside, 1), pad(part, margins), whole);
}

/**
 * {@link take} along an axis, under PyTorch's name.
 *
 * @example
 * ```ts
 * indexSelect([[1, 2], [3, 4]], [1], { axis: 1 }); // [[2], [4]]
 * ```
 */
export function indexSelect(x: TensorLike, indices: TensorLike, options: AlongOptions = {}): Tensor {
  return taken("indexSelect", x, indices, options);
}

/**
 * `x` with slices added at the given places of an axis, which may repeat.
 *
 * @param source like `x`, but along the axis as long as there are indices.
 *
 * @example
 * ```ts
 * indexAdd([[1, 1], [2, 2]], tensor([1], { dtype: "int32" }), [[10, 20]]); // [[1, 1], [12, 22]]
 * ```
 */
export function indexAdd(x: TensorLike, indices: TensorLike, source: TensorLike, options: AlongOptions = {}): Tensor {
  const { axis = 0 } = checkOptions("indexAdd", options, ["axis"]);
  const [input, places, values] = [asTensor(x), indicesOf("indexAdd", indices), asTensor(source)];
  const at = normalizeAxis("indexAdd", axis, input);
  if (places.rank !== 1) {
    throw new ArgumentError({ op: "indexAdd", message: "indices are no vector", operands: [input, places] });
  }
  const shape = input.shape.with(at, places.size);
  const spread = reshape(
    places,
    shape.map((n, i) => (i === at ? n : 1)),
  );
  return inOperation("indexAdd", () =>
    scatterAdd(input, broadcastTo(spread, shape), broadcastTo(values, shape), { axis: at }),
  );
}

/**
 * Rows of an embedding table: {@link take} along the first axis, but negative numbers do not count from the end. They
 * stand for no row.
 *
 * @throws {DTypeError} when indices are not integers.
 * @throws {BoundsError} when one is not the number of a row.
 *
 * @example
 * ```ts
 * embedding([[1, 2], [3, 4]], [1, 0]); // [[3, 4], [1, 2]]
 * ```
 */
export function embedding(table: TensorLike, indices: TensorLike): Tensor {
  return taken("embedding", table, indices, {}, false);
}

/**
 * `x` with `value` where `mask` holds.
 *
 * @example
 * ```ts
 * maskedFill([1, 2], [true, false], 0); // [0, 2]
 * ```
 */
export function maskedFill(x: TensorLike, mask: TensorLike, value: TensorLike): Tensor {
  return inOperation("maskedFill", () => {
    const input = asTensor(x);
    return where(mask, typeof value === "number" ? fullLike(input, value) : value, input);
  });
}

/**
 * The places where elements are not 0: one row of indices (int32) per element.
 *
 * @example
 * ```ts
 * nonzero([[0, 1], [2, 0]]); // [[0, 1], [1, 0]]
 * ```
 */
export function nonzero(x: TensorLike): Tensor {
  const { data, shape } = asTensor(x);
  const rows: number[] = [];
  let count = 0;
  data.forEach((value, flat) => {
    if (value === 0) return;
    count++;
    shape.forEach((n, axis) => {
      rows.push(Math.floor(flat / sizeOf(shape.slice(axis + 1))) % n);
    });
  });
  return asTensor({ data: Int32Array.from(rows), shape: [count, shape.length] });
}

/**
 * The elements where `mask` holds, as a vector in row-major order. Tensor and mask broadcast.
 *
 * @example
 * ```ts
 * maskedSelect([1, 2, 3], [true, false, true]); // [1, 3]
 * ```
 */
export function maskedSelect(x: TensorLike, mask: TensorLike): Tensor {
  return inOperation("maskedSelect", () => {
    const [given, chosen] = [asTensor(x), asTensor(mask)];
    const flags = add(cast(chosen, "int32"), cast(zerosLike(given), "int32"));
    const { data } = flags;
    const places = Int32Array.from(Array.from(data.keys()).filter((i) => data[i] !== 0));
    return take(flatten(broadcastTo(given, flags.shape)), asTensor({ data: places, shape: [places.length] }));
  });
}
