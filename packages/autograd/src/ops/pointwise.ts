import { computeDType, type DType, defaultDType, dtypes, isFloat, promoteTypes, promoteWithNumber } from "../dtype.ts";
import { ArgumentError, checkFunction, checkInteger, DTypeError } from "../errors.ts";
import { argument, parameter, substitute } from "../scalar/expression.ts";
import { apply } from "../tape.ts";
import { Tensor } from "../tensor.ts";
import { ElementwiseOp, type ElementwiseParams } from "./elementwise.ts";
import { operandOf, type TensorLike } from "./tensor-like.ts";

/**
 * How the dtype of an elementwise result follows from the promoted dtype of its operands:
 * `same`; `number`, where booleans count as int32; `float`, where integers become {@link defaultDType};
 * `bool`, for comparisons; `integer`, which floats may not enter.
 */
export type ResultRule = "same" | "number" | "float" | "bool" | "integer";

/** Applies an elementwise operation, with NumPy's broadcasting and promotion; plain numbers are weakly typed. */
export function pointwise(op: ElementwiseOp, rule: ResultRule, operands: readonly TensorLike[]): Tensor {
  const count = operands.length;
  if (count !== op.arity) {
    throw new ArgumentError({ op: op.name, message: `there are ${count} operands for ${op.arity}` });
  }
  const kind = rule === "bool" ? "mask" : "value";
  let dtype: DType | null = null;
  let tensors = 0;
  for (let i = 0; i < count; i++) {
    const x = operands[i];
    if (!(x instanceof Tensor)) continue;
    dtype = dtype === null || dtype === x.dtype ? x.dtype : promoteTypes(dtype, x.dtype);
    tensors++;
  }
  // Small operations are many: where all operands are tensors, nothing is made but the result.
  if (tensors === count) {
    const inputs = operands as readonly Tensor[];
    return apply(op, inputs, paramsOf[resultOf(op, rule, dtype!, inputs)][kind]);
  }
  const weak = dtype !== null && isFloat(dtype) ? dtype : undefined;
  const inputs: Tensor[] = [];
  const scalars: number[] = [];
  /** Bit i tells whether operand i is a number. */
  let numbers = 0;
  for (let i = 0; i < count; i++) {
    const x = operands[i]!;
    if (typeof x === "number" && (tensors > 0 || i > 0)) {
      scalars.push(x);
      numbers |= 1 << i;
    } else {
      const input = operandOf(op.name, x, weak);
      inputs.push(input);
      dtype = dtype === null || dtype === input.dtype ? input.dtype : promoteTypes(dtype, input.dtype);
    }
  }
  for (let i = 0; i < scalars.length; i++) dtype = promoteWithNumber(dtype!, scalars[i]!);
  const computed = resultOf(op, rule, dtype!, inputs);
  if (numbers === 0) return apply(op, inputs, paramsOf[computed][kind]);
  return apply(withNumbers(op, numbers), inputs, {
    ...paramsOf[withRoomFor(op, rule, computed, scalars, inputs)][kind],
    scalars,
  });
}

/** The dtype to compute in, of operands promoted to `dtype`. */
function resultOf(op: ElementwiseOp, rule: ResultRule, dtype: DType, operands: readonly Tensor[]): DType {
  if (rule === "float" && !isFloat(dtype)) return defaultDType();
  if (rule === "number" && dtype === "bool") return "int32";
  if (rule === "integer" && isFloat(dtype)) {
    throw new DTypeError({ op: op.name, message: "operands must be integers or booleans", operands });
  }
  return dtype;
}

/** The dtype to compute in, where it has room for plain numbers among the operands. */
function withRoomFor(
  op: ElementwiseOp,
  rule: ResultRule,
  dtype: DType,
  scalars: readonly number[],
  operands: readonly Tensor[],
): DType {
  const beyond = isFloat(dtype) ? undefined : scalars.find((v) => v !== (v | 0) && v !== 0);
  if (beyond === undefined) return dtype;
  // Larger numbers are compared exactly, but there is no integer arithmetic with them.
  if (rule === "bool") return "float64";
  throw new ArgumentError({
    op: op.name,
    message: `the number ${beyond} is outside int32`,
    operands,
    hint: 'cast the integers first, with cast("float64")',
  });
}

/** What operations without numbers are given, by the dtype they compute in: for results of that dtype, and for masks. */
const paramsOf = Object.fromEntries(
  dtypes.map((dtype) => {
    const value: ElementwiseParams = { compute: computeDType(dtype), dtype, scalars: [] };
    return [dtype, { value, mask: { ...value, dtype: "bool" } }];
  }),
) as Readonly<Record<DType, { readonly value: ElementwiseParams; readonly mask: ElementwiseParams }>>;

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

/**
 * An elementwise operation, from its expression over its arguments.
 * @throws {ArgumentError} when there are no arguments, or the function gives no expression.
 */
export function defineElementwise(
  name: string,
  arity: number,
  expression: (...args: ReturnType<typeof argument>[]) => ReturnType<typeof argument>,
): ElementwiseOp {
  const list = Array.from({ length: checkInteger(name, "arity", arity, 0) }, (_, i) => argument(i));
  return new ElementwiseOp(name, arity, checkFunction(name, expression)(...list));
}
