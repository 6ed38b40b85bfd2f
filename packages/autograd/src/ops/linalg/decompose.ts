import { checkOptions, NumericalError, unknownOption } from "../../errors.ts";
import { type Op, savesOutput } from "../../op.ts";
import type { Shape } from "../../shape.ts";
import { applyAll } from "../../tape.ts";
import type { Tensor } from "../../tensor.ts";
import { abs, add, div, mul, sub } from "../arithmetic.ts";
import { equal, greater, lessEqual, logicalAnd, where } from "../comparison.ts";
import { eye, zeros } from "../create.ts";
import { detach, underlying } from "../detach.ts";
import { diagonal, tril, triu } from "../diagonal.ts";
import { matmul } from "../matmul.ts";
import { any, max } from "../reduction.ts";
import { concatenate, unsqueeze } from "../shape.ts";
import type { TensorLike } from "../tensor-like.ts";
import { slice } from "../view.ts";
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

/** Columns of Q: as many as the matrix has, or, for complete bases, rows. */
const qrOp: Op<{ readonly complete: boolean }> = {
  name: "qr",
  forward: ([a], { complete }) => {
    const [m, n] = a!.shape.slice(-2) as [number, number];
    const count = complete ? m : n;
    return each(
      [a!],
      [
        [m, count],
        [count, n],
      ],
      ([x]) => {
        const { q, r } = qrOf(x!, m, n, count);
        return [q, r];
      },
    );
  },
  saves: () => savesOutput,
  // S. Walter, L. Lehmann, "Algorithmic differentiation of linear algebra functions" (2018).
  vjp: ([dq, dr], call) => {
    refuseComplete(call.params.complete, call.shapes[0]!);
    const [q, r] = [call.output(0), call.output(1)];
    const m = sub(matmul(r, t(triu(dr!))), matmul(t(dq!), q));
    const symmetric = add(tril(m), t(tril(m, { offset: -1 })));
    const rhs = add(dq!, matmul(q, symmetric));
    return t(triangularSolve(r, t(rhs), { lower: false }));
  },
  jvp: ([da], call) => {
    refuseComplete(call.params.complete, call.shapes[0]!);
    const [q, r] = [call.output(0), call.output(1)];
    const moved = timesInverse(da!, r);
    const x = matmul(t(q), moved);
    const low = tril(x, { offset: -1 });
    const turn = sub(low, t(low));
    return [add(matmul(q, turn), sub(moved, matmul(q, x))), matmul(sub(x, turn), r)];
  },
  batch: ([a], _, params) => applyAll(qrOp, [a!], params),
};

function refuseComplete(complete: boolean, shape: Shape): void {
  if (!complete || shape.at(-2) === shape.at(-1)) return;
  throw new NumericalError({
    op: "qr",
    message: "a complete basis of a matrix with more rows than columns has no derivative, for it is not unique",
    hint: 'differentiate qr with { mode: "reduced" }',
  });
}

const qrModes = ["reduced", "complete"] as const;

/**
 * A = Q·R with orthonormal columns in Q and upper triangular (or trapezoidal) R, by Householder's reflections, with
 * LAPACK's signs. The derivative needs the first min(m, n) columns of A to be independent; that of a wide matrix
 * [X Y] follows from X = Q·U and R = [U, Qᵀ·Y] (D. Roberts, L. Roberts, "QR and LQ decomposition matrix
 * backpropagation algorithms for square, wide, and deep matrices", 2020).
 *
 * @param options.mode `"reduced"`: Q is `[..., m, k]` and R `[..., k, n]`, k the shorter of m and n. `"complete"`: Q is
 *   `[..., m, m]` and R `[..., m, n]`, without a derivative when m > n. Default: `"reduced"`.
 * @throws {NumericalError} when the derivative is asked for where there is none.
 *
 * @example
 * ```ts
 * qr([[3, 1], [4, 2]]).r; // [[-5, -2.2], [0, 0.4]]
 * qr([[3, 1], [4, 2]]).q; // [[-0.6, -0.8], [-0.8, 0.6]]
 * ```
 */
