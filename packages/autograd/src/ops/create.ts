import { fillKernel } from "../backend/copy.ts";
import { backend } from "../backend/current.ts";
import {
  allocateArray,
  arrayOf,
  type DType,
  defaultDType,
  dtypeOfArray,
  dtypes,
  isFloat,
  type TypedArray,
} from "../dtype.ts";
import {
  ArgumentError,
  checkNumber,
  checkOptions,
  DTypeError,
  inOperation,
  ShapeError,
  shown,
  unknownOption,
} from "../errors.ts";
import { launch } from "../launch.ts";
import { checkShape, type Shape, sizeOf } from "../shape.ts";
import type { TensorOf } from "../shape-types.ts";
import { type NestedArray, Parameter, Tensor } from "../tensor.ts";

/** A typed array with the shape of the array it stands for, as data readers produce it. */
export interface NdArray {
  readonly data: TypedArray | Int8Array | Int16Array | Uint16Array | Uint8ClampedArray;
  readonly shape: Shape;
}

/** What can stand for a tensor: numbers nested in arrays, typed arrays (rank 1), typed arrays with a shape. */
export type TensorLike = Tensor | NestedArray | NdArray | NdArray["data"];

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
  return mark("tensor", make("tensor", value, options.dtype), options);
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
  const source = make("parameter", value, options.dtype);
  const storage = backend().adopt(source.dtype, source.data);
  const result = new Parameter({ storage, shape: source.shape });
  return mark("parameter", result, { ...options, requiresGrad: options.requiresGrad ?? isFloat(source.dtype) });
}

/**
 * The tensor that a value stands for; tensors are given back as they are.
 *
 * @example
 * ```ts
 * asTensor([1, 2]).shape; // [2]
 * ```
 */
export function asTensor(value: TensorLike, dtype?: DType): Tensor {
  return operandOf("tensor", value, dtype);
}

