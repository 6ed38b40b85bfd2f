import { ArgumentError, checkInteger, checkOptions, ShapeError } from "../errors.ts";
import { checkShape, twoAxes } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { greaterEqual, where } from "./comparison.ts";
import { arange, zeros } from "./create.ts";
import { sum } from "./reduction.ts";
import { reshape } from "./reshape.ts";
import { asTensor, type TensorLike } from "./tensor-like.ts";
import { type See, unview, view } from "./view.ts";

function diagonalView(at: readonly [number, number], offset: number): See {
  const [a, b] = at;
  return ({ shape, strides, offset: start }) => {
    const length = Math.max(0, Math.min(shape[a]! + Math.min(offset, 0), shape[b]! - Math.max(offset, 0)));
    const first = offset >= 0 ? offset * strides[b]! : -offset * strides[a]!;
    const keep = <T>(list: readonly T[]): T[] => list.filter((_, i) => i !== a && i !== b);
    return {
      shape: [...keep(shape), length],
      strides: [...keep(strides), strides[a]! + strides[b]!],
      offset: start + (length === 0 ? 0 : first),
    };
  };
}

/** Options of {@link diagonal} and {@link trace}. */
export interface DiagonalOptions {
  /** Above (positive) or below the main diagonal. Default: 0. */
  readonly offset?: number;
  /** The two axes of the matrices. Default: the first two, as in NumPy. */
  readonly axes?: readonly [number, number];
}

/**
 * Diagonals of matrices, along a new last axis; no element is copied.
 *
 * @example
 * ```ts
 * diagonal([[1, 2], [3, 4]]); // [1, 4]
 * ```
 */
export function diagonal(x: TensorLike, options: DiagonalOptions = {}): Tensor {
  return diagonalFor("diagonal", asTensor(x), options);
}

function diagonalFor(op: string, input: Tensor, options: DiagonalOptions): Tensor {
  const { offset = 0, axes = [0, 1] } = checkOptions(op, options, ["offset", "axes"]);
  checkInteger(op, "offset", offset);
  const at = twoAxes(op, axes, input);
  if (at[0] === at[1]) throw new ArgumentError({ op, message: "the axes are the same", operands: [input] });
  return view(input, diagonalView(at, offset));
}

/**
 * The matrix that has the vector on a diagonal; of a matrix, its {@link diagonal}.
 * @throws {ShapeError} for other ranks.
 *
 * @example
 * ```ts
 * diag([1, 2]); // [[1, 0], [0, 2]]
 * ```
 */
export function diag(x: TensorLike, options: { readonly offset?: number } = {}): Tensor {
  const { offset = 0 } = checkOptions("diag", options, ["offset"]);
  const input = asTensor(x);
  if (input.rank === 2) return diagonalFor("diag", input, { offset });
  if (input.rank !== 1) {
    throw new ShapeError({ op: "diag", message: "the tensor is neither a vector nor a matrix", operands: [input] });
  }
  const n = input.size + Math.abs(checkInteger("diag", "offset", offset));
  checkShape("diag", [n, n]);
  return unview(input, diagonalView([0, 1], offset), [n, n]);
}

/**
 * The sum of a {@link diagonal}.
 *
 * @example
 * ```ts
 * trace([[1, 2], [3, 4]]); // 5
 * ```
 */
export function trace(x: TensorLike, options: DiagonalOptions = {}): Tensor {
  return sum(diagonalFor("trace", asTensor(x), options), { axis: -1 });
}

/** Options of {@link tril} and {@link triu}. */
interface TriangleOptions {
  /** The diagonal where it ends, positive above the main one. Default: 0. */
  readonly offset?: number;
}

function triangle(
  op: string,
  x: TensorLike,
  options: TriangleOptions,
  keep: (row: Tensor, column: Tensor, offset: number) => Tensor,
): Tensor {
  const { offset = 0 } = checkOptions(op, options, ["offset"]);
  checkInteger(op, "offset", offset);
  const input = asTensor(x);
  if (input.rank < 2) throw new ShapeError({ op, message: "the tensor is no matrix", operands: [input] });
  const [rows, columns] = input.shape.slice(-2) as [number, number];
  // Beyond the corners nothing changes, and int32 holds what is added.
  const within = Math.min(Math.max(offset, -rows), columns);
  const isKept = keep(reshape(arange(rows), [rows, 1]), arange(columns), within);
  return where(isKept, input, zeros([], { dtype: input.dtype }));
}

/**
 * The elements of matrices on and below a diagonal, zeros above.
 *
 * @param options.offset of the diagonal, positive above the main one. Default: 0.
 *
 * @example
 * ```ts
 * tril([[1, 2], [3, 4]]); // [[1, 0], [3, 4]]
 * ```
 */
export function tril(x: TensorLike, options: TriangleOptions = {}): Tensor {
  return triangle("tril", x, options, (row, column, offset) => greaterEqual(row.add(offset), column));
}

/**
 * The elements of matrices on and above a diagonal, zeros below.
 *
 * @example
 * ```ts
 * triu([[1, 2], [3, 4]]); // [[1, 2], [0, 4]]
 * ```
 */
export function triu(x: TensorLike, options: TriangleOptions = {}): Tensor {
  return triangle("triu", x, options, (row, column, offset) => greaterEqual(column, row.add(offset)));
}
