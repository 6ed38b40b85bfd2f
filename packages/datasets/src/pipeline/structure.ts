import { ArgumentError, PipelineError } from "../errors.ts";
import {
  allocateLike,
  describeArray,
  isNdArray,
  isTypedArray,
  type NdArray,
  sameShape,
  sizeOf,
  type TypedArray,
} from "../nd-array.ts";

/**
 * Elements are arrays, numbers, strings or booleans, alone or in objects and tuples, nested at will. This file takes such
 * structures apart along their first axis and puts them together again.
 */

/** What whole columns may be given as: leaves with one entry per row, alone or in objects and tuples. */
export type Columns =
  | NdArray
  | TypedArray
  | readonly number[]
  | readonly string[]
  | readonly boolean[]
  | readonly [Columns, ...Columns[]]
  | { readonly [name: string]: Columns };

/** One row of {@link Columns}: each leaf loses its first axis. */
export type RowOf<C> =
  C extends NdArray<infer A>
    ? NdArray<A>
    : C extends TypedArray
      ? NdArray<C>
      : C extends readonly number[]
        ? number
        : C extends readonly string[]
          ? string
          : C extends readonly boolean[]
            ? boolean
            : { -readonly [K in keyof C]: RowOf<C[K]> };

/**
 * Many elements of type `T` in one: every leaf gains a first axis. Arrays are stacked, numbers become a `Float64Array`
 * (nothing is rounded), booleans a `Uint8Array` of 0 and 1, everything else a plain list.
 */
export type Batched<T> =
  T extends NdArray<infer A>
    ? NdArray<A>
    : T extends TypedArray
      ? NdArray<T>
      : T extends number
        ? NdArray<Float64Array>
        : T extends boolean
          ? NdArray<Uint8Array>
          : T extends string | bigint | symbol | null | undefined | Date
            ? T[]
            : T extends object
              ? { -readonly [K in keyof T]: Batched<T[K]> }
              : T[];

/** The reverse of {@link Batched}, as far as types can tell. */
export type Unbatched<B> =
  B extends NdArray<infer A>
    ? NdArray<A>
    : B extends readonly [unknown, ...unknown[]]
      ? { -readonly [K in keyof B]: Unbatched<B[K]> }
      : B extends readonly (infer E)[]
        ? E
        : B extends object
          ? { -readonly [K in keyof B]: Unbatched<B[K]> }
          : never;

/** A column that is not structured further: `at` gives row `index`. */
interface Leaf {
  readonly length: number;
  at(index: number): unknown;
}

function leafOf(column: NdArray | TypedArray | readonly unknown[], field: string): Leaf {
  if (isTypedArray(column)) return leafOf({ data: column, shape: [column.length] }, field);
  if (!isNdArray(column)) return { length: column.length, at: (index) => column[index] };
  const { data, shape } = column;
  if (shape.length === 0 || sizeOf(shape) !== data.length) {
    throw new ArgumentError("not an array with rows", {
      field,
      expected: "a shape with a first axis whose sizes multiply to the length of the data",
      found: `${describeArray(column)} with ${data.length} numbers`,
    });
  }
  const rowShape = shape.slice(1);
  const rowSize = sizeOf(rowShape);
  return {
    length: shape[0]!,
    // Every row has a shape of its own so that nobody's change reaches another's.
    at: (index) => ({ data: data.subarray(index * rowSize, (index + 1) * rowSize), shape: rowShape.slice() }),
  };
}

function isPrimitiveList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && (value.length === 0 || typeof value[0] !== "object" || value[0] instanceof Date);
}

/** Takes columns apart: `length` rows, `at(i)` gives the i-th, whose arrays share memory with the columns. */
export function rowsOf(columns: unknown, field = "columns"): Leaf {
  if (isNdArray(columns) || isTypedArray(columns) || isPrimitiveList(columns)) return leafOf(columns, field);
  if (typeof columns !== "object" || columns === null) {
    throw new ArgumentError("not columns", {
      field,
      expected: "arrays, or an object or tuple of arrays",
      found: String(columns),
    });
  }
  const names = Object.keys(columns);
  const leaves = names.map((name) => rowsOf((columns as Record<string, unknown>)[name], `${field}.${name}`));
  const length = leaves[0]?.length ?? 0;
  for (const [i, leaf] of leaves.entries()) {
    if (leaf.length !== length) {
      throw new ArgumentError("columns of different lengths", {
        field: `${field}.${names[i]}`,
        expected: `${length} rows as in ${field}.${names[0]}`,
        found: `${leaf.length}`,
      });
    }
  }
  if (Array.isArray(columns)) return { length, at: (index) => leaves.map((leaf) => leaf.at(index)) };
  return {
    length,
    at: (index) => {
      const row: Record<string, unknown> = {};
      for (let i = 0; i < names.length; i++) row[names[i]!] = leaves[i]!.at(index);
      return row;
    },
  };
}

