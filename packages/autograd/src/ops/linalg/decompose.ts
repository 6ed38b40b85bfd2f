import { type DType, isFloat } from "../../dtype.ts";
import { DTypeError, type Operand, ShapeError } from "../../errors.ts";
import { broadcastShapes, type Shape, sizeOf } from "../../shape.ts";
import { apply, applyAll, type Op, type Saved, savesAll, savesOutput } from "../../tape.ts";
import type { Tensor } from "../../tensor.ts";
import { add, div, mul, neg, square, sub } from "../arithmetic.ts";
import { diagonal, tril, triu } from "../arrange.ts";
import { asBatch, broadcastTo } from "../broadcast.ts";
import { cast } from "../cast.ts";
import { equal, where } from "../comparison.ts";
import { asTensor, eye, fromArray, type TensorLike } from "../create.ts";
import { matmul } from "../matmul.ts";
import { reshape } from "../reshape.ts";
import { swapAxes, unsqueeze } from "../shape.ts";
import { backSubstitute, choleskyOf, eighOf, luOf, qrOf, solveOne, svdOf } from "./factor.ts";

const t = (x: Tensor): Tensor => swapAxes(x, -1, -2);
const half = (x: Tensor): Tensor => mul(add(x, t(x)), 0.5);
const identityLike = (x: Tensor): Tensor => eye(x.shape.at(-1)!, x.shape.at(-1)!, { dtype: x.dtype });
/** Scales columns. */
const timesDiagonal = (x: Tensor, d: Tensor): Tensor => mul(x, unsqueeze(d, -2));
/** Scales rows. */
const diagonalTimes = (d: Tensor, x: Tensor): Tensor => mul(unsqueeze(d, -1), x);
const asDiagonal = (d: Tensor): Tensor => timesDiagonal(eye(d.shape.at(-1)!, d.shape.at(-1)!, { dtype: d.dtype }), d);

/** A floating-point tensor of matrices. */
export function matrices(op: string, x: TensorLike, isSquare: boolean): Tensor {
  const input = asTensor(x);
  if (!isFloat(input.dtype)) throw new DTypeError({ op, message: "matrices must be floats", operands: [input] });
  if (input.rank < 2 || (isSquare && input.shape.at(-1) !== input.shape.at(-2))) {
    throw new ShapeError({
      op,
      message: `the last two axes are no ${isSquare ? "square " : ""}matrix`,
      operands: [input],
    });
  }
  return input;
}

/** Runs `f` on every matrix of a batch; gives one tensor per result. */
function each(
  inputs: readonly Tensor[],
  sizes: readonly Shape[],
  f: (parts: readonly Float64Array[]) => readonly ArrayLike<number>[],
): Tensor[] {
  const lead = inputs[0]!.shape.slice(0, -2);
  const dtype: DType = inputs[0]!.dtype;
  const count = sizeOf(lead);
  const data = inputs.map((x) => Float64Array.from(x.data));
  const steps = inputs.map((x) => sizeOf(x.shape.slice(-2)));
  const results = sizes.map((size) => new Float64Array(count * sizeOf(size)));
  for (let i = 0; i < count; i++) {
    const parts = data.map((d, k) => d.slice(i * steps[k]!, (i + 1) * steps[k]!));
    f(parts).forEach((values, k) => {
      results[k]!.set(values, i * sizeOf(sizes[k]!));
    });
  }
  return results.map((r, k) =>
    fromArray(dtype === "float32" ? Float32Array.from(r) : r, [...lead, ...sizes[k]!], dtype),
  );
}

const saved: Saved = savesAll(2);

