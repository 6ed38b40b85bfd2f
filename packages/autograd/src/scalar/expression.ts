/**
 * Scalar expressions: what an elementwise kernel computes for one element, as data.
 *
 * An expression is a graph of immutable nodes over the element's operands, run-time parameters and constants.
 * Every backend turns the same expression into its own kernel, and {@link differentiate} (derivative.ts) turns it
 * into its derivative, so an elementwise operation is stated once. Shared nodes are computed once.
 *
 * Nodes have one of two sorts: numbers, in the kernel's compute dtype (float64, float32 or int32), and masks, the
 * results of comparisons. A kernel loads each operand into its compute dtype (booleans as 0 and 1), and stores
 * numbers or masks (as 1 and 0) in the output's dtype.
 */

import { ArgumentError, shown } from "../errors.ts";

/** A node of an expression. */
export interface Expr {
  readonly op: ExprOp;
  readonly operands: readonly Expr[];
  /** Index of an `argument` or `parameter`, or value of a `constant`; 0 elsewhere. */
  readonly value: number;
}

export type Sort = "number" | "mask";

const leafOps = [
  "argument", // the element of an operand
  "parameter", // a number given when the kernel is run
  "constant",
] as const;

// biome-ignore format: one line per family
const unaryOps = [
  "neg", "abs", "sqrt", "cbrt", "floor", "ceil", "trunc",
  "round", // to the nearest integer, halves to even
  "exp", "expm1", "exp2", "log", "log1p", "log2", "log10",
  "sin", "cos", "tan", "asin", "acos", "atan",
  "sinh", "cosh", "tanh", "asinh", "acosh", "atanh",
  "sigmoid", // 1 / (1 + exp(-x)), without overflow
  "erf", "erfc", "erfinv", "digamma",
  "lgamma", // log |Γ(x)|
  "bitNot", // int32 kernels only
] as const;

// biome-ignore format: one line per family
const binaryOps = [
  "add", "sub", "mul", "pow", "atan2", "hypot", "copysign",
  "div", // true division in float kernels; truncating in int32 kernels, where dividing by 0 gives 0
  "min", // NaN when either operand is NaN
  "max", // NaN when either operand is NaN
  "remainder", // x - floor(x / y)·y, with the sign of y, as in NumPy and Python; in int32 kernels 0 where y is 0
  "polygamma", // ψ⁽ⁿ⁾(x), with n the first operand, a constant integer of at least 1
  "bitAnd", "bitOr", "bitXor", "shiftLeft", "shiftRight", // int32 kernels only
] as const;

const comparisonOps = ["eq", "ne", "lt", "le", "gt", "ge"] as const;

const maskOps = ["and", "or", "not"] as const;

export type LeafOp = (typeof leafOps)[number];
export type UnaryOp = (typeof unaryOps)[number];
export type BinaryOp = (typeof binaryOps)[number];
export type ComparisonOp = (typeof comparisonOps)[number];
export type MaskOp = (typeof maskOps)[number];

/** Every kind of node. `select` takes a mask and gives its second operand where the mask holds, its third elsewhere. */
export type ExprOp = LeafOp | UnaryOp | BinaryOp | ComparisonOp | MaskOp | "select";

const masks: ReadonlySet<string> = new Set([...comparisonOps, ...maskOps]);

export function sortOf(expr: Expr): Sort {
  return masks.has(expr.op) ? "mask" : "number";
}

function node(op: ExprOp, ...operands: Expr[]): Expr {
  return { op, operands, value: 0 };
}

/** The element of the `index`-th operand. */
export function argument(index: number): Expr {
  return { op: "argument", operands: [], value: index };
}

/** The `index`-th number given when the kernel is run, so that kernels are shared between values. */
export function parameter(index: number): Expr {
  return { op: "parameter", operands: [], value: index };
}

export function constant(value: number): Expr {
  return { op: "constant", operands: [], value };
}

export const zero: Expr = constant(0);
export const one: Expr = constant(1);

/** Whether `expr` is the constant `value`. */
export function isConstant(expr: Expr, value: number): boolean {
  return expr.op === "constant" && Object.is(expr.value, value);
}

type Operand = Expr | number;
const lift = (x: Operand): Expr => (typeof x === "number" ? constant(x) : checkExpression("scalar", "an operand", x));

/**
 * Refuses what is no expression.
 * @returns the expression.
 */
export function checkExpression(op: string, what: string, expr: Expr): Expr {
  if (typeof expr === "object" && typeof expr?.op === "string" && Array.isArray(expr.operands)) return expr;
  throw new ArgumentError({
    op,
    message: `${what} is ${shown(expr)}, not an expression`,
    hint: "the functions of scalar make expressions of arguments, parameters and numbers",
  });
}

