import {
  asTensor,
  type DType,
  type NdArray,
  noGrad,
  Tensor,
  type TensorLike,
  type TypedArray,
} from "@gradiente/autograd";
import { allocate, type Workspace } from "@gradiente/autograd/extend";
import { DataError, showShape } from "../errors.ts";

/** Arrays for a model: one, or for several inputs (or outputs) a list of tensors or `{ data, shape }`. */
export type Arrays = TensorLike | readonly (Tensor | NdArray)[];

/** What a data set yields. */
export interface BatchLike {
  readonly x: Arrays;
  readonly y?: Arrays | undefined;
  /** One array for all outputs, or a list of one for each. */
  readonly sampleWeight?: Arrays | undefined;
}

/** Batches that are read anew in every epoch. */
export type BatchIterable = AsyncIterable<BatchLike> | Iterable<BatchLike>;

/** A batch as the training step takes it. */
export interface Batch {
  readonly x: readonly Tensor[];
  readonly y: readonly Tensor[];
  /** None, one for all outputs, or one for each. */
  readonly sampleWeights: readonly Tensor[];
  readonly size: number;
  /** Holds the tensors' memory, where they were made for this batch alone. */
  readonly workspace?: Workspace;
}

/** One array whose first axis are the samples. */
export interface Column {
  readonly data: TypedArray;
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** Elements of one sample. */
  readonly row: number;
  /** The tensor it was given as, if it was one. */
  readonly tensor?: Tensor;
}

/** A tensor as a column, whose elements are copied out of it when they are asked for. */
class TensorColumn implements Column {
  readonly tensor: Tensor;
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly row: number;
  #data: TypedArray | null = null;

  constructor(tensor: Tensor) {
    this.tensor = tensor;
    this.shape = tensor.shape;
    this.dtype = tensor.dtype;
    this.row = tensor.shape.slice(1).reduce((a, b) => a * b, 1);
  }

  get data(): TypedArray {
    this.#data ??= this.tensor.data;
    return this.#data;
  }
}

/** Whether `value` yields batches (and is not an array of numbers). */
export function isBatchIterable(value: unknown): value is BatchIterable {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return false;
  if (Array.isArray(value)) return typeof value[0] === "object" && value[0] !== null && "x" in value[0];
  return Symbol.asyncIterator in value || (Symbol.iterator in value && !("shape" in value));
}

/** The arrays of a model's inputs or outputs. */
export function columnsOf(op: string, name: string, value: Arrays): Column[] {
  const isList = Array.isArray(value) && value.length > 0 && value.every((v) => typeof v === "object" && "shape" in v);
  const list = isList ? (value as readonly (Tensor | NdArray)[]) : [value as TensorLike];
  return list.map((item, i) => columnOf(op, isList && list.length > 1 ? `${name}[${i}]` : name, item));
}

/** An array by its samples; typed arrays are used as they are, without a copy. */
export function columnOf(op: string, name: string, value: TensorLike): Column {
  if (value === null || value === undefined) {
    throw new DataError({ op, message: `${name} is ${value}, not an array of samples` });
  }
  let data: TypedArray;
  let shape: readonly number[];
  let dtype: DType;
  if (!(value instanceof Tensor) && typeof value === "object" && "data" in value && "shape" in value) {
    const given = value.data;
    const exact =
      given instanceof Float32Array ||
      given instanceof Float64Array ||
      given instanceof Int32Array ||
      given instanceof Uint8Array;
    data = exact ? given : Int32Array.from(given);
    dtype =
      data instanceof Float32Array
        ? "float32"
        : data instanceof Float64Array
          ? "float64"
          : data instanceof Uint8Array
            ? "uint8"
            : "int32";
    shape = value.shape;
    if (shape.reduce((a, b) => a * b, 1) !== data.length) {
      throw new DataError({
        op,
        message: `${name} has ${data.length} elements, which do not fill the shape ${showShape(shape)}`,
      });
    }
  } else {
    const column = new TensorColumn(asTensor(value));
    if (column.shape.length > 0) return column;
    throw new DataError({ op, message: `${name} is a single number, not an array of samples` });
  }
  if (shape.length === 0) throw new DataError({ op, message: `${name} is a single number, not an array of samples` });
  return { data, shape, dtype, row: shape.slice(1).reduce((a, b) => a * b, 1) };
}

/** Number of samples. @throws {DataError} when arrays differ in it or have none. */
export function sampleCount(op: string, columns: readonly (readonly [string, Column])[]): number {
  const [name, first] = columns[0]!;
  const count = first.shape[0]!;
  for (const [other, column] of columns) {
    if (column.shape[0] !== count) {
      throw new DataError({
        op,
        message: `${name} has ${count} samples (shape ${showShape(first.shape)}), but ${other} has ${column.shape[0]} (shape ${showShape(column.shape)})`,
      });
    }
  }
  if (count === 0) throw new DataError({ op, message: `${name} has no samples` });
  return count;
}

/** @throws {DataError} naming the first element that is not a number. */
export function checkFinite(op: string, name: string, column: Column): void {
  if (column.dtype !== "float32" && column.dtype !== "float64") return;
  // One NaN makes the sum NaN. A large array is not brought into the engine's memory for that.
  const { tensor, row } = column;
  if (tensor !== undefined && tensor.size <= 2 ** 20 && Number.isFinite(noGrad(() => tensor.sum().item()))) return;
  const { data } = column;
  for (let i = 0; i < data.length; i++) {
    if (Number.isNaN(data[i])) {
      const sample = row === 0 ? 0 : Math.floor(i / row);
      throw new DataError({
        op,
        message: `${name} contains NaN, first in sample ${sample} (element ${i - sample * row} of it)`,
        hint: "remove or fill in missing values before training",
      });
    }
  }
}

/** The samples from `start` to `stop`, or those with the numbers that `order` has there, as a tensor. */
export function gather(column: Column, order: Int32Array | null, start: number, stop: number): Tensor {
  const { data, row, shape, dtype } = column;
  const chosen = allocate(dtype, [stop - start, ...shape.slice(1)]);
  // Straight to where kernels read them.
  const into = chosen.storage.array;
  if (order === null) into.set(data.subarray(start * row, stop * row), chosen.offset);
  else if (row === 1) for (let i = start; i < stop; i++) into[chosen.offset + i - start] = data[order[i]!]!;
  else {
    for (let i = start; i < stop; i++) {
      const from = order[i]! * row;
      into.set(data.subarray(from, from + row), chosen.offset + (i - start) * row);
    }
  }
  return chosen;
}

/** The first or last samples of an array, without a copy. */
export function part(column: Column, start: number, stop: number): Column {
  const { data, row, shape } = column;
  return { ...column, data: data.subarray(start * row, stop * row), shape: [stop - start, ...shape.slice(1)] };
}
