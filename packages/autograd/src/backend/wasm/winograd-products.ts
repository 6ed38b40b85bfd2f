/** Products of small constant matrices with squares of vectors, for Winograd's algorithm (contract-winograd.ts). */
import { f32x4, type I32, i32, increase, type Local, type Scope, type Statement, type V128 } from "./assembler.ts";
import { type Arithmetic } from "./contract-tile.ts";

export type Matrix = readonly (readonly number[])[];

/** Outputs of a tile along one axis, taps, and inputs. */
export const tileOutputs = 4;
export const taps = 3;
export const tileInputs = 6;
/** Places in a tile. */
export const places = 36;

/** The matrices A (6 × 4), G (6 × 3) and Bᵀ (6 × 6), from the points by which polynomials are told apart. */
function matrices(points: readonly number[]): { a: Matrix; g: Matrix; b: Matrix } {
  const powers = (x: number, n: number): number[] => Array.from({ length: n }, (_, i) => x ** i);
  const infinity = (n: number): number[] => Array.from({ length: n }, (_, i) => Number(i === n - 1));
  /** Coefficients of the product of (x − root), from x⁰ on. */
  const withRoots = (roots: readonly number[]): number[] =>
    roots.reduce<number[]>((p, root) => p.concat(0).map((_, i) => (p[i - 1] ?? 0) - root * (p[i] ?? 0)), [1]);
  const others = (p: number): number[] => points.filter((q) => q !== p);
  const b = [...points.map((p) => [...withRoots(others(p)), 0]), withRoots(points)];
  const g = [
    ...points.map((p) => powers(p, taps).map((x) => x / others(p).reduce((product, q) => product * (p - q), 1))),
    infinity(taps),
  ];
  const norm = (row: readonly number[]): number => Math.hypot(...row);
  // Powers of two that make the rows of B and G about equally long.
  const scales = b.map((row, i) => 2 ** Math.round(Math.log2(norm(g[i]!) / norm(row)) / 2));
  return {
    a: [...points.map((p) => powers(p, tileOutputs)), infinity(tileOutputs)],
    g: g.map((row, i) => row.map((x) => x / scales[i]!)),
    b: b.map((row, i) => row.map((x) => x * scales[i]!)),
  };
}

const { a, g, b } = matrices([0, 3 / 4, -3 / 4, 3 / 2, -3 / 2]);
export const matrixA: Matrix = a;
export const matrixG: Matrix = g;
export const matrixB: Matrix = b;
export const transposed = (m: Matrix): Matrix => m[0]!.map((_, j) => m.map((row) => row[j]!));

/** Writes products of a constant matrix with vectors of vectors, with few instructions. */
export class Products {
  readonly #scope: Scope;
  readonly #ops: Arithmetic;
  readonly #constants: Map<number, Local<"v128">> = new Map();

  constructor(scope: Scope, ops: Arithmetic) {
    this.#scope = scope;
    this.#ops = ops;
  }

  /** Statements that set the constants used; to be run first. */
  prepare(): Statement[] {
    return [...this.#constants].map(([x, local]) => local.set(f32x4.const(x)));
  }

  #constant(x: number): V128 {
    let local = this.#constants.get(x);
    if (local === undefined) {
      local = this.#scope.local("v128");
      this.#constants.set(x, local);
    }
    return local;
  }

  #combine(coefficients: readonly number[], x: readonly V128[]): V128 {
    let sum: V128 | null = null;
    // Those that need no multiplication last, so that the first is not a product by itself if there is a choice.
    const terms = coefficients.map((c, i) => ({ c, v: x[i]! })).filter(({ c }) => c !== 0);
    for (const { c, v } of terms.toSorted((s, t) => Number(Math.abs(s.c) !== 1) - Number(Math.abs(t.c) !== 1))) {
      if (sum === null) sum = c === 1 ? v : c === -1 ? f32x4.neg(v) : f32x4.mul(this.#constant(c), v);
      else if (c === 1) sum = f32x4.add(sum, v);
      else if (c === -1) sum = f32x4.sub(sum, v);
      else sum = this.#ops.madd(this.#constant(c), v, sum);
    }
    return sum ?? f32x4.const(0);
  }

