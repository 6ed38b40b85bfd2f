import { fillKernel } from "../backend/copy.ts";
import { backend } from "../backend/current.ts";
import { allocateArray, type DType, defaultDType, isFloat } from "../dtype.ts";
import { ArgumentError, checkNumber, checkOptions, DTypeError, inOperation, shown } from "../errors.ts";
import { launch } from "../launch.ts";
import { checkShape, type Shape, sizeOf } from "../shape.ts";
import type { TensorOf } from "../shape-types.ts";
import { Parameter, type Tensor } from "../tensor.ts";
import { asTensor, checkDType, checkRoom, fromArray, fromValue, type TensorLike } from "./tensor-like.ts";

export interface TensorOptions {
  /** Default: that of a typed array, `bool` for booleans, otherwise {@link defaultDType} (float32). */
  readonly dtype?: DType;
  /** Record operations on the tensor, so that it can have a gradient. Default: false. */
  readonly requiresGrad?: boolean;
}

/**
 * A new tensor with the given elements.
 *
 * @param value a number, numbers or booleans nested in arrays, a typed array (rank 1), `{ data, shape }`, or a tensor.
 * @throws {ShapeError} when nested arrays of one level differ in length or depth, or `data` does not fill `shape`.
 * @throws {ArgumentError} for numbers that an integer dtype has no room for.
 * @throws {DTypeError} when `requiresGrad` is asked of an integer or boolean tensor.
 *
 * @example
 * ```ts
 * tensor([[1, 2], [3, 4]]).shape; // [2, 2]
 * tensor(new Float64Array([1, 2])).dtype; // "float64"
 * ```
 */
export function tensor(value: TensorLike, options: TensorOptions = {}): Tensor {
  checkOptions("tensor", options, optionNames);
  return mark("tensor", fromValue("tensor", value, options.dtype), options);
}

/**
 * A new parameter: a tensor that `assign` can change in place.
 *
 * @param options as for {@link tensor}, but `requiresGrad` defaults to true for floating-point dtypes.
 *
 * @example
 * ```ts
 * const w = parameter([1, 2]);
 * w.assign(w.mul(10));
 * w; // [10, 20]
 * ```
 */
export function parameter(value: TensorLike, options: TensorOptions = {}): Parameter {
  checkOptions("parameter", options, optionNames);
  const source = fromValue("parameter", value, options.dtype);
  const storage = backend().adopt(source.dtype, source.data);
  const result = new Parameter({ storage, shape: source.shape });
  return mark("parameter", result, { ...options, requiresGrad: options.requiresGrad ?? isFloat(source.dtype) });
}

/**
 * A rank-n tensor of zeros. `dtype` defaults to float32 (see {@link defaultDType}).
 *
 * @example
 * ```ts
 * zeros([2]); // [0, 0]
 * ```
 */
export function zeros<const S extends Shape>(shape: S, options?: TensorOptions): TensorOf<S>;
export function zeros(shape: Shape, options: TensorOptions = {}): Tensor {
  return filled("zeros", shape, 0, options);
}

/**
 * A rank-n tensor of ones. `dtype` defaults to float32 (see {@link defaultDType}).
 *
 * @example
 * ```ts
 * ones([2]); // [1, 1]
 * ```
 */
export function ones<const S extends Shape>(shape: S, options?: TensorOptions): TensorOf<S>;
export function ones(shape: Shape, options: TensorOptions = {}): Tensor {
  return filled("ones", shape, 1, options);
}

/**
 * A tensor whose elements are all `value`.
 * @throws {ArgumentError} when a length is negative or not an integer, or `dtype` has no room for the value.
 *
 * @example
 * ```ts
 * full([2, 2], 7); // [[7, 7], [7, 7]]
 * ```
 */
export function full<const S extends Shape>(shape: S, value: number, options?: TensorOptions): TensorOf<S>;
export function full(shape: Shape, value: number, options: TensorOptions = {}): Tensor {
  return filled("full", shape, value, options);
}

