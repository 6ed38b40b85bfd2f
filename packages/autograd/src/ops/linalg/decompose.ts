import { ShapeError } from "../../errors.ts";
import { applyAll, type Op, savesOutput } from "../../tape.ts";
import type { Tensor } from "../../tensor.ts";
import { add, div, mul, square, sub } from "../arithmetic.ts";
import { diagonal, tril, triu } from "../arrange.ts";
import { equal, where } from "../comparison.ts";
import { eye, type TensorLike } from "../create.ts";
import { matmul } from "../matmul.ts";
import { unsqueeze } from "../shape.ts";
import { each, matrices, t } from "./batch.ts";
import { eighOf, qrOf, svdOf } from "./factor.ts";
import { triangularSolve } from "./solve.ts";

const half = (x: Tensor): Tensor => mul(add(x, t(x)), 0.5);
/** Scales columns. */
const timesDiagonal = (x: Tensor, d: Tensor): Tensor => mul(x, unsqueeze(d, -2));
/** Scales rows. */
const diagonalTimes = (d: Tensor, x: Tensor): Tensor => mul(unsqueeze(d, -1), x);
const asDiagonal = (d: Tensor): Tensor => timesDiagonal(eye(d.shape.at(-1)!, d.shape.at(-1)!, { dtype: d.dtype }), d);

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