export function qr(
  a: TensorLike,
  options: { readonly mode?: (typeof qrModes)[number] } = {},
): { q: Tensor; r: Tensor } {
  const { mode = "reduced" } = checkOptions("qr", options, ["mode"]);
  const input = matrices("qr", a, false);
  if (!qrModes.includes(mode)) throw unknownOption("qr", "mode", mode, qrModes);
  const [m, n] = input.shape.slice(-2) as [number, number];
  const complete = mode === "complete" && m !== n;
  if (m >= n) {
    const [q, r] = applyAll(qrOp, [input], { complete });
    return { q: q!, r: r! };
  }
  const lead = Array<null>(input.rank - 1).fill(null);
  const [q, u] = applyAll(qrOp, [slice(input, [...lead, { stop: m }])], { complete: false });
  const rest = matmul(t(q!), slice(input, [...lead, { start: m }]));
  return { q: q!, r: concatenate([u!, rest], { axis: -1 }) };
}

/** What a rule does where there is no derivative: the reverse pass refuses, forward tangents, wanted or not, are NaN. */
type AtSingular = "throw" | "NaN";

/**
 * x / d, and 0 where d is 0 (to rounding) and x is, too.
 * @throws {NumericalError} where only d is 0: vectors that belong to equal values can be turned into each other, those
 *   that belong to singular values of 0 into what the matrix leaves out; they have no derivative.
 */
function quotient(op: string, x: Tensor, d: Tensor, isZero: Tensor, otherwise: AtSingular): Tensor {
  if (x.size === 0) return x;
  const size = abs(detach(x));
  const matters = greater(size, mul(max(size, { axis: [-2, -1], keepDims: true }), 1e-10));
  const undefinedAt = logicalAnd(isZero, matters);
  if (otherwise === "throw" && underlying(any(undefinedAt)).data.some((bad) => bad !== 0)) {
    throw new NumericalError({
      op,
      message: "values are equal (or singular values 0), so that the vectors that belong to them have no derivative",
      operands: [x],
      hint: "differentiate the values only, or disturb the matrix a little",
    });
  }
  const found = where(isZero, 0, div(x, where(isZero, 1, d)));
  return otherwise === "NaN" ? where(undefinedAt, Number.NaN, found) : found;
}

const precisionOf = (x: Tensor): number => (x.dtype === "float64" ? 2 ** -48 : 2 ** -19);
/** The largest of each row; of none, nothing comes of it. */
const largestOf = (d: Tensor): Tensor => (d.shape.at(-1) === 0 ? d : max(abs(detach(d)), { axis: -1, keepDims: true }));

/** x / (dⱼ - dᵢ), and 0 on the diagonal. */
function overGaps(op: string, x: Tensor, d: Tensor, otherwise: AtSingular): Tensor {
  const n = d.shape.at(-1)!;
  if (n < 2) return mul(x, 0);
  const isOther = equal(eye(n), 0);
  const gaps = sub(unsqueeze(d, -2), unsqueeze(d, -1));
  const isZero = lessEqual(abs(detach(gaps)), mul(unsqueeze(largestOf(d), -1), precisionOf(d)));
  return quotient(op, where(isOther, x, 0), gaps, isZero, otherwise);
}

/** x / (dⱼ² - dᵢ²), and 0 on the diagonal. */
function overSquareGaps(op: string, x: Tensor, d: Tensor, otherwise: AtSingular): Tensor {
  const sums = add(unsqueeze(d, -2), unsqueeze(d, -1));
  return overGaps(op, div(x, where(equal(sums, 0), 1, sums)), d, otherwise);
}

