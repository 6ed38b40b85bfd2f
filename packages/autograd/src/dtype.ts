import { DTypeError, MemoryError, shown } from "./errors.ts";

/** Element types a tensor can have. */
export type DType = "float64" | "float32" | "int32" | "uint8" | "bool";

/** Element types that can carry a gradient. */
export type FloatDType = "float64" | "float32";

/** Element types in which kernels do arithmetic; `uint8` and `bool` are widened to `int32`. */
export type ComputeDType = "float64" | "float32" | "int32";

/** The typed arrays that hold tensor elements; `bool` is stored as 0 and 1 in a `Uint8Array`. */
export type TypedArray = Float64Array | Float32Array | Int32Array | Uint8Array;

/** Every dtype, in promotion order within its kind. */
export const dtypes: readonly DType[] = ["bool", "uint8", "int32", "float32", "float64"];

const itemSizes: Readonly<Record<DType, number>> = { float64: 8, float32: 4, int32: 4, uint8: 1, bool: 1 };

/** Bytes per element. */
export function itemSize(dtype: DType): number {
  return itemSizes[dtype];
}

/** More bytes than any heap of a backend can hold. */
const mostBytes = 2 ** 32;

/**
 * A new zero-filled typed array for `length` elements of `dtype`.
 * @throws {MemoryError} when there is no room for it.
 */
export function allocateArray(dtype: DType, length: number): TypedArray {
  return newArray(dtype, length, length);
}

/**
 * A new typed array of elements of `dtype`: a copy, which costs less than filling what has been cleared before.
 * @throws {MemoryError} when there is no room for it.
 */
export function arrayOf(dtype: DType, elements: ArrayLike<number>): TypedArray {
  return newArray(dtype, elements.length, elements);
}

function newArray(dtype: DType, length: number, content: number | ArrayLike<number>): TypedArray {
  const bytes = length * itemSize(dtype);
  // The constructors take either, but are declared one by one.
  const from = content as number;
  try {
    if (bytes <= mostBytes) {
      switch (dtype) {
        case "float64":
          return new Float64Array(from);
        case "float32":
          return new Float32Array(from);
        case "int32":
          return new Int32Array(from);
        default:
          return new Uint8Array(from);
      }
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  throw new MemoryError({
    op: "allocate",
    message: `${bytes} bytes do not fit into memory`,
    hint: "work on smaller batches",
  });
}

/** The dtype a typed array's elements have by themselves (`Uint8Array` is `uint8`, not `bool`). */
export function dtypeOfArray(array: TypedArray): DType {
  if (array instanceof Float32Array) return "float32";
  if (array instanceof Float64Array) return "float64";
  if (array instanceof Int32Array) return "int32";
  return "uint8";
}

export function isFloat(dtype: DType): dtype is FloatDType {
  return dtype === "float32" || dtype === "float64";
}

/** The dtype in which arithmetic on `dtype` is carried out. */
export function computeDType(dtype: DType): ComputeDType {
  return isFloat(dtype) ? dtype : "int32";
}

/**
 * The dtype two tensors are converted to before an operation, by the array API's lattice
 * (bool < uint8 < int32, float32 < float64). Where that standard leaves integers with floats
 * open, the float dtype wins, as in PyTorch and JAX: `int32` with `float32` gives `float32`.
 */
export function promoteTypes(a: DType, b: DType): DType {
  if (a === b) return a;
  return dtypes[Math.max(dtypes.indexOf(a), dtypes.indexOf(b))]!;
}

let defaultFloat: FloatDType = "float32";

/** The dtype given to floating-point data whose dtype is not stated. Initially `float32`. */
export function defaultDType(): FloatDType {
  return defaultFloat;
}

/**
 * Sets the dtype given to floating-point data whose dtype is not stated.
 * @throws {DTypeError} when `dtype` is not `"float32"` or `"float64"`.
 */
export function setDefaultDType(dtype: FloatDType): void {
  if (!isFloat(dtype)) {
    throw new DTypeError({ op: "setDefaultDType", message: `${shown(dtype)} is not a floating-point dtype` });
  }
  defaultFloat = dtype;
}

/**
 * The dtype of an operation between a tensor and a plain number. Numbers are weakly typed:
 * they never widen a tensor of their own kind, and only a fractional number turns integers into floats.
 */
export function promoteWithNumber(dtype: DType, value: number): DType {
  if (isFloat(dtype)) return dtype;
  if (!Number.isInteger(value)) return defaultFloat;
  return dtype === "bool" ? "int32" : dtype;
}