// The builders below drop structural zeros and ones, which derivatives are full of. A factor known to be zero when
// the expression is built makes a product zero even where the other factor is infinite: it stands for a term that
// is not there.
export const add = (x: Operand, y: Operand): Expr => {
  const [a, b] = [lift(x), lift(y)];
  if (isConstant(a, 0)) return b;
  return isConstant(b, 0) ? a : node("add", a, b);
};
export const sub = (x: Operand, y: Operand): Expr => {
  const [a, b] = [lift(x), lift(y)];
  if (isConstant(b, 0)) return a;
  return isConstant(a, 0) ? neg(b) : node("sub", a, b);
};
export const mul = (x: Operand, y: Operand): Expr => {
  const [a, b] = [lift(x), lift(y)];
  if (isConstant(a, 0) || isConstant(b, 0)) return zero;
  if (isConstant(a, 1)) return b;
  if (isConstant(b, 1)) return a;
  if (isConstant(a, -1)) return neg(b);
  return isConstant(b, -1) ? neg(a) : node("mul", a, b);
};
export const div = (x: Operand, y: Operand): Expr => {
  const [a, b] = [lift(x), lift(y)];
  if (isConstant(a, 0)) return zero;
  return isConstant(b, 1) ? a : node("div", a, b);
};
export const neg = (x: Operand): Expr => {
  const a = lift(x);
  if (a.op === "neg") return a.operands[0]!;
  return a.op === "constant" ? constant(a.value === 0 ? 0 : -a.value) : node("neg", a);
};
export const square = (x: Expr): Expr => mul(x, x);
export const reciprocal = (x: Operand): Expr => div(1, x);

export const abs = (x: Operand): Expr => node("abs", lift(x));
export const sqrt = (x: Operand): Expr => node("sqrt", lift(x));
export const cbrt = (x: Operand): Expr => node("cbrt", lift(x));
export const floor = (x: Operand): Expr => node("floor", lift(x));
export const ceil = (x: Operand): Expr => node("ceil", lift(x));
export const trunc = (x: Operand): Expr => node("trunc", lift(x));
export const round = (x: Operand): Expr => node("round", lift(x));
export const exp = (x: Operand): Expr => node("exp", lift(x));
export const expm1 = (x: Operand): Expr => node("expm1", lift(x));
export const exp2 = (x: Operand): Expr => node("exp2", lift(x));
export const log = (x: Operand): Expr => node("log", lift(x));
export const log1p = (x: Operand): Expr => node("log1p", lift(x));
export const log2 = (x: Operand): Expr => node("log2", lift(x));
export const log10 = (x: Operand): Expr => node("log10", lift(x));
export const sin = (x: Operand): Expr => node("sin", lift(x));
export const cos = (x: Operand): Expr => node("cos", lift(x));
export const tan = (x: Operand): Expr => node("tan", lift(x));
export const asin = (x: Operand): Expr => node("asin", lift(x));
export const acos = (x: Operand): Expr => node("acos", lift(x));
export const atan = (x: Operand): Expr => node("atan", lift(x));
export const sinh = (x: Operand): Expr => node("sinh", lift(x));
export const cosh = (x: Operand): Expr => node("cosh", lift(x));
export const tanh = (x: Operand): Expr => node("tanh", lift(x));
export const asinh = (x: Operand): Expr => node("asinh", lift(x));
export const acosh = (x: Operand): Expr => node("acosh", lift(x));
export const atanh = (x: Operand): Expr => node("atanh", lift(x));
export const sigmoid = (x: Operand): Expr => node("sigmoid", lift(x));
export const erf = (x: Operand): Expr => node("erf", lift(x));
export const erfc = (x: Operand): Expr => node("erfc", lift(x));
export const erfinv = (x: Operand): Expr => node("erfinv", lift(x));
export const lgamma = (x: Operand): Expr => node("lgamma", lift(x));
export const digamma = (x: Operand): Expr => node("digamma", lift(x));
export const polygamma = (order: number, x: Operand): Expr => node("polygamma", constant(order), lift(x));

export const min = (x: Operand, y: Operand): Expr => node("min", lift(x), lift(y));
export const max = (x: Operand, y: Operand): Expr => node("max", lift(x), lift(y));
export const pow = (x: Operand, y: Operand): Expr => node("pow", lift(x), lift(y));
export const atan2 = (y: Operand, x: Operand): Expr => node("atan2", lift(y), lift(x));
export const hypot = (x: Operand, y: Operand): Expr => node("hypot", lift(x), lift(y));
export const copysign = (x: Operand, y: Operand): Expr => node("copysign", lift(x), lift(y));
export const remainder = (x: Operand, y: Operand): Expr => node("remainder", lift(x), lift(y));

