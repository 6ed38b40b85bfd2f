/** The plain value this package deals in: numbers in row-major order, and the sizes of the axes. */

/** The typed arrays an {@link NdArray} can hold. */
export type TypedArray =
  | Float64Array
  | Float32Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray;

/**
 * Numbers in row-major order with the sizes of their axes; `tensor()` and `fit()` accept it as it is.
 * `data.length` is the product of `shape`; rank 0 (`shape: []`) holds one number.
 *
 * @example
 * const image: NdArray<Uint8Array> = { data: new Uint8Array(784), shape: [28, 28] };
 */
export interface NdArray<A extends TypedArray = TypedArray> {
  readonly data: A;
  readonly shape: number[];
}

export function isTypedArray(value: unknown): value is TypedArray {
  return (
    ArrayBuffer.isView(value) &&
    !(value instanceof DataView) &&
    !(value instanceof BigInt64Array) &&
    !(value instanceof BigUint64Array)
  );
}

export function isNdArray(value: unknown): value is NdArray {
  if (typeof value !== "object" || value === null) return false;
  const { data, shape } = value as { data?: unknown; shape?: unknown };
  return isTypedArray(data) && Array.isArray(shape);
}

/** Number of elements of a shape; the empty shape has one. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const dimension of shape) size *= dimension;
  return size;
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dimension, axis) => dimension === b[axis]);
}

/** A new typed array of the same kind as `like`, filled with zeros. */
export function allocateLike<A extends TypedArray>(like: A, length: number): A {
  return new (like.constructor as new (length: number) => A)(length);
}

/** "uint8 [28, 28]", for messages. */
export function describeArray(array: NdArray): string {
  return `${array.data.constructor.name.replace("Array", "").toLowerCase()} [${array.shape.join(", ")}]`;
}