/** All rows of columns put together, as {@link stack} would: arrays are handed on without a copy. */
export function wholeOf(columns: unknown): unknown {
  if (isNdArray(columns)) return columns;
  if (isTypedArray(columns)) return { data: columns, shape: [columns.length] };
  if (isPrimitiveList(columns)) return columns.length === 0 ? [] : stack(columns, "toArrays");
  const entries = Object.entries(columns as object).map(([name, column]) => [name, wholeOf(column)] as const);
  return Array.isArray(columns) ? entries.map(([, whole]) => whole) : Object.fromEntries(entries);
}

function mismatch(operation: string, path: string, index: number, expected: string, found: string): PipelineError {
  return new PipelineError(operation, `element ${index} does not fit the first`, {
    field: path === "" ? undefined : path,
    index,
    expected,
    found,
    hint: "Elements that are put together must have the same shapes, types and names; crop, pad or map them first.",
  });
}

function kindOf(value: unknown): string {
  if (isNdArray(value)) return describeArray(value);
  if (value === null) return "null";
  if (Array.isArray(value)) return `a tuple of ${value.length}`;
  return typeof value;
}

function stackArrays(elements: readonly unknown[], operation: string, path: string): NdArray {
  const first = elements[0] as NdArray;
  const rowSize = first.data.length;
  const data = allocateLike(first.data, rowSize * elements.length);
  for (let i = 0; i < elements.length; i++) {
    const element = elements[i];
    if (
      !isNdArray(element) ||
      element.data.constructor !== first.data.constructor ||
      !sameShape(element.shape, first.shape)
    ) {
      throw mismatch(operation, path, i, describeArray(first), kindOf(element));
    }
    if (rowSize === 1) data[i] = element.data[0]!;
    else data.set(element.data, i * rowSize);
  }
  return { data, shape: [elements.length, ...first.shape] };
}

/** Puts elements together, leaf by leaf; throws {@link PipelineError} for elements that do not fit together. */
export function stack(elements: readonly unknown[], operation: string, path = ""): unknown {
  const first = elements[0];
  const type = typeof first;
  if (type === "number" || type === "boolean") {
    const data = type === "number" ? new Float64Array(elements.length) : new Uint8Array(elements.length);
    for (let i = 0; i < elements.length; i++) {
      if (typeof elements[i] !== type) throw mismatch(operation, path, i, type, kindOf(elements[i]));
      data[i] = Number(elements[i]);
    }
    return { data, shape: [elements.length] };
  }
  if (type !== "object" || first === null || first instanceof Date) return elements.slice();
  if (isNdArray(first)) return stackArrays(elements, operation, path);
  if (isTypedArray(first)) {
    const wrapped = elements.map((element) =>
      isTypedArray(element) ? { data: element, shape: [element.length] } : element,
    );
    return stackArrays(wrapped, operation, path);
  }
  const names = Object.keys(first as object);
  for (const [i, element] of elements.entries()) {
    if (typeof element !== "object" || element === null || Object.keys(element).length !== names.length) {
      throw mismatch(operation, path, i, `the names ${names.join(", ")}`, kindOf(element));
    }
  }
  const column = (name: string): unknown =>
    stack(
      elements.map((element) => (element as Record<string, unknown>)[name]),
      operation,
      path === "" ? name : `${path}.${name}`,
    );
  if (Array.isArray(first)) return names.map(column);
  return Object.fromEntries(names.map((name) => [name, column(name)]));
}

/** Joins structures of stacked arrays along their first axis: the batches of `toArrays`. */
export function concatenateBatches(batches: readonly unknown[], operation: string, path = ""): unknown {
  const first = batches[0];
  if (batches.length === 1) return first;
  if (isPrimitiveList(first)) return batches.flat();
  if (isNdArray(first)) {
    let length = 0;
    let rows = 0;
    for (const [i, batch] of batches.entries()) {
      const fits =
        isNdArray(batch) &&
        batch.data.constructor === first.data.constructor &&
        sameShape(batch.shape.slice(1), first.shape.slice(1));
      if (!fits) throw mismatch(operation, path, i, describeArray(first), kindOf(batch));
      length += batch.data.length;
      rows += batch.shape[0] ?? 0;
    }
    const data = allocateLike(first.data, length);
    let offset = 0;
    for (const batch of batches as NdArray[]) {
      data.set(batch.data, offset);
      offset += batch.data.length;
    }
    return { data, shape: [rows, ...first.shape.slice(1)] };
  }
  const names = Object.keys(first as object);
  const column = (name: string): unknown =>
    concatenateBatches(
      batches.map((batch) => (batch as Record<string, unknown>)[name]),
      operation,
      path === "" ? name : `${path}.${name}`,
    );
  if (Array.isArray(first)) return names.map(column);
  return Object.fromEntries(names.map((name) => [name, column(name)]));
}
