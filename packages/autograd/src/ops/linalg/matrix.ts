import { ArgumentError, checkInteger, checkNumber, checkOptions, ShapeError, shown } from "../../errors.ts";
import { type Op, type Saved, savesAll } from "../../op.ts";
import { normalizeAxis, twoAxes } from "../../shape.ts";
import { apply } from "../../tape.ts";
import type { Tensor } from "../../tensor.ts";
import { abs, add, div, mul, sub } from "../arithmetic.ts";
import { roll } from "../arrange.ts";
import { cast } from "../cast.ts";
import { greater, where } from "../comparison.ts";
import { eye } from "../create.ts";
import { detach, underlying } from "../detach.ts";
import { matmul } from "../matmul.ts";
import { max, min, sum } from "../reduction.ts";
import { reshape } from "../reshape.ts";
import { moveAxis, unsqueeze } from "../shape.ts";
import { norm } from "../statistics.ts";
import { asTensor, type TensorLike } from "../tensor-like.ts";
import { select } from "../view.ts";
import { matrices, t } from "./batch.ts";
import { svd } from "./decompose.ts";
import { inv, inverse, solve } from "./solve.ts";

interface PinvParams {
  readonly cutoff: number;
}

const pinvOp: Op<PinvParams> = {
  name: "pinv",
  forward: ([a], { cutoff }) => {
    const { u, s, v } = svd(a!);
    const large = greater(s, mul(max(s, { axis: -1, keepDims: true }), cutoff));
    const inverse = where(large, div(1, where(large, s, 1)), 0);
    return matmul(mul(v, unsqueeze(inverse, -2)), t(u));
  },
  saves: () => saved,
  // G. Golub, V. Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares problems whose variables
  // separate" (1973): of matrices whose rank does not change.
  vjp: ([cotangent], call) => {
    const [a, p] = [call.input(0), call.output()];
    const [c, pt] = [t(cotangent!), t(p)];
    const moved = matmul(matmul(pt, cotangent!), pt);
    const columns = matmul(matmul(sub(c, matmul(a, matmul(p, c))), p), pt);
    const rows = matmul(pt, matmul(p, sub(c, matmul(matmul(c, p), a))));
    return sub(add(columns, rows), moved);
  },
  jvp: ([tangent], call) => {
    const [a, p] = [call.input(0), call.output()];
    const [d, pt] = [t(tangent!), t(p)];
    const moved = matmul(matmul(p, tangent!), p);
    const rows = matmul(matmul(p, pt), sub(d, matmul(matmul(d, a), p)));
    const columns = matmul(sub(d, matmul(p, matmul(a, d))), matmul(pt, p));
    return sub(add(rows, columns), moved);
  },
  batch: ([a], _, params) => apply(pinvOp, [a!], params),
};

const saved: Saved = savesAll(1);

/**
 * The pseudo-inverse (E. H. Moore, R. Penrose); singular values below `cutoff` times the largest count as 0. Its
 * derivative is that among matrices of the same rank.
 *
 * @param a shape `[..., m, n]`, of any rank.
 * @param options.cutoff default: 2⁻⁵² times the longer side (2⁻²³ for float32).
 *
 * @example
 * ```ts
 * pinv([[2, 0], [0, 0]]); // [[0.5, 0], [0, 0]]
 * ```
 */
export function pinv(a: TensorLike, options: { readonly cutoff?: number } = {}): Tensor {
  return pseudoInverse("pinv", matrices("pinv", a, false), options);
}

function pseudoInverse(op: string, input: Tensor, options: { readonly cutoff?: number }): Tensor {
  const precision = input.dtype === "float64" ? 2 ** -52 : 2 ** -23;
  const { cutoff = precision * Math.max(input.shape.at(-1)!, input.shape.at(-2)!) } = checkOptions(op, options, [
    "cutoff",
  ]);
  checkNumber(op, "cutoff", cutoff, (c) => c >= 0, "it is 0 or more");
  if (input.size === 0) return t(input);
  return apply(pinvOp, [input], { cutoff });
}

/**
 * The X that makes A·X nearest to B; of several, the smallest. A may have any shape and any rank.
 *
 * @param a shape `[..., m, n]`.
 * @param b shape `[..., m, k]`, or a vector `[m]`.
 * @param options.cutoff see {@link pinv}, by which it is found.
 * @throws {ShapeError} when A and B have different numbers of rows.
 *
 * @example
 * ```ts
 * lstsq([[1], [1]], [1, 3]); // [2]
 * lstsq([[1, 1]], [2]); // [1, 1]
 * ```
 */
