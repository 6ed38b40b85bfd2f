/**
 * What the nodes of a scalar expression are in vector code.
 *
 * Short functions are written out where they are used. Long ones become functions of the module, which costs a call per
 * vector and keeps modules small. Those marked `double` are written for float64 alone; float32 passes through it.
 */
import type { ComputeDType } from "../../dtype.ts";
import type { Expr, ExprOp, LeafOp } from "../../scalar/expression.ts";
import { scalarFunction } from "../reference/scalar.ts";
import { type F64, f32, f32x4, f64, f64x2, i32x4, type V128, v128 } from "./assembler.ts";
import { cbrt, divideIntegers, hypot, integerPower, remainder, shiftEach } from "./math/arithmetic.ts";
import { cosh, exp, exp2, expm1, sigmoid, sinh, tanh } from "./math/exponential.ts";
import { bitwise, type Float, upperHalf, type Wide, words } from "./math/float.ts";
import { acosh, asinh, atanh, log, log1p, log2, log10, pow } from "./math/logarithm.ts";
import { digamma, erf, erfc, erfinv, lgamma } from "./math/special.ts";
import { acos, asin, atan, atan2, cos, sin, tan } from "./math/trigonometric.ts";

type InnerOp = Exclude<ExprOp, LeafOp>;

interface Vectorised {
  readonly compute: (f: Float, ...x: Wide[]) => Wide;
  readonly form: "inline" | "called" | "double";
}
const inline = (compute: Vectorised["compute"]): Vectorised => ({ compute, form: "inline" });
const called = (compute: Vectorised["compute"]): Vectorised => ({ compute, form: "called" });
const double = (compute: Vectorised["compute"]): Vectorised => ({ compute, form: "double" });

const functions: Partial<Record<ExprOp, Vectorised>> = {
  exp: inline(exp),
  exp2: inline(exp2),
  expm1: inline(expm1),
  log: inline(log),
  log1p: inline(log1p),
  log2: called(log2),
  log10: called(log10),
  tanh: inline(tanh),
  sigmoid: inline(sigmoid),
  sinh: double(sinh),
  cosh: double(cosh),
  asinh: double(asinh),
  acosh: double(acosh),
  atanh: double(atanh),
  sin: double(sin),
  cos: double(cos),
  tan: double(tan),
  asin: called(asin),
  acos: called(acos),
  atan: called(atan),
  atan2: double(atan2),
  erf: inline(erf),
  erfc: double(erfc),
  erfinv: double(erfinv),
  lgamma: double(lgamma),
  digamma: double(digamma),
  pow: double(pow),
  cbrt: double(cbrt),
  hypot: double(hypot),
  remainder: double(remainder),
};

/** What a node costs, in additions. */
export function costOf(node: Expr): number {
  const form = functions[node.op]?.form;
  return form === undefined ? 1 : form === "inline" ? 12 : 40;
}

/** Functions of JavaScript that a module calls. */
export type ScalarImports = Record<string, (...args: number[]) => number>;

/** Calls the reference's function for each lane. */
function perLane(
  f: Float,
  imports: ScalarImports,
  op: InnerOp,
  compute: ComputeDType,
  operands: readonly Wide[],
): Wide {
  const name = `${op}_${compute}`;
  const types = operands.map(() => "f64" as const);
  const func = f.site.module.import(name, types, ["f64"]);
  imports[name] = scalarFunction(op, compute) as (...args: number[]) => number;
  const lane = (x: V128, i: number): F64 => {
    if (compute === "float64") return f64x2.extract(x, i);
    if (compute === "float32") return f32.promote(f32x4.extract(x, i));
    return f64x2.extract(f64x2.convertLow(i < 2 ? x : v128.shuffle(x, x, upperHalf)), i & 1);
  };
  const kept = operands.map((x) => f.let(x));
  return kept[0]!.map((_, v) => {
    let result = f32x4.const(0);
    for (let i = 0; i < (compute === "float64" ? 2 : 4); i++) {
      const y = func.call("f64", ...kept.map((x) => lane(x[v]!, i)));
      if (compute === "float64") result = f64x2.replace(result, i, y);
      else if (compute === "float32") result = f32x4.replace(result, i, f64.demote(y));
      else result = i32x4.replace(result, i, i32x4.extract(i32x4.truncF64(f64x2.splat(y)), 0));
    }
    return result;
  });
}

/** Beside a constant that is not NaN one instruction serves, where eight heed NaN and zeros on either side. */
function extremeOf(f: Float, node: Expr, a: Wide, b: Wide): Wide {
  const { ops } = f;
  const bound = node.operands[1]!;
  if (bound.op !== "constant" || Number.isNaN(bound.value) || Object.is(bound.value, -0)) {
    return node.op === "max" ? ops.max(a, b) : ops.min(a, b);
  }
  if (node.op === "min") return ops.pmin(a, b);
  // The larger of zeros is the positive one.
  return bound.value === 0 ? ops.add(ops.pmax(a, b), b) : ops.pmax(a, b);
}

/** The value of an inner node, from its operands'. */
export function compileNode(
  f: Float,
  node: Expr,
  x: readonly Wide[],
  compute: ComputeDType,
  imports: ScalarImports,
): Wide {
  const lanes = compute === "int32" ? words : f.ops;
  const [a, b, c] = x as [Wide, Wide, Wide];
  switch (node.op) {
    case "add":
    case "sub":
    case "mul":
    case "eq":
    case "ne":
    case "lt":
    case "le":
    case "gt":
    case "ge":
      return lanes[node.op](a, b);
    case "neg":
    case "abs":
      return lanes[node.op](a);
    case "and":
    case "bitAnd":
      return bitwise.and(a, b);
    case "or":
    case "bitOr":
      return bitwise.or(a, b);
    case "bitXor":
      return bitwise.xor(a, b);
    case "not":
    case "bitNot":
      return bitwise.not(a);
    case "select":
      return bitwise.select(b, c, a);
  }
  if (compute === "int32") {
    switch (node.op) {
      case "min":
      case "max":
        return words[node.op](a, b);
      case "div":
        return divideIntegers(f, a, b, "quotient");
      case "remainder":
        return divideIntegers(f, a, b, "remainder");
      case "pow":
        return integerPower(f, a, b);
      case "shiftLeft":
        return shiftEach(f, a, b, "shl");
      case "shiftRight":
        return shiftEach(f, a, b, "shr");
    }
  } else {
    switch (node.op) {
      case "min":
      case "max":
        return extremeOf(f, node, a, b);
      case "div":
        return f.ops.div(a, b);
      case "sqrt":
      case "floor":
      case "ceil":
      case "trunc":
        return f.ops[node.op](a);
      case "round":
        return f.ops.nearest(a);
      case "copysign":
        return f.copySign(a, b);
    }
    const known = functions[node.op];
    if (known !== undefined) {
      const kept = x.map((v) => f.let(v));
      if (known.form === "inline") return known.compute(f, ...kept);
      return f.call(node.op, 1, kept, (g, ...y) => [
        known.form === "double" ? g.inDouble(y, known.compute) : known.compute(g, ...y),
      ])[0]!;
    }
  }
  return perLane(f, imports, node.op as InnerOp, compute, x);
}