const choleskyOp: Op<null> = {
  name: "cholesky",
  forward: ([a]) => each([a!], [a!.shape.slice(-2)], ([m]) => [choleskyOf(m!, a!.shape.at(-1)!)]),
  saves: () => savesOutput,
  // I. Murray, "Differentiation of the Cholesky decomposition" (2016).
  vjp: ([cotangent], call) => {
    const l = call.output();
    const inner = lowerHalf(matmul(t(l), tril(cotangent!)));
    const left = triangularSolve(l, inner, { transpose: true });
    return half(t(triangularSolve(l, t(left), { transpose: true })));
  },
  jvp: ([tangent], call) => {
    const l = call.output();
    const left = triangularSolve(l, half(tangent!));
    return matmul(l, lowerHalf(t(triangularSolve(l, t(left)))));
  },
  batch: ([a]) => apply(choleskyOp, [a!], null),
};

/** The lower triangle with its diagonal halved. */
const lowerHalf = (x: Tensor): Tensor => sub(tril(x), mul(mul(x, identityLike(x)), 0.5));

/**
 * The lower triangular L with L·Lᵀ = A, of symmetric positive definite matrices; only their lower triangle is read.
 * @throws {NumericalError} when a matrix is not positive definite.
 *
 * @example
 * ```ts
 * cholesky([[4, 2], [2, 5]]); // [[2, 0], [1, 2]]
 * ```
 */
export function cholesky(a: TensorLike): Tensor {
  return apply(choleskyOp, [matrices("cholesky", a, true)], null);
}

interface TriangularParams {
  readonly lower: boolean;
}

const triangularOp: Op<TriangularParams> = {
  name: "triangularSolve",
  forward: ([a, b], { lower }) => {
    const [n, m] = b!.shape.slice(-2) as [number, number];
    return each([a!, b!], [[n, m]], ([p, q]) => [backSubstitute(p!, q!, n, m, lower)]);
  },
  saves: () => saved,
  vjp: ([cotangent], call, index) => {
    const { lower } = call.params;
    const db = apply(triangularOp, [t(call.input(0)), cotangent!], { lower: !lower });
    if (index === 1) return db;
    const da = neg(matmul(db, t(call.output())));
    return lower ? tril(da) : triu(da);
  },
  jvp: ([da, db], call) => {
    const triangle = da ? (call.params.lower ? tril(da) : triu(da)) : null;
    const moved = triangle ? matmul(triangle, call.output()) : null;
    const right = moved === null ? db! : db ? sub(db, moved) : neg(moved);
    return apply(triangularOp, [call.input(0), right], call.params);
  },
  batch: (inputs, batched, params, size) =>
    apply(
      triangularOp,
      inputs.map((x, i) => asBatch(x, batched[i]!, size)),
      params,
    ),
};

/** Both operands with the leading axes they broadcast to; a vector b counts as a column. */
function aligned(op: string, a: TensorLike, b: TensorLike): { a: Tensor; b: Tensor; isVector: boolean } {
  const left = matrices(op, a, true);
  const given = cast(asTensor(b), left.dtype);
  const isVector = given.rank === 1;
  const right = isVector ? reshape(given, [given.size, 1]) : matrices(op, given, false);
  if (right.shape.at(-2) !== left.shape.at(-1)) {
    throw new ShapeError({ op, message: "the right side has another number of rows", operands: [left, given] });
  }
  const lead = ({ shape, dtype }: Tensor): Operand => ({ shape: shape.slice(0, -2), dtype });
  const shape = broadcastShapes(op, [lead(left), lead(right)]);
  return {
    a: broadcastTo(left, [...shape, ...left.shape.slice(-2)]),
    b: broadcastTo(right, [...shape, ...right.shape.slice(-2)]),
    isVector,
  };
}

const finish = (x: Tensor, isVector: boolean): Tensor => (isVector ? reshape(x, x.shape.slice(0, -1)) : x);

/** Options of {@link triangularSolve}. */
export interface TriangularOptions {
  /** Which triangle is read. Default: true, the lower one. */
  readonly lower?: boolean;
  /** Solve with the transpose of the triangle. Default: false. */
  readonly transpose?: boolean;
}

/**
 * X with T·X = B, T being one triangle of `a`.
 *
 * @example
 * ```ts
 * triangularSolve([[2, 0], [1, 1]], [2, 3]); // [1, 2]
 * ```
 */
