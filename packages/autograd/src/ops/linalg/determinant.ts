import { type Op, type Saved, savesAll, savesInput } from "../../op.ts";
import { apply, applyAll } from "../../tape.ts";
import type { Tensor } from "../../tensor.ts";
import { add, mul, sub } from "../arithmetic.ts";
import { eye } from "../create.ts";
import { detach, underlying } from "../detach.ts";
import { diagonal } from "../diagonal.ts";
import { matmul } from "../matmul.ts";
import { sum } from "../reduction.ts";
import { reshape } from "../reshape.ts";
import type { TensorLike } from "../tensor-like.ts";
import { slice } from "../view.ts";
import { each, matrices, t } from "./batch.ts";
import { svd } from "./decompose.ts";
import { luOf, svdOf } from "./factor.ts";
import { inverse, solved } from "./solve.ts";

const traceOf = (x: Tensor): Tensor => sum(diagonal(x, { axes: [-2, -1] }), { axis: -1 });
/** One number for each matrix, to multiply matrices with. */
const perMatrix = (x: Tensor): Tensor => reshape(x, [...x.shape, 1, 1]);

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
  saves: () => savesInput(0),
  vjp: ([, cotangent], call) => mul(perMatrix(cotangent!), t(inverse(call.input(0), "slogdet"))),
  jvp: ([tangent], call) => [null, traceOf(solved(call.input(0), tangent!, "slogdet"))],
  batch: ([a]) => applyAll(slogdetOp, [a!], null),
};

/**
 * The sign of each determinant and the logarithm of its absolute value, which at singular matrices is -∞ and has no
 * gradient.
 * @throws {NumericalError} when the gradient is asked for at a singular matrix.
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

const saved: Saved = savesAll(1);

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
  vjp: ([cotangent], call) => mul(perMatrix(mul(cotangent!, call.output())), t(inverse(call.input(0), "det"))),
  jvp: ([tangent], call) => mul(call.output(), traceOf(solved(call.input(0), tangent!, "det"))),
  batch: ([a]) => apply(detOp, [a!], null),
};

/**
 * The determinant of each matrix. Its derivatives of every order are right at singular matrices, too: the first is
 * the transposed adjugate, which vanishes where the rank is n - 2 or less.
 *
 * @example
 * ```ts
 * det([[1, 2], [3, 4]]); // -2
 * ```
 */
export function det(a: TensorLike): Tensor {
  const input = matrices("det", a, true);
  const isDifferentiated = input.node !== null || input.trace !== null;
  const weak = isDifferentiated ? weakDirections(underlying(detach(input))) : 0;
  return weak === 0 ? apply(detOp, [input], null) : deflated(input, weak);
}

/** Singular values below this times the largest count as weak: the inverse would lose that much precision. */
const weakness = 1e-5;

/** The most weak singular values that a matrix of a batch has. */
function weakDirections(a: Tensor): number {
  const n = a.shape.at(-1)!;
  const [counts] = each([a], [[]], ([m]) => {
    // The pivots tell when it is worth looking.
    const { lu } = luOf(m!, n);
    const pivots = Array.from({ length: n }, (_, i) => Math.abs(lu[i * n + i]!));
    if (Math.min(...pivots) > weakness * Math.max(...pivots)) return [[0]];
    const { s } = svdOf(m!, n, n, n);
    return [[s.filter((value) => value <= weakness * s[0]!).length]];
  });
  return Math.max(0, ...counts!.data);
}

/**
 * The determinant in the coordinates of the singular vectors, which are taken as constants: of [[P Q] [R S]] with the
 * weak directions in S it is det P · det(S - R·P⁻¹·Q). P is well conditioned, and the determinant of the small rest is
 * computed as a polynomial, so that no derivative divides by what vanishes.
 */
function deflated(a: Tensor, weak: number): Tensor {
  const { u, v } = svd(detach(a));
  const sign = mul(apply(detOp, [u], null), apply(detOp, [v], null));
  const whole = matmul(matmul(t(u), a), v);
  const strong = a.shape.at(-1)! - weak;
  if (strong === 0) return mul(sign, determinantPolynomial(whole));
  const lead = Array<null>(a.rank - 2).fill(null);
  const [first, last] = [{ stop: strong }, { start: strong }];
  const p = slice(whole, [...lead, first, first]);
  const moved = solved(p, slice(whole, [...lead, first, last]), "det");
  const rest = sub(slice(whole, [...lead, last, last]), matmul(slice(whole, [...lead, last, first]), moved));
  return mul(mul(sign, apply(detOp, [p], null)), determinantPolynomial(rest));
}

/** The determinant by sums and products alone (D. Faddeev, I. Sominsky, 1949, after U. Le Verrier): for small matrices. */
function determinantPolynomial(a: Tensor): Tensor {
  const n = a.shape.at(-1)!;
  const identity = eye(n, n, { dtype: a.dtype });
  let moved = a;
  let coefficient = mul(traceOf(a), -1);
  for (let k = 2; k <= n; k++) {
    moved = matmul(a, add(moved, mul(perMatrix(coefficient), identity)));
    coefficient = mul(traceOf(moved), -1 / k);
  }
  return n % 2 === 0 ? coefficient : mul(coefficient, -1);
}
