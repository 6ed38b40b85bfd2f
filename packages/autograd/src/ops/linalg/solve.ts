import { checkOptions, type Operand, ShapeError } from "../../errors.ts";
import { type Op, type Saved, savesAll, savesOutput } from "../../op.ts";
import { broadcastShapes } from "../../shape.ts";
import { apply } from "../../tape.ts";
import type { Tensor } from "../../tensor.ts";
import { add, mul, neg, sub } from "../arithmetic.ts";
import { asBatch, broadcastTo } from "../broadcast.ts";
import { cast } from "../cast.ts";
import { eye } from "../create.ts";
import { tril, triu } from "../diagonal.ts";
import { matmul } from "../matmul.ts";
import { reshape } from "../reshape.ts";
import { asTensor, type TensorLike } from "../tensor-like.ts";
import { each, matrices, t } from "./batch.ts";
import { backSubstitute, choleskyOf, solveOne } from "./factor.ts";

const half = (x: Tensor): Tensor => mul(add(x, t(x)), 0.5);
const identityLike = (x: Tensor): Tensor => eye(x.shape.at(-1)!, x.shape.at(-1)!, { dtype: x.dtype });

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

/** A⁻¹·B of equal leading axes, for `op`, which errors name. */
export function solved(a: Tensor, b: Tensor, op: string): Tensor {
  return apply(solveOp, [a, b], op);
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
 * @throws {NumericalError} when an element of the diagonal is 0.
 *
 * @example
 * ```ts
 * triangularSolve([[2, 0], [1, 1]], [2, 3]); // [1, 2]
 * ```
 */
export function triangularSolve(a: TensorLike, b: TensorLike, options: TriangularOptions = {}): Tensor {
  const { lower = true, transpose = false } = checkOptions("triangularSolve", options, ["lower", "transpose"]);
  const both = aligned("triangularSolve", a, b);
  const triangle = transpose ? t(both.a) : both.a;
  return finish(apply(triangularOp, [triangle, both.b], { lower: lower !== transpose }), both.isVector);
}

/** Its parameter is who asks. */
const solveOp: Op<string> = {
  name: "solve",
  forward: ([a, b], op) => {
    const [n, m] = b!.shape.slice(-2) as [number, number];
    return each([a!, b!], [[n, m]], ([p, q]) => [solveOne(p!, q!, n, m, op)]);
  },
  saves: () => saved,
  vjp: ([cotangent], call, index) => {
    const db = apply(solveOp, [t(call.input(0)), cotangent!], call.params);
    return index === 1 ? db : neg(matmul(db, t(call.output())));
  },
  jvp: ([da, db], call) => {
    const moved = da ? matmul(da, call.output()) : null;
    const right = moved === null ? db! : db ? sub(db, moved) : neg(moved);
    return apply(solveOp, [call.input(0), right], call.params);
  },
  batch: (inputs, batched, op, size) =>
    apply(
      solveOp,
      inputs.map((x, i) => asBatch(x, batched[i]!, size)),
      op,
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
  return finish(solved(both.a, both.b, "solve"), both.isVector);
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
  return inverse(matrices("inv", a, true), "inv");
}

/** The inverse, for `op`, which errors name. */
export function inverse(a: Tensor, op: string): Tensor {
  return solved(a, broadcastTo(identityLike(a), a.shape), op);
}