export function triangularSolve(
  a: TensorLike,
  b: TensorLike,
  { lower = true, transpose = false }: TriangularOptions = {},
): Tensor {
  const both = aligned("triangularSolve", a, b);
  const triangle = transpose ? t(both.a) : both.a;
  return finish(apply(triangularOp, [triangle, both.b], { lower: lower !== transpose }), both.isVector);
}

const solveOp: Op<null> = {
  name: "solve",
  forward: ([a, b]) => {
    const [n, m] = b!.shape.slice(-2) as [number, number];
    return each([a!, b!], [[n, m]], ([p, q]) => [solveOne(p!, q!, n, m)]);
  },
  saves: () => saved,
  vjp: ([cotangent], call, index) => {
    const db = apply(solveOp, [t(call.input(0)), cotangent!], null);
    return index === 1 ? db : neg(matmul(db, t(call.output())));
  },
  jvp: ([da, db], call) => {
    const moved = da ? matmul(da, call.output()) : null;
    const right = moved === null ? db! : db ? sub(db, moved) : neg(moved);
    return apply(solveOp, [call.input(0), right], null);
  },
  batch: (inputs, batched, _, size) =>
    apply(
      solveOp,
      inputs.map((x, i) => asBatch(x, batched[i]!, size)),
      null,
    ),
};

/**
 * X with A·X = B, by LU factorisation with partial pivoting.
 *
 * @param a shape `[..., n, n]`.
 * @param b shape `[..., n, m]`, or a vector `[n]`.
 * @throws {NumericalError} when a matrix is singular.
 *
 * @example
 * ```ts
 * solve([[2, 0], [0, 4]], [2, 4]); // [1, 1]
 * ```
 */
export function solve(a: TensorLike, b: TensorLike): Tensor {
  const both = aligned("solve", a, b);
  return finish(apply(solveOp, [both.a, both.b], null), both.isVector);
}

/**
 * The inverse of each matrix.
 * @throws {NumericalError} when one is singular.
 *
 * @example
 * ```ts
 * inv([[2, 0], [0, 4]]); // [[0.5, 0], [0, 0.25]]
 * ```
 */
export function inv(a: TensorLike): Tensor {
  const input = matrices("inv", a, true);
  return solve(input, identityLike(input));
}

const slogdetOp: Op<null> = {
  name: "slogdet",
  forward: ([a]) => {
    const n = a!.shape.at(-1)!;
    return each([a!], [[], []], ([m]) => {
      const { lu, sign } = luOf(m!, n);
      let [total, negative] = [0, sign];
      for (let i = 0; i < n; i++) {
        total += Math.log(Math.abs(lu[i * n + i]!));
        negative *= Math.sign(lu[i * n + i]!);
      }
      return [[negative], [total]];
    });
  },
  saves: () => saved,
  vjp: ([, cotangent], call) => mul(reshape(cotangent!, [...cotangent!.shape, 1, 1]), t(inv(call.input(0)))),
  jvp: ([tangent], call) => [null, diagonal(solve(call.input(0), tangent!), { axes: [-2, -1] }).sum({ axis: -1 })],
  batch: ([a]) => applyAll(slogdetOp, [a!], null),
};

/**
 * The sign of each determinant and the logarithm of its absolute value. At singular matrices the value is -∞, and
 * asking for a gradient throws.
 *
 * @example
 * ```ts
 * slogdet([[0, 1], [1, 0]]).sign; // -1
 * ```
 */
export function slogdet(a: TensorLike): { sign: Tensor; logAbsDet: Tensor } {
  const [sign, logAbsDet] = applyAll(slogdetOp, [matrices("slogdet", a, true)], null);
  return { sign: sign!, logAbsDet: logAbsDet! };
}

