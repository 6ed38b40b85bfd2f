import { computeDType, type DType, defaultDType, isFloat, promoteTypes, promoteWithNumber } from "../dtype.ts";
import { ArgumentError, DTypeError } from "../errors.ts";
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
  if (operands.length !== op.arity) {
    throw new ArgumentError({ op: op.name, message: `there are ${operands.length} operands for ${op.arity}` });
  }
  let dtype: DType | null = null;
  for (let i = 0; i < operands.length; i++) {
    const x = operands[i];
    if (x instanceof Tensor) dtype = dtype === null || dtype === x.dtype ? x.dtype : promoteTypes(dtype, x.dtype);
  }
  const weak = dtype !== null && isFloat(dtype) ? dtype : undefined;
  const hasTensor = dtype !== null;
  const inputs: Tensor[] = [];
  const scalars: number[] = [];
  /** Bit i tells whether operand i is a number. */
  let numbers = 0;
  for (let i = 0; i < operands.length; i++) {
    const x = operands[i]!;
    if (typeof x === "number" && (hasTensor || i > 0)) {
      scalars.push(x);
      numbers |= 1 << i;
    } else {
      const input = asTensor(x, weak);
      inputs.push(input);
      dtype = dtype === null || dtype === input.dtype ? input.dtype : promoteTypes(dtype, input.dtype);
    }
  }
  let result = dtype!;
  for (let i = 0; i < scalars.length; i++) result = promoteWithNumber(result, scalars[i]!);
  if (rule === "float" && !isFloat(result)) result = defaultDType();
  // Larger numbers are compared exactly, but there is no integer arithmetic with them.
  const beyond = isFloat(result) ? undefined : scalars.find((v) => v !== (v | 0) && v !== 0);
  if (beyond !== undefined && rule === "bool") result = "float64";
  else if (beyond !== undefined) {
    throw new ArgumentError({
      op: op.name,
      message: `the number ${beyond} is outside int32`,
      operands: inputs,
      hint: 'cast the integers first, with cast("float64")',
    });
  }
  if (rule === "number" && result === "bool") result = "int32";
  if (rule === "integer" && isFloat(result)) {
    throw new DTypeError({ op: op.name, message: "operands must be integers or booleans", operands: inputs });
  }
  const variant = numbers === 0 ? op : withNumbers(op, numbers);
  return apply(variant, inputs, { compute: computeDType(result), dtype: rule === "bool" ? "bool" : result, scalars });
}

const variants = new WeakMap<ElementwiseOp, (ElementwiseOp | undefined)[]>();

/** The operation with some of its arguments, those with bits in `numbers`, given as numbers when it is run. */
function withNumbers(op: ElementwiseOp, numbers: number): ElementwiseOp {
  let known = variants.get(op);
  if (known === undefined) {
    known = [];
    variants.set(op, known);
  }
  let variant = known[numbers];
  if (variant === undefined) {
    const isNumber = Array.from({ length: op.arity }, (_, i) => ((numbers >> i) & 1) === 1);
    const rank = (index: number, among: boolean): number => isNumber.slice(0, index).filter((n) => n === among).length;
    const expression = substitute(op.expression, (node) => {
      if (node.op !== "argument") return undefined;
      return isNumber[node.value] ? parameter(rank(node.value, true)) : argument(rank(node.value, false));
    });
    variant = new ElementwiseOp(op.name, isNumber.filter((n) => !n).length, expression);
    known[numbers] = variant;
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