/** Columns of x divided by the elements of d. */
function overColumns(op: string, x: Tensor, d: Tensor, otherwise: AtSingular): Tensor {
  const isZero = lessEqual(detach(d), mul(largestOf(d), precisionOf(d)));
  return quotient(op, x, unsqueeze(d, -2), unsqueeze(isZero, -2), otherwise);
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
    const inner = add(asDiagonal(dValues!), overGaps("eigh", matmul(t(v), dVectors!), values, "throw"));
    return half(matmul(matmul(v, inner), t(v)));
  },
  jvp: ([tangent], call) => {
    const [values, v] = [call.output(0), call.output(1)];
    const inner = matmul(matmul(t(v), half(tangent!)), v);
    return [diagonal(inner, { axes: [-2, -1] }), matmul(v, overGaps("eigh", inner, values, "NaN"))];
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

/** Columns of U: as many as the matrix has, or, for complete bases, rows. */
const svdOp: Op<{ readonly complete: boolean }> = {
  name: "svd",
  forward: ([a], { complete }) => {
    const [m, n] = a!.shape.slice(-2) as [number, number];
    const count = complete ? m : n;
    return each([a!], [[m, count], [n], [n, n]], ([x]) => {
      const { u, s, v } = svdOf(x!, m, n, count);
      return [u, s, v];
    });
  },
  saves: () => savesOutput,
  // J. Townsend, "Differentiating the singular value decomposition" (2016).
  vjp: ([cotangent, ds, dv], call) => {
    const [s, v] = [call.output(1), call.output(2)];
    const [u, du] = [firstColumns(call.output(0), s), firstColumns(cotangent!, s)];
    const skew = (x: Tensor, dx: Tensor): Tensor => {
      const p = matmul(t(x), dx);
      return overSquareGaps("svd", sub(p, t(p)), s, "throw");
    };
    const inner = add(add(timesDiagonal(skew(u, du), s), diagonalTimes(s, skew(v, dv!))), asDiagonal(ds!));
    const inside = matmul(u, inner);
    if (u.shape.at(-1) === u.shape.at(-2)) return matmul(inside, t(v));
    const outside = overColumns("svd", sub(du, matmul(u, matmul(t(u), du))), s, "throw");
    return matmul(add(inside, outside), t(v));
  },
  jvp: ([da], call) => {
    const [s, v] = [call.output(1), call.output(2)];
    const u = firstColumns(call.output(0), s);
    const p = matmul(matmul(t(u), da!), v);
    const turnU = overSquareGaps("svd", add(timesDiagonal(p, s), diagonalTimes(s, t(p))), s, "NaN");
    const turnV = overSquareGaps("svd", add(diagonalTimes(s, p), timesDiagonal(t(p), s)), s, "NaN");
    const outside = sub(matmul(da!, v), matmul(u, p));
    const isSquare = u.shape.at(-1) === u.shape.at(-2);
    const inside = matmul(u, turnU);
    const du = isSquare ? inside : add(inside, overColumns("svd", outside, s, "NaN"));
    const added = call.output(0).shape.at(-1)! - s.shape.at(-1)!;
    const none = zeros([...du.shape.slice(0, -1), added], { dtype: du.dtype });
    return [
      added === 0 ? du : concatenate([du, none], { axis: -1 }),
      diagonal(p, { axes: [-2, -1] }),
      matmul(v, turnV),
    ];
  },
  batch: ([a], _, params) => applyAll(svdOp, [a!], params),
};

/** The columns of x that belong to singular values. */
const firstColumns = (x: Tensor, s: Tensor): Tensor =>
  slice(x, [...Array<null>(x.rank - 1).fill(null), { stop: s.shape.at(-1)! }]);

/**
 * A = U·diag(s)·Vᵀ with orthonormal columns in U and V, s descending, by Jacobi's rotations. The gradient of s is right
 * everywhere; U and V have one where singular values differ and, unless A is square, none is 0.
 *
 * @param options.fullMatrices complete U and V to square matrices, by columns that carry no gradient, as they are not
 *   unique. Default: false.
 * @returns `u: [..., m, k]`, `s: [..., k]`, `v: [..., n, k]`, k the shorter of m and n. Note that it is V, not Vᵀ.
 * @throws {NumericalError} when the gradient of vectors is asked for where they have none.
 *
 * @example
 * ```ts
 * svd([[3, 0], [0, 2]]).s; // [3, 2]
 * ```
 */
export function svd(
  a: TensorLike,
  options: { readonly fullMatrices?: boolean } = {},
): { u: Tensor; s: Tensor; v: Tensor } {
  const { fullMatrices = false } = checkOptions("svd", options, ["fullMatrices"]);
  const input = matrices("svd", a, false);
  const [m, n] = input.shape.slice(-2) as [number, number];
  const wide = m < n;
  const [u, s, v] = applyAll(svdOp, [wide ? t(input) : input], { complete: fullMatrices && m !== n });
  return wide ? { u: v!, s: s!, v: u! } : { u: u!, s: s!, v: v! };
}
