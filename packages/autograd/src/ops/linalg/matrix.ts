import { ArgumentError, ShapeError } from "../../errors.ts";
import { normalizeAxis } from "../../shape.ts";
import type { Tensor } from "../../tensor.ts";
import { add, div, mul, sub } from "../arithmetic.ts";
import { roll } from "../arrange.ts";
import { cast } from "../cast.ts";
import { greater, where } from "../comparison.ts";
import { asTensor, eye, type TensorLike } from "../create.ts";
import { detach, underlying } from "../detach.ts";
import { matmul } from "../matmul.ts";
import { max } from "../reduction.ts";
import { unsqueeze } from "../shape.ts";
import { norm } from "../statistics.ts";
import { select } from "../view.ts";
import { matrices, t } from "./batch.ts";
import { qr, svd } from "./decompose.ts";
import { inv, solve, triangularSolve } from "./solve.ts";

/**
 * The X that makes A·X nearest to B, for A with independent columns, by QR.
 *
 * @example
 * ```ts
 * lstsq([[1], [1]], [1, 3]); // [2]
 * ```
 */
export function lstsq(a: TensorLike, b: TensorLike): Tensor {
  const input = matrices("lstsq", a, false);
  const right = asTensor(b);
  const { q, r } = qr(input);
  const projected = right.rank === 1 ? matmul(t(q), right) : matmul(t(q), cast(right, input.dtype));
  return triangularSolve(r, projected, { lower: false });
}

/**
 * The pseudo-inverse (E. H. Moore, R. Penrose); singular values below `cutoff` times the largest count as 0.
 *
 * @param options.cutoff default: 2⁻⁵² times the longer side (2⁻²³ for float32).
 *
 * @example
 * ```ts
 * pinv([[2, 0], [0, 0]]); // [[0.5, 0], [0, 0]]
 * ```
 */
export function pinv(a: TensorLike, options: { readonly cutoff?: number } = {}): Tensor {
  const input = matrices("pinv", a, false);
  if (input.size === 0) return t(input);
  const precision = input.dtype === "float64" ? 2 ** -52 : 2 ** -23;
  const cutoff = options.cutoff ?? precision * Math.max(input.shape.at(-1)!, input.shape.at(-2)!);
  const { u, s, v } = svd(input);
  const large = greater(detach(s), mul(max(detach(s), { axis: -1, keepDims: true }), cutoff));
  const inverse = where(large, div(1, where(large, s, 1)), 0);
  return matmul(mul(v, unsqueeze(inverse, -2)), t(u));
}

/**
 * A multiplied with itself, by squaring; negative powers are those of the inverse.
 *
 * @example
 * ```ts
 * matrixPower([[1, 1], [0, 1]], 5); // [[1, 5], [0, 1]]
 * ```
 */
export function matrixPower(a: TensorLike, power: number): Tensor {
  const input = matrices("matrixPower", a, true);
  if (!Number.isInteger(power)) {
    throw new ArgumentError({ op: "matrixPower", message: `power is ${power}`, hint: "it is an integer" });
  }
  const n = input.shape.at(-1)!;
  let base = power < 0 ? inv(input) : input;
  let result: Tensor | null = null;
  for (let rest = Math.abs(power); rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = result === null ? base : matmul(result, base);
    if (rest > 1) base = matmul(base, base);
  }
  return result ?? add(mul(input, 0), eye(n, n, { dtype: input.dtype }));
}

/** Coefficients of the [13/13] Padé approximant (N. J. Higham, 2005). */
const pade: readonly number[] = [
  64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600,
  670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1,
];

/**
 * eᴬ of each matrix, by scaling, a Padé approximant and squaring.
 *
 * @example
 * ```ts
 * matrixExp([[0, 1], [0, 0]]); // [[1, 1], [0, 1]]
 * ```
 */
export function matrixExp(a: TensorLike): Tensor {
  const input = matrices("matrixExp", a, true);
  if (input.size === 0) return input;
  const n = input.shape.at(-1)!;
  const size = max(norm(detach(underlying(input)), { ord: 1, axis: -2 })).item();
  const squarings = Math.max(0, Math.ceil(Math.log2(size / 5.37)));
  const x = mul(input, 2 ** -squarings);
  const identity = eye(n, n, { dtype: input.dtype });
  const x2 = matmul(x, x);
  // Even powers make one half of both polynomials, odd ones the other.
  let even: Tensor = mul(identity, pade[12]!);
  let odd: Tensor = mul(identity, pade[13]!);
  for (let k = 10; k >= 0; k -= 2) {
    even = add(matmul(x2, even), mul(identity, pade[k]!));
    odd = add(matmul(x2, odd), mul(identity, pade[k + 1]!));
  }
  odd = matmul(x, odd);
  let result = solve(sub(even, odd), add(even, odd));
  for (let i = 0; i < squarings; i++) result = matmul(result, result);
  return result;
}

/** The condition number: the largest singular value divided by the smallest. */
export function cond(a: TensorLike): Tensor {
  const { s } = svd(matrices("cond", a, false));
  return div(select(s, -1, 0), select(s, -1, -1));
}

/**
 * The vector product of three-dimensional vectors along an axis; others broadcast.
 *
 * @param options.axis default: the last.
 * @throws {ShapeError} when the axis has another length than 3.
 *
 * @example
 * ```ts
 * cross([1, 0, 0], [0, 1, 0]); // [0, 0, 1]
 * ```
 */
export function cross(a: TensorLike, b: TensorLike, { axis = -1 }: { readonly axis?: number } = {}): Tensor {
  const [x, y] = [asTensor(a), asTensor(b)];
  const [p, q] = [normalizeAxis("cross", axis, x), normalizeAxis("cross", axis, y)];
  if (x.shape[p] !== 3 || y.shape[q] !== 3) {
    throw new ShapeError({ op: "cross", message: "the vectors do not have three elements", operands: [x, y] });
  }
  const next = (v: Tensor, at: number, by: number): Tensor => roll(v, -by, { axis: at });
  return sub(mul(next(x, p, 1), next(y, q, 2)), mul(next(x, p, 2), next(y, q, 1)));
}