  #keep(into: Statement[], x: V128): V128 {
    const local = this.#scope.local("v128");
    into.push(local.set(x));
    return local;
  }

  /** `matrix · x`; each entry of the result is computed where it is used, once. */
  apply(matrix: Matrix, x: readonly V128[], into: Statement[]): V128[] {
    // Columns equal up to signs: the sum and the difference of their vectors serve all rows.
    const columns = x.map((_, j) => matrix.map((row) => row[j]!));
    const vectors = [...x];
    const entries = matrix.map((row) => [...row]);
    for (let p = 0; p < x.length; p++) {
      for (let q = p + 1; q < x.length; q++) {
        const mirrored = columns[p]!.every((c, i) => Math.abs(c) === Math.abs(columns[q]![i]!));
        if (!mirrored) continue;
        vectors[p] = this.#keep(into, f32x4.add(x[p]!, x[q]!));
        vectors[q] = this.#keep(into, f32x4.sub(x[p]!, x[q]!));
        for (const row of entries) {
          const isSum = row[p] === row[q];
          [row[p], row[q]] = isSum ? [row[p]!, 0] : [0, row[p]!];
        }
      }
    }
    const result: V128[] = [];
    entries.forEach((row, i) => {
      if (result[i] !== undefined) return;
      // Rows whose sum and difference share no column, as those of opposite points.
      const other = entries.findIndex(
        (r, k) => k > i && r.every((c, j) => Math.abs(c) === Math.abs(row[j]!)) && r.some((c, j) => c !== row[j]),
      );
      if (other < 0) {
        result[i] = this.#combine(row, vectors);
        return;
      }
      const even = row.map((c, j) => (c === entries[other]![j] ? c : 0));
      const odd = row.map((c, j) => (c === entries[other]![j] ? 0 : c));
      const [e, o] = [even, odd].map((half) => this.#keep(into, this.#combine(half, vectors)));
      result[i] = f32x4.add(e!, o!);
      result[other] = f32x4.sub(e!, o!);
    });
    return result;
  }

  /** Statements for `matrix · x · matrixᵀ`, where `x(i, j)` is read and every entry of the result stored. */
  square(
    matrix: Matrix,
    x: (i: number, j: number) => V128,
    store: (i: number, j: number, y: V128) => Statement,
  ): Statement[] {
    const [height, width] = [matrix.length, matrix[0]!.length];
    const statements: Statement[] = [];
    const half: V128[][] = Array.from({ length: height }, () => []);
    for (let j = 0; j < width; j++) {
      const column = Array.from({ length: width }, (_, i) => this.#keep(statements, x(i, j)));
      for (const [i, y] of this.apply(matrix, column, statements).entries()) half[i]!.push(this.#keep(statements, y));
    }
    for (const [i, row] of half.entries()) {
      statements.push(...this.apply(matrix, row, statements).map((y, j) => store(i, j, y)));
    }
    return statements;
  }
}

/** Addresses of a square of vectors: pointers to its rows, which move along the channels, and distances of columns. */
export class Grid {
  readonly #rows: readonly Local<"i32">[];
  readonly #columns: readonly Local<"i32">[];

  constructor(scope: Scope, side: number) {
    this.#rows = Array.from({ length: side }, () => scope.local("i32"));
    this.#columns = Array.from({ length: side }, () => scope.local("i32"));
  }

  set(base: I32, rowStep: I32, columnStep: I32): Statement[] {
    return [
      ...this.#rows.map((row, i) => row.set(i === 0 ? base : i32.add(this.#rows[i - 1]!, rowStep))),
      ...this.#columns.map((column, j) => column.set(i32.mul(columnStep, j))),
    ];
  }

  at(i: number, j: number): I32 {
    return j === 0 ? this.#rows[i]! : i32.add(this.#rows[i]!, this.#columns[j]!);
  }

  advance(bytes: number): Statement[] {
    return this.#rows.map((row) => increase(row, bytes));
  }
}