const detOp: Op<null> = {
  name: "det",
  forward: ([a]) => {
    const n = a!.shape.at(-1)!;
    return each([a!], [[]], ([m]) => {
      const { lu, sign } = luOf(m!, n);
      let product = sign;
      for (let i = 0; i < n; i++) product *= lu[i * n + i]!;
      return [[product]];
    });
  },
  saves: () => saved,
  vjp: ([cotangent], call) => {
    const scale = mul(cotangent!, call.output());
    return mul(reshape(scale, [...scale.shape, 1, 1]), t(inv(call.input(0))));
  },
  jvp: ([tangent], call) =>
    mul(call.output(), diagonal(solve(call.input(0), tangent!), { axes: [-2, -1] }).sum({ axis: -1 })),
  batch: ([a]) => apply(detOp, [a!], null),
};

/**
 * The determinant of each matrix. Its gradient is found with the inverse, so it throws at singular matrices.
 *
 * @example
 * ```ts
 * det([[1, 2], [3, 4]]); // -2
 * ```
 */
export function det(a: TensorLike): Tensor {
  return apply(detOp, [matrices("det", a, true)], null);
}

/** X·R⁻¹. */
const timesInverse = (x: Tensor, r: Tensor): Tensor => t(triangularSolve(r, t(x), { lower: false, transpose: true }));

const qrOp: Op<null> = {
  name: "qr",
  forward: ([a]) => {
    const [m, n] = a!.shape.slice(-2) as [number, number];
    return each(
      [a!],
      [
        [m, n],
        [n, n],
      ],
      ([x]) => {
        const { q, r } = qrOf(x!, m, n);
        return [q, r];
      },
    );
  },
  saves: () => savesOutput,
  // S. Walter, L. Lehmann, "Algorithmic differentiation of linear algebra functions" (2018).
  vjp: ([dq, dr], call) => {
    const [q, r] = [call.output(0), call.output(1)];
    const m = sub(matmul(r, t(triu(dr!))), matmul(t(dq!), q));
    const symmetric = add(tril(m), t(tril(m, { offset: -1 })));
    const rhs = add(dq!, matmul(q, symmetric));
    return t(triangularSolve(r, t(rhs), { lower: false }));
  },
  jvp: ([da], call) => {
    const [q, r] = [call.output(0), call.output(1)];
    const moved = timesInverse(da!, r);
    const x = matmul(t(q), moved);
    const low = tril(x, { offset: -1 });
    const turn = sub(low, t(low));
    return [add(matmul(q, turn), sub(moved, matmul(q, x))), matmul(sub(x, turn), r)];
  },
  batch: ([a]) => applyAll(qrOp, [a!], null),
};

/**
 * A = Q·R with orthonormal columns in Q and upper triangular R; A has at least as many rows as columns.
 *
 * @returns `q: [..., m, n]` and `r: [..., n, n]`.
 * @throws {ShapeError} when there are more columns than rows.
 *
 * @example
 * ```ts
 * qr([[2, 0], [0, 3]]).r.abs(); // [[2, 0], [0, 3]]
 * ```
 */
export function qr(a: TensorLike): { q: Tensor; r: Tensor } {
  const input = matrices("qr", a, false);
  if (input.shape.at(-2)! < input.shape.at(-1)!) {
    throw new ShapeError({ op: "qr", message: "there are more columns than rows", operands: [input] });
  }
  const [q, r] = applyAll(qrOp, [input], null);
  return { q: q!, r: r! };
}

/** 1 / (dⱼ - dᵢ), and 0 where they are equal. */
function gaps(d: Tensor): Tensor {
  const difference = sub(unsqueeze(d, -2), unsqueeze(d, -1));
  const isZero = equal(difference, 0);
  return where(isZero, 0, div(1, where(isZero, 1, difference)));
}

