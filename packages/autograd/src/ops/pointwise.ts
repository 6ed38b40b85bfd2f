import { computeDType, type DType, defaultDType, isFloat, promoteTypes, promoteWithNumber } from "../dtype.ts";
import { DTypeError } from "../errors.ts";
import { argument, parameter, substitute } from "../scalar/expression.ts";
import { apply } from "../tape.ts";
import { Tensor } from "../tensor.ts";
import { asTensor, type TensorLike } from "./create.ts";
import { ElementwiseOp } from "./elementwise.ts";

/**
 * How the dtype of an elementwise result follows from the promoted dtype of its operands:
 * `same`; `number`, where booleans count as int32; `float`, where integers become {@link defaultDType};
 * `bool`, for comparisons; `integer`, which floats may not enter.
 */
export type ResultRule = "same" | "number" | "float" | "bool" | "integer";

/** Applies an elementwise operation, with NumPy's broadcasting and promotion; plain numbers are weakly typed. */
export function pointwise(op: ElementwiseOp, rule: ResultRule, operands: readonly TensorLike[]): Tensor {
  let dtype: DType | null = null;
  for (const x of operands) if (x instanceof Tensor) dtype = dtype === null ? x.dtype : promoteTypes(dtype, x.dtype);
  const weak = dtype !== null && isFloat(dtype) ? dtype : undefined;
  const inputs: Tensor[] = [];
  const scalars: number[] = [];
  const isNumber = operands.map((x, i) => typeof x === "number" && (dtype !== null || i > 0));
  operands.forEach((x, i) => {
    if (isNumber[i]) scalars.push(x as number);
    else inputs.push(asTensor(x, weak));
  });
  dtype = inputs.map((x) => x.dtype).reduce(promoteTypes);
  for (const value of scalars) dtype = promoteWithNumber(dtype, value);
  if (rule === "float" && !isFloat(dtype)) dtype = defaultDType();
  if (rule === "number" && dtype === "bool") dtype = "int32";
  if (rule === "integer" && isFloat(dtype)) {
    throw new DTypeError({ op: op.name, message: "operands must be integers or booleans", operands: inputs });
  }
  const variant = scalars.length === 0 ? op : withNumbers(op, isNumber);
  const compute = computeDType(dtype);
  return apply(variant, inputs, { compute, dtype: rule === "bool" ? "bool" : dtype, scalars });
}

const variants = new WeakMap<ElementwiseOp, Map<string, ElementwiseOp>>();

/** The operation with some of its arguments given as numbers when it is run. */
function withNumbers(op: ElementwiseOp, isNumber: readonly boolean[]): ElementwiseOp {
  const key = isNumber.map(Number).join("");
  let known = variants.get(op);
  if (known === undefined) {
    known = new Map();
    variants.set(op, known);
  }
  let variant = known.get(key);
  if (variant === undefined) {
    const rank = (index: number, among: boolean): number => isNumber.slice(0, index).filter((n) => n === among).length;
    const expression = substitute(op.expression, (node) => {
      if (node.op !== "argument") return undefined;
      return isNumber[node.value] ? parameter(rank(node.value, true)) : argument(rank(node.value, false));
    });
    variant = new ElementwiseOp(op.name, isNumber.filter((n) => !n).length, expression);
    known.set(key, variant);
  }
  return variant;
}

/** An elementwise operation, from its expression over its arguments. */
export function defineElementwise(
  name: string,
  arity: number,
  expression: (...args: ReturnType<typeof argument>[]) => ReturnType<typeof argument>,
): ElementwiseOp {
  return new ElementwiseOp(name, arity, expression(...Array.from({ length: arity }, (_, i) => argument(i))));
}
