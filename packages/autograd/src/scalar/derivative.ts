import type { Expr, ExprOp } from "./expression.ts";
import * as s from "./expression.ts";

type Rule = (operands: readonly Expr[], result: Expr) => readonly (Expr | null)[];

/** One partial derivative per operand; `null` where it is zero almost everywhere or the operand is a mask. */
const step: Rule = (operands) => operands.map(() => null);
const unary =
  (partial: (x: Expr, y: Expr) => Expr): Rule =>
  ([x], y) => [partial(x!, y)];
const binary =
  (partials: (x: Expr, y: Expr, z: Expr) => readonly [Expr | null, Expr | null]): Rule =>
  ([x, y], z) =>
    partials(x!, y!, z);

const half = 0.5;
const twoOverSqrtPi = 2 / Math.sqrt(Math.PI);

/** ∂/∂operand of every kind of node. At a kink the derivative is the middle of the subdifferential. */
const rules: Record<ExprOp, Rule> = {
  argument: step,
  parameter: step,
  constant: step,
  neg: unary(() => s.constant(-1)),
  abs: unary((x) => s.sign(x)),
  sqrt: unary((_, y) => s.div(half, y)),
  cbrt: unary((_, y) => s.reciprocal(s.mul(3, s.square(y)))),
  floor: step,
  ceil: step,
  trunc: step,
  round: step,
  exp: unary((_, y) => y),
  expm1: unary((_, y) => s.add(y, 1)),
  exp2: unary((_, y) => s.mul(Math.LN2, y)),
  log: unary((x) => s.reciprocal(x)),
  log1p: unary((x) => s.reciprocal(s.add(x, 1))),
  log2: unary((x) => s.reciprocal(s.mul(Math.LN2, x))),
  log10: unary((x) => s.reciprocal(s.mul(Math.LN10, x))),
  sin: unary((x) => s.cos(x)),
  cos: unary((x) => s.neg(s.sin(x))),
  tan: unary((_, y) => s.add(1, s.square(y))),
  asin: unary((x) => s.reciprocal(s.sqrt(s.mul(s.sub(1, x), s.add(1, x))))),
  acos: unary((x) => s.neg(s.reciprocal(s.sqrt(s.mul(s.sub(1, x), s.add(1, x)))))),
  atan: unary((x) => s.reciprocal(s.add(1, s.square(x)))),
  sinh: unary((x) => s.cosh(x)),
  cosh: unary((x) => s.sinh(x)),
  tanh: unary((_, y) => s.mul(s.sub(1, y), s.add(1, y))),
  asinh: unary((x) => s.reciprocal(s.hypot(x, 1))),
  acosh: unary((x) => s.reciprocal(s.mul(s.sqrt(s.sub(x, 1)), s.sqrt(s.add(x, 1))))),
  atanh: unary((x) => s.reciprocal(s.mul(s.sub(1, x), s.add(1, x)))),
  sigmoid: unary((_, y) => s.mul(y, s.sub(1, y))),
  erf: unary((x) => s.mul(twoOverSqrtPi, s.exp(s.neg(s.square(x))))),
  erfc: unary((x) => s.mul(-twoOverSqrtPi, s.exp(s.neg(s.square(x))))),
  erfinv: unary((_, y) => s.mul(1 / twoOverSqrtPi, s.exp(s.square(y)))),
  lgamma: unary((x) => s.digamma(x)),
  digamma: unary((x) => s.polygamma(1, x)),
  add: binary(() => [s.one, s.one]),
  sub: binary(() => [s.one, s.constant(-1)]),
  mul: binary((x, y) => [y, x]),
  div: binary((_, y, z) => [s.reciprocal(y), s.neg(s.div(z, y))]),
  min: binary((x, y) => share(s.lt(x, y), s.gt(x, y))),
  max: binary((x, y) => share(s.gt(x, y), s.lt(x, y))),
  pow: binary((x, y, z) => [
    // At x = 0 y·x^(y-1) is 0·∞ for y = 0, and log x is -∞, where x^y is flat in y for y > 0.
    s.select(s.and(s.eq(x, 0), s.eq(y, 0)), 0, s.mul(y, s.pow(x, s.sub(y, 1)))),
    s.select(s.and(s.eq(x, 0), s.ge(y, 0)), 0, s.mul(z, s.log(x))),
  ]),
  atan2: binary((y, x) => {
    const r = s.hypot(x, y);
    return [s.div(s.div(x, r), r), s.neg(s.div(s.div(y, r), r))];
  }),
  hypot: binary((x, y, z) => [flatAtZero(s.div(x, z), z), flatAtZero(s.div(y, z), z)]),
  copysign: binary((x, y) => [s.mul(s.sign(x), s.copysign(1, y)), null]),
  remainder: binary((x, y) => [s.one, s.neg(s.floorQuotient(x, y))]),
  polygamma: (operands) => [null, s.polygamma(operands[0]!.value + 1, operands[1]!)],
  bitAnd: step,
  bitOr: step,
  bitXor: step,
  bitNot: step,
  shiftLeft: step,
  shiftRight: step,
  eq: step,
  ne: step,
  lt: step,
  le: step,
  gt: step,
  ge: step,
  and: step,
  or: step,
  not: step,
  select: ([mask]) => [null, s.select(mask!, 1, 0), s.select(mask!, 0, 1)],
};

/** 1 to the operand that wins and 0 to the other, half to each at a tie. */
function share(first: Expr, second: Expr): [Expr, Expr] {
  return [s.select(first, 1, s.select(second, 0, half)), s.select(second, 1, s.select(first, 0, half))];
}

function flatAtZero(partial: Expr, norm: Expr): Expr {
  return s.select(s.eq(norm, 0), 0, partial);
}

/**
 * The derivative of `expr` by the chain rule, as an expression over the same leaves.
 * @param seed the derivative of each leaf; `null` means zero.
 */
export function derivative(expr: Expr, seed: (leaf: Expr) => Expr | null): Expr {
  const tangents = new Map<Expr, Expr | null>();
  for (const node of s.topologicalOrder([expr])) {
    if (node.operands.length === 0) {
      tangents.set(node, node.op === "argument" ? seed(node) : null);
      continue;
    }
    let tangent: Expr | null = null;
    if (node.operands.some((o) => tangents.get(o) !== null && s.sortOf(o) === "number")) {
      if (node.op === "select") {
        // Choosing between tangents keeps an infinite one out of the branch that was not taken.
        const [mask, x, y] = node.operands as [Expr, Expr, Expr];
        tangent = s.select(mask, tangents.get(x) ?? s.zero, tangents.get(y) ?? s.zero);
      } else {
        const partials = rules[node.op](node.operands, node);
        node.operands.forEach((o, i) => {
          const inner = tangents.get(o) ?? null;
          const partial = partials[i] ?? null;
          if (inner === null || partial === null) return;
          const term = s.mul(partial, inner);
          tangent = tangent === null ? term : s.add(tangent, term);
        });
      }
    }
    tangents.set(node, tangent);
  }
  return tangents.get(expr) ?? s.zero;
}

/** ∂expr/∂(argument `index`). */
export function partialDerivative(expr: Expr, index: number): Expr {
  return derivative(expr, (leaf) => (leaf.value === index ? s.one : null));
}