/**
 * ⌊x / y⌋, consistent with {@link remainder}: the quotient itself may round up to an integer that it does not reach, as
 * 1 / 0.1 does. As in Python and NumPy, -1 for a finite x and an infinite y of the other sign, x / y for y = 0.
 */
export const floorQuotient = (x: Expr, y: Expr): Expr => {
  const rest = remainder(x, y);
  const infinite = select(ne(rest, rest), Number.NaN, select(eq(rest, x), 0, -1));
  const ordinary = select(eq(y, 0), floor(div(x, y)), round(div(sub(x, rest), y)));
  return select(eq(abs(y), Number.POSITIVE_INFINITY), infinite, ordinary);
};

export const bitAnd = (x: Operand, y: Operand): Expr => node("bitAnd", lift(x), lift(y));
export const bitOr = (x: Operand, y: Operand): Expr => node("bitOr", lift(x), lift(y));
export const bitXor = (x: Operand, y: Operand): Expr => node("bitXor", lift(x), lift(y));
export const bitNot = (x: Operand): Expr => node("bitNot", lift(x));
export const shiftLeft = (x: Operand, y: Operand): Expr => node("shiftLeft", lift(x), lift(y));
export const shiftRight = (x: Operand, y: Operand): Expr => node("shiftRight", lift(x), lift(y));

export const eq = (x: Operand, y: Operand): Expr => node("eq", lift(x), lift(y));
export const ne = (x: Operand, y: Operand): Expr => node("ne", lift(x), lift(y));
export const lt = (x: Operand, y: Operand): Expr => node("lt", lift(x), lift(y));
export const le = (x: Operand, y: Operand): Expr => node("le", lift(x), lift(y));
export const gt = (x: Operand, y: Operand): Expr => node("gt", lift(x), lift(y));
export const ge = (x: Operand, y: Operand): Expr => node("ge", lift(x), lift(y));
const mask = (x: Expr): Expr => checkExpression("scalar", "a mask", x);
export const and = (x: Expr, y: Expr): Expr => node("and", mask(x), mask(y));
export const or = (x: Expr, y: Expr): Expr => node("or", mask(x), mask(y));
export const not = (x: Expr): Expr => node("not", mask(x));
export const select = (condition: Expr, x: Operand, y: Operand): Expr => {
  const [a, b] = [lift(x), lift(y)];
  if (a === b || (a.op === "constant" && isConstant(b, a.value))) return a;
  return node("select", mask(condition), a, b);
};

/** -1, 0 or 1. What is neither positive nor negative (0, -0, NaN) is its own sign. */
export const sign = (x: Expr): Expr => select(gt(x, 0), 1, select(lt(x, 0), -1, x));

/** The nodes of `roots`, each once, operands before the nodes that use them. */
export function topologicalOrder(roots: readonly Expr[]): Expr[] {
  const order: Expr[] = [];
  const seen = new Set<Expr>();
  const visit = (expr: Expr): void => {
    if (seen.has(expr)) return;
    seen.add(expr);
    expr.operands.forEach(visit);
    order.push(expr);
  };
  roots.forEach(visit);
  return order;
}

/** `expr` with some nodes exchanged: `replace` gives a new node, or `undefined` to keep one and look below it. */
export function substitute(expr: Expr, replace: (node: Expr) => Expr | undefined): Expr {
  const done = new Map<Expr, Expr>();
  const visit = (e: Expr): Expr => {
    let result = done.get(e);
    if (result === undefined) {
      const operands = e.operands.map(visit);
      const changed = operands.some((o, i) => o !== e.operands[i]);
      result = replace(e) ?? (changed ? { op: e.op, operands, value: e.value } : e);
      done.set(e, result);
    }
    return result;
  };
  return visit(expr);
}

/** Indices of the arguments that occur in `expr`, ascending. */
export function argumentsOf(expr: Expr): number[] {
  const indices = topologicalOrder([expr])
    .filter((e) => e.op === "argument")
    .map((e) => e.value);
  return [...new Set(indices)].sort((a, b) => a - b);
}

/** `mul(x, sub(y, 1))`, for reading. */
export function format(expr: Expr): string {
  switch (expr.op) {
    case "argument":
      return `x${expr.value}`;
    case "parameter":
      return `p${expr.value}`;
    case "constant":
      return String(expr.value);
    default:
      return `${expr.op}(${expr.operands.map(format).join(", ")})`;
  }
}