/** From this size on, elements are written where kernels find them, instead of being brought there when first needed. */
const largeSize = 1024;

function filled(op: string, shape: Shape, value: number, options: TensorOptions): Tensor {
  checkOptions(op, options, optionNames);
  checkShape(op, shape);
  const dtype = checkDType(op, options.dtype ?? defaultDType());
  if (typeof value !== "number" && typeof value !== "boolean") {
    throw new ArgumentError({ op, message: `the value is ${shown(value)}, not a number` });
  }
  checkRoom(op, Number(value), dtype);
  if (isFloat(dtype) && sizeOf(shape) >= largeSize) {
    return mark(op, launch(fillKernel(dtype), [], dtype, [...shape], [value]), options);
  }
  const array = allocateArray(dtype, sizeOf(shape)).fill(dtype === "bool" ? Number(value !== 0) : value);
  return mark(op, fromArray(array, shape, dtype), options);
}

/**
 * Zeros of the shape and dtype of `x`.
 *
 * @example
 * ```ts
 * zerosLike([5, 6]); // [0, 0]
 * ```
 */
export function zerosLike(x: TensorLike): Tensor {
  const { shape, dtype } = asTensor(x);
  return full(shape, 0, { dtype });
}

/**
 * Ones of the shape and dtype of `x`.
 *
 * @example
 * ```ts
 * onesLike([5, 6]); // [1, 1]
 * ```
 */
export function onesLike(x: TensorLike): Tensor {
  const { shape, dtype } = asTensor(x);
  return full(shape, 1, { dtype });
}

/**
 * `value` in the shape and dtype of `x`.
 *
 * @example
 * ```ts
 * fullLike([1, 2], 7); // [7, 7]
 * ```
 */
export function fullLike(x: TensorLike, value: number): Tensor {
  const { shape, dtype } = asTensor(x);
  return filled("fullLike", shape, value, { dtype });
}

/**
 * The identity matrix, or a rectangle with ones on its main diagonal.
 *
 * @param columns default: `rows`. The options may take its place.
 *
 * @example
 * ```ts
 * eye(2); // [[1, 0], [0, 1]]
 * eye(2, { dtype: "float64" }).dtype; // "float64"
 * ```
 */
export function eye(rows: number, columns?: number, options?: TensorOptions): Tensor;
export function eye(rows: number, options: TensorOptions): Tensor;
export function eye(rows: number, second: number | TensorOptions = rows, third: TensorOptions = {}): Tensor {
  const [columns, options] = typeof second === "number" ? [second, third] : [rows, second];
  checkOptions("eye", options, optionNames);
  checkShape("eye", [rows, columns]);
  const dtype = checkDType("eye", options.dtype ?? defaultDType());
  const array = allocateArray(dtype, rows * columns);
  for (let i = 0; i < Math.min(rows, columns); i++) array[i * columns + i] = 1;
  return mark("eye", fromArray(array, [rows, columns], dtype), options);
}

/** At most so many numbers, of which the last may be left out, and the options behind them. */
function numbersAndOptions(
  given: readonly (number | TensorOptions | undefined)[],
  count: number,
): readonly [readonly (number | undefined)[], TensorOptions] {
  const found = given.findIndex((value) => typeof value === "object" && value !== null);
  const at = found < 0 ? count : Math.min(found, count);
  return [
    given.slice(0, at) as readonly (number | undefined)[],
    (given[at] === undefined ? {} : given[at]) as TensorOptions,
  ];
}

/**
 * Evenly spaced numbers from `start` (0 when only one bound is given) up to, not including, `stop`.
 * `dtype` defaults to int32 when all three numbers are integers, else to {@link defaultDType}.
 * @throws {ArgumentError} when `step` is 0 or a number is not finite.
 *
 * @example
 * ```ts
 * arange(3); // [0, 1, 2]
 * arange(1, 2, 0.25); // [1, 1.25, 1.5, 1.75]
 * arange(3, { dtype: "float64" }); // [0, 1, 2]
 * ```
 */