/** {@link asTensor} for `op`, which errors name. */
export function operandOf(op: string, value: TensorLike, dtype?: DType): Tensor {
  return value instanceof Tensor ? value : make(op, value, dtype);
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

/**
 * Evenly spaced numbers from `start` (0 when only one bound is given) up to, not including, `stop`.
 * `dtype` defaults to int32 when all three numbers are integers, else to {@link defaultDType}.
 * @throws {ArgumentError} when `step` is 0 or a number is not finite.
 *
 * @example
 * ```ts
 * arange(3); // [0, 1, 2]
 * arange(1, 2, 0.25); // [1, 1.25, 1.5, 1.75]
 * ```
 */
export function arange(start: number, stop?: number, step = 1, options: TensorOptions = {}): Tensor {
  checkOptions("arange", options, optionNames);
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
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
 * ```
 */
export function linspace(start: number, stop: number, count = 50, options: TensorOptions = {}): Tensor {
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

/**
 * A tensor on `array` itself, which the caller gives up: nothing is copied, nor checked.
 *
 * @param dtype one whose elements are kept in arrays of that kind. Default: what the array is an array of.
 *
 * @example
 * ```ts
 * fromArray(Float32Array.of(1, 2, 3, 4), [2, 2]); // [[1, 2], [3, 4]]
 * ```
 */
export function fromArray(array: TypedArray, shape: Shape, dtype: DType = dtypeOfArray(array)): Tensor {
  return new Tensor({ storage: backend().adopt(dtype, array), shape: [...shape] });
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

/** Refuses what is not a dtype. */
export function checkDType(op: string, dtype: DType): DType {
  if (!dtypes.includes(dtype)) throw unknownOption(op, "dtype", dtype, dtypes);
  return dtype;
}

function make(op: string, value: TensorLike, dtype?: DType): Tensor {
  if (dtype !== undefined) checkDType(op, dtype);
  if (value instanceof Tensor)
    return fromArray(convert(value.data, dtype ?? value.dtype), value.shape, dtype ?? value.dtype);
  if (isNdArray(value)) {
    if ("requiresGrad" in value) {
      throw new ArgumentError({
        op,
        message: "the tensor belongs to another copy of this package",
        hint: "install one version of @gradiente/autograd only; { data, shape } carries values over",
      });
    }
    checkShape(op, value.shape);
    if (!isTypedArray(value.data)) {
      throw new ArgumentError({
        op,
        message: `data is ${shown(value.data)}, not a typed array`,
        hint: "Float32Array.from(…) makes one of numbers",
      });
    }
    if (value.data.length !== sizeOf(value.shape)) {
      throw new ShapeError({
        op,
        message: `${value.data.length} elements do not fill the shape [${value.shape.join(", ")}]`,
        hint: `it takes ${sizeOf(value.shape)}`,
      });
    }
    return fromTyped(op, value.data, value.shape, dtype);
  }
  if (isTypedArray(value)) return fromTyped(op, value, [value.length], dtype);
  return fromNested(op, value, dtype);
}

function isNdArray(value: TensorLike): value is NdArray {
  return typeof value === "object" && value !== null && "data" in value && "shape" in value;
}

function isTypedArray(value: unknown): value is NdArray["data"] {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}

function fromTyped(op: string, data: NdArray["data"], shape: Shape, dtype?: DType): Tensor {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    throw new DTypeError({
      op,
      message: "the elements are 64-bit integers, for which there is no dtype",
      hint: "Float64Array.from(array, Number) holds integers up to 2⁵³",
    });
  }
  const known = dtype ?? ownDType(data);
  if (known === null) {
    throw new DTypeError({
      op,
      message: `there is no dtype for the elements of ${shown(data)}`,
      hint: 'say what to make of them, as in { dtype: "float64" }',
    });
  }
  return fromArray(convert(data, known), shape, known);
}

/** The dtype that has room for every element of a typed array; null for those of other kinds. */
function ownDType(data: NdArray["data"]): DType | null {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Float64Array) return "float64";
  if (data instanceof Uint8Array || data instanceof Uint8ClampedArray) return "uint8";
  return [Int8Array, Int16Array, Uint16Array, Int32Array].some((kind) => data instanceof kind) ? "int32" : null;
}

/** The lowest and the highest number of each integer dtype. */
const ranges: Partial<Record<DType, readonly [number, number]>> = {
  uint8: [0, 2 ** 8 - 1],
  int32: [-(2 ** 31), 2 ** 31 - 1],
};

/** Refuses a number that an integer dtype has no room for. Fractions are cut off. */
function checkRoom(op: string, value: number, dtype: DType): void {
  const range = ranges[dtype];
  if (range === undefined) return;
  const [lowest, highest] = range;
  const whole = Math.trunc(value);
  if (whole >= lowest && whole <= highest) return;
  throw new ArgumentError({
    op,
    message: `the number ${value} is outside ${dtype}`,
    hint: `${dtype} has room for integers from ${lowest} to ${highest}`,
  });
}

/** A new typed array of `dtype` with the given elements. */
function convert(data: ArrayLike<number>, dtype: DType): TypedArray {
  if (dtype !== "bool") return arrayOf(dtype, data);
  const array = allocateArray(dtype, data.length);
  for (let i = 0; i < data.length; i++) array[i] = Number(data[i] !== 0);
  return array;
}

function noNumber(op: string, value: unknown, depth: number): ArgumentError {
  const message = depth === 0 ? "the value is" : `an element at depth ${depth} is`;
  return new ArgumentError({
    op,
    message: `${message} ${shown(value)}, not a number`,
    hint:
      typeof value === "bigint"
        ? "Number(…) makes one of a bigint"
        : value instanceof Tensor
          ? "stack() and concatenate() make one tensor of several"
          : depth === 0
            ? "give a tensor, numbers or booleans nested in arrays, or a typed array"
            : "nest arrays equally deep, with numbers or booleans inside",
  });
}

function fromNested(op: string, value: NestedArray, dtype?: DType): Tensor {
  const shape: number[] = [];
  for (let level: NestedArray = value; Array.isArray(level); level = level[0] as NestedArray) {
    shape.push(level.length);
    if (level.length === 0) break;
  }
  const elements: number[] = [];
  let booleans = 0;
  const visit = (part: NestedArray, axis: number): void => {
    if (axis < shape.length) {
      if (!Array.isArray(part) || part.length !== shape[axis]) {
        const found = Array.isArray(part) ? `an array of ${part.length}` : `the value ${shown(part)}`;
        throw new ShapeError({
          op,
          message: `nested arrays are ragged: ${found} where ${shape[axis]} elements were expected at depth ${axis}`,
        });
      }
      for (const inner of part as readonly NestedArray[]) visit(inner, axis + 1);
      return;
    }
    if (typeof part === "boolean") booleans++;
    else if (typeof part !== "number") throw noNumber(op, part, axis);
    elements.push(Number(part));
  };
  visit(value, 0);
  const own: DType = booleans > 0 && booleans === elements.length ? "bool" : defaultDType();
  const target = dtype ?? own;
  if (ranges[target] !== undefined) for (const element of elements) checkRoom(op, element, target);
  return fromArray(convert(elements, target), shape, target);
}