export function lstsq(a: TensorLike, b: TensorLike, options: { readonly cutoff?: number } = {}): Tensor {
  const input = matrices("lstsq", a, false);
  const right = cast(asTensor(b), input.dtype);
  if (right.rank === 0 || right.shape.at(right.rank === 1 ? 0 : -2) !== input.shape.at(-2)) {
    throw new ShapeError({
      op: "lstsq",
      message: "the right side has another number of rows",
      operands: [input, right],
    });
  }
  return matmul(pseudoInverse("lstsq", input, options), right);
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
  checkInteger("matrixPower", "power", power);
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

const matrixOrders = ["fro", "nuc", 2, -2, 1, -1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] as const;

/** Which norm of a matrix; see {@link matrixNorm}. */
export type MatrixOrder = "fro" | "nuc" | number;

/**
 * A norm of each matrix: `"fro"`, the root of the sum of squares; `"nuc"`, the sum of the singular values; 2 or -2, the
 * largest or smallest of them; 1 or -1, the largest or smallest sum of absolute values in a column; ∞ or -∞, in a row.
 *
 * @param options.ord default: `"fro"`.
 * @param options.axis rows and columns. Default: the last two.
 * @param options.keepDims keep both axes with length 1. Default: false.
 * @throws {ArgumentError} for other orders.
 *
 * @example
 * ```ts
 * matrixNorm([[3, 0], [0, -4]]); // 5
 * matrixNorm([[3, 0], [0, -4]], { ord: "nuc" }); // 7
 * ```
 */
export function matrixNorm(
  a: TensorLike,
  options: {
    readonly ord?: MatrixOrder;
    readonly axis?: readonly [number, number];
    readonly keepDims?: boolean;
  } = {},
): Tensor {
  const {
    ord = "fro",
    axis = [-2, -1],
    keepDims = false,
  } = checkOptions("matrixNorm", options, ["ord", "axis", "keepDims"]);
  checkOrder("matrixNorm", ord);
  const given = asTensor(a);
  if (given.rank < 2) throw new ShapeError({ op: "matrixNorm", message: "there are no two axes", operands: [given] });
  const at = twoAxes("matrixNorm", axis, given);
  if (at[0] === at[1]) {
    throw new ArgumentError({ op: "matrixNorm", message: "the axes are the same", operands: [given] });
  }
  const input = matrices("matrixNorm", moveAxis(given, at, [-2, -1]), false);
  const found = normOfLast(input, ord);
  if (!keepDims) return found;
  return moveAxis(reshape(found, [...found.shape, 1, 1]), [-2, -1], at);
}

function checkOrder(op: string, ord: MatrixOrder): void {
  if (!(matrixOrders as readonly MatrixOrder[]).includes(ord)) {
    throw new ArgumentError({
      op,
      message: `ord is ${shown(ord)}, expected one of ${matrixOrders.map(String).join(", ")}`,
    });
  }
}

function normOfLast(a: Tensor, ord: MatrixOrder): Tensor {
  if (ord === "fro") return norm(a, { axis: [-2, -1] });
  if (a.size === 0 && (ord === "nuc" || ord > 0)) return sum(a, { axis: [-2, -1] });
  if (ord === "nuc") return sum(svd(a).s, { axis: -1 });
  const pick = ord > 0 ? max : min;
  if (Math.abs(ord) === 2) return pick(svd(a).s, { axis: -1 });
  return pick(sum(abs(a), { axis: Math.abs(ord) === 1 ? -2 : -1 }), { axis: -1 });
}

/**
 * The condition number: the norm of a matrix times that of its inverse. For `ord` 2, the default, it is the largest
 * singular value divided by the smallest, of matrices of any shape.
 *
 * @param options.ord any order of {@link matrixNorm}.
 * @throws {NumericalError} for other orders than ±2, when a matrix is singular.
 *
 * @example
 * ```ts
 * cond([[4, 0], [0, 2]]); // 2
 * ```
 */
export function cond(a: TensorLike, options: { readonly ord?: MatrixOrder } = {}): Tensor {
  const { ord = 2 } = checkOptions("cond", options, ["ord"]);
  checkOrder("cond", ord);
  if (ord !== 2 && ord !== -2) {
    const input = matrices("cond", a, true);
    return mul(matrixNorm(input, { ord }), matrixNorm(inverse(input, "cond"), { ord }));
  }
  const { s } = svd(matrices("cond", a, false));
  const [largest, smallest] = [select(s, -1, 0), select(s, -1, -1)];
  return ord === 2 ? div(largest, smallest) : div(smallest, largest);
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
export function cross(a: TensorLike, b: TensorLike, options: { readonly axis?: number } = {}): Tensor {
  const { axis = -1 } = checkOptions("cross", options, ["axis"]);
  const [x, y] = [asTensor(a), asTensor(b)];
  const [p, q] = [normalizeAxis("cross", axis, x), normalizeAxis("cross", axis, y)];
  if (x.shape[p] !== 3 || y.shape[q] !== 3) {
    throw new ShapeError({ op: "cross", message: "the vectors do not have three elements", operands: [x, y] });
  }
  const next = (v: Tensor, at: number, by: number): Tensor => roll(v, -by, { axis: at });
  return sub(mul(next(x, p, 1), next(y, q, 2)), mul(next(x, p, 2), next(y, q, 1)));
}
