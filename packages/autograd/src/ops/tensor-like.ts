import { backend } from "../backend/current.ts";
import { allocateArray, arrayOf, type DType, defaultDType, dtypeOfArray, dtypes, type TypedArray } from "../dtype.ts";
import { ArgumentError, DTypeError, ShapeError, shown, unknownOption } from "../errors.ts";
import { checkShape, type Shape, sizeOf } from "../shape.ts";
import { type NestedArray, Tensor } from "../tensor.ts";

/** A typed array with the shape of the array it stands for, as data readers produce it. */
export interface NdArray {
  readonly data: TypedArray | Int8Array | Int16Array | Uint16Array | Uint8ClampedArray;
  readonly shape: Shape;
}

/** What can stand for a tensor: numbers nested in arrays, typed arrays (rank 1), typed arrays with a shape. */
export type TensorLike = Tensor | NestedArray | NdArray | NdArray["data"];

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
  return value instanceof Tensor ? value : fromValue(op, value, dtype);
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

/** Refuses what is not a dtype. */
export function checkDType(op: string, dtype: DType): DType {
  if (!dtypes.includes(dtype)) throw unknownOption(op, "dtype", dtype, dtypes);
  return dtype;
}

/** A new tensor of a value. */
export function fromValue(op: string, value: TensorLike, dtype?: DType): Tensor {
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
export function checkRoom(op: string, value: number, dtype: DType): void {
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