export function arange(start: number, stop?: number, step?: number, options?: TensorOptions): Tensor;
export function arange(start: number, stop: number, options: TensorOptions): Tensor;
export function arange(stop: number, options: TensorOptions): Tensor;
export function arange(...given: readonly (number | TensorOptions | undefined)[]): Tensor {
  const [[start, stop, step = 1], options] = numbersAndOptions(given, 3);
  checkOptions("arange", options, optionNames);
  const [from, to] = stop === undefined ? [0, start!] : [start!, stop];
  if (step === 0 || ![from, to, step].every(Number.isFinite)) {
    throw new ArgumentError({
      op: "arange",
      message: `cannot count from ${shown(from)} to ${shown(to)} in steps of ${shown(step)}`,
    });
  }
  const integers = [from, to, step].every(Number.isInteger);
  const dtype = checkDType("arange", options.dtype ?? (integers ? "int32" : defaultDType()));
  const length = Math.max(0, Math.ceil((to - from) / step));
  checkShape("arange", [length]);
  if (length > 0) for (const end of [from, from + (length - 1) * step]) checkRoom("arange", end, dtype);
  const array = allocateArray(dtype, length);
  for (let i = 0; i < length; i++) array[i] = from + i * step;
  return mark("arange", fromArray(array, [length], dtype), options);
}

/**
 * `count` evenly spaced numbers from `start` to `stop`, both included.
 *
 * @example
 * ```ts
 * linspace(0, 1, 5); // [0, 0.25, 0.5, 0.75, 1]
 * linspace(0, 49, { dtype: "float64" }).size; // 50
 * ```
 */
export function linspace(start: number, stop: number, count?: number, options?: TensorOptions): Tensor;
export function linspace(start: number, stop: number, options: TensorOptions): Tensor;
export function linspace(...given: readonly (number | TensorOptions | undefined)[]): Tensor {
  const [numbers, options] = numbersAndOptions(given, 3);
  const [start, stop, count = 50] = numbers as [number, number, number?];
  checkOptions("linspace", options, optionNames);
  checkShape("linspace", [count]);
  const dtype = checkDType("linspace", options.dtype ?? defaultDType());
  for (const [name, end] of Object.entries({ start, stop })) {
    checkNumber("linspace", name, end, Number.isFinite, "it is finite");
    checkRoom("linspace", end, dtype);
  }
  const array = allocateArray(dtype, count);
  for (let i = 0; i < count; i++)
    array[i] = i === count - 1 && i > 0 ? stop : start + (i * (stop - start)) / (count - 1 || 1);
  return mark("linspace", fromArray(array, [count], dtype), options);
}

/**
 * `count` numbers from baseˢᵗᵃʳᵗ to baseˢᵗᵒᵖ, both included, whose logarithms are evenly spaced.
 *
 * @param options.base default: 10.
 *
 * @example
 * ```ts
 * logspace(0, 2, 3); // [1, 10, 100]
 * ```
 */
export function logspace(
  start: number,
  stop: number,
  count = 50,
  options: TensorOptions & { readonly base?: number } = {},
): Tensor {
  const { base = 10, ...rest } = checkOptions("logspace", options, [...optionNames, "base"]);
  checkNumber("logspace", "base", base, (b) => !Number.isNaN(b), "it is a number");
  const exponents = inOperation("logspace", () => linspace(start, stop, count, { dtype: "float64" })).data;
  return tensor({ data: exponents.map((e) => base ** e), shape: [count] }, { dtype: defaultDType(), ...rest });
}

const optionNames = ["dtype", "requiresGrad"] as const;

function mark<T extends Tensor>(op: string, x: T, options: TensorOptions): T {
  const { requiresGrad = false } = checkOptions(op, options, optionNames);
  if (!requiresGrad) return x;
  if (!isFloat(x.dtype)) {
    throw new DTypeError({ op, message: "only floating-point tensors have gradients", operands: [x] });
  }
  x.requiresGrad = true;
  return x;
}