const eighOp: Op<null> = {
  name: "eigh",
  forward: ([a]) => {
    const n = a!.shape.at(-1)!;
    return each([a!], [[n], [n, n]], ([x]) => {
      const { values, vectors } = eighOf(x!, n);
      return [values, vectors];
    });
  },
  saves: () => savesOutput,
  // M. B. Giles, "Collected matrix derivative results for forward and reverse mode" (2008).
  vjp: ([dValues, dVectors], call) => {
    const [values, v] = [call.output(0), call.output(1)];
    const inner = add(asDiagonal(dValues!), mul(gaps(values), matmul(t(v), dVectors!)));
    return half(matmul(matmul(v, inner), t(v)));
  },
  jvp: ([tangent], call) => {
    const [values, v] = [call.output(0), call.output(1)];
    const inner = matmul(matmul(t(v), half(tangent!)), v);
    return [diagonal(inner, { axes: [-2, -1] }), matmul(v, mul(gaps(values), inner))];
  },
  batch: ([a]) => applyAll(eighOp, [a!], null),
};

/**
 * The eigenvalues, ascending, and eigenvectors (columns) of symmetric matrices; only their lower triangle is read.
 * Gradients are symmetric, and those of eigenvectors are right where eigenvalues differ.
 *
 * @example
 * ```ts
 * eigh([[2, 1], [1, 2]]).values; // [1, 3]
 * ```
 */
export function eigh(a: TensorLike): { values: Tensor; vectors: Tensor } {
  const [values, vectors] = applyAll(eighOp, [matrices("eigh", a, true)], null);
  return { values: values!, vectors: vectors! };
}

const svdOp: Op<null> = {
  name: "svd",
  forward: ([a]) => {
    const [m, n] = a!.shape.slice(-2) as [number, number];
    return each([a!], [[m, n], [n], [n, n]], ([x]) => {
      const { u, s, v } = svdOf(x!, m, n);
      return [u, s, v];
    });
  },
  saves: () => savesOutput,
  // J. Townsend, "Differentiating the singular value decomposition" (2016).
  vjp: ([du, ds, dv], call) => {
    const [u, s, v] = [call.output(0), call.output(1), call.output(2)];
    const f = gaps(square(s));
    const skew = (x: Tensor, dx: Tensor): Tensor => {
      const p = matmul(t(x), dx);
      return mul(f, sub(p, t(p)));
    };
    const inner = add(add(timesDiagonal(skew(u, du!), s), diagonalTimes(s, skew(v, dv!))), asDiagonal(ds!));
    const rest = timesDiagonal(sub(du!, matmul(u, matmul(t(u), du!))), div(1, s));
    return matmul(add(matmul(u, inner), rest), t(v));
  },
  jvp: ([da], call) => {
    const [u, s, v] = [call.output(0), call.output(1), call.output(2)];
    const f = gaps(square(s));
    const p = matmul(matmul(t(u), da!), v);
    const turnU = mul(f, add(timesDiagonal(p, s), diagonalTimes(s, t(p))));
    const turnV = mul(f, add(diagonalTimes(s, p), timesDiagonal(t(p), s)));
    const outside = sub(matmul(da!, v), matmul(u, p));
    const du = add(matmul(u, turnU), timesDiagonal(outside, div(1, s)));
    return [du, diagonal(p, { axes: [-2, -1] }), matmul(v, turnV)];
  },
  batch: ([a]) => applyAll(svdOp, [a!], null),
};

/**
 * A = U·diag(s)·Vᵀ with orthonormal columns in U and V, s descending. Gradients of U and V are right where singular
 * values differ and none is 0.
 *
 * @returns `u: [..., m, k]`, `s: [..., k]`, `v: [..., n, k]`, k the shorter of m and n.
 *
 * @example
 * ```ts
 * svd([[3, 0], [0, 2]]).s; // [3, 2]
 * ```
 */
export function svd(a: TensorLike): { u: Tensor; s: Tensor; v: Tensor } {
  const input = matrices("svd", a, false);
  const wide = input.shape.at(-2)! < input.shape.at(-1)!;
  const [u, s, v] = applyAll(svdOp, [wide ? t(input) : input], null);
  return wide ? { u: v!, s: s!, v: u! } : { u: u!, s: s!, v: v! };
}
