import type { ElementwiseKernel } from "../backend/backend.ts";
import type { ComputeDType, DType } from "../dtype.ts";
import { launch } from "../launch.ts";
import type { Op, Saved } from "../op.ts";
import { derivative } from "../scalar/derivative.ts";
import type { Expr } from "../scalar/expression.ts";
import * as s from "../scalar/expression.ts";
import { broadcastShapes, sameShape } from "../shape.ts";
import { apply, type Call } from "../tape.ts";
import type { Tensor } from "../tensor.ts";
import { broadcastTo, sumTo, withRank } from "./broadcast.ts";

/** What one application of an elementwise operation is given besides its tensors. */
export interface ElementwiseParams {
  /** The dtype in which it computes. */
  readonly compute: ComputeDType;
  /** The dtype of its result. */
  readonly dtype: DType;
  /** Values of the expression's parameters. */
  readonly scalars: readonly number[];
}

/** A derivative as an elementwise operation of its own, and which values of the call it is applied to. */
interface Derived {
  readonly op: ElementwiseOp;
  readonly operands: readonly number[];
}

/**
 * An operation that computes every element of its result by one scalar expression over the elements of its inputs,
 * which broadcast. Its derivatives are elementwise operations too, found by differentiating the expression: one
 * kernel each, to any order.
 *
 * In the derivatives' expressions, arguments 0 … arity-1 are the inputs, argument `arity` is the output, and those
 * beyond are the cotangent (or the tangents).
 */
export class ElementwiseOp implements Op<ElementwiseParams> {
  readonly name: string;
  readonly arity: number;
  readonly expression: Expr;
  readonly vjp: Op<ElementwiseParams>["vjp"];
  readonly jvp: Op<ElementwiseParams>["jvp"];
  private readonly kernels = new Map<ComputeDType, ElementwiseKernel>();
  private readonly cotangentRules: (Derived | null | undefined)[] = [];
  private readonly tangentRules = new Map<string, Derived | null>();
  private readonly saved: Saved[] = [];
  private readonly partialRules: (Expr | undefined)[] = [];

  /** @param expression of numbers; one whose result is a mask makes an operation without derivative. */
  constructor(name: string, arity: number, expression: Expr) {
    this.name = name;
    this.arity = arity;
    this.expression = s.checkExpression(name, "the expression", expression);
    const differentiable = s.sortOf(expression) === "number";
    this.vjp = differentiable ? (cotangents, call, index) => this.pullBack(cotangents, call, index) : null;
    this.jvp = differentiable ? (tangents, call) => this.pushForward(tangents, call) : null;
  }

  forward(inputs: readonly Tensor[], { compute, dtype, scalars }: ElementwiseParams): Tensor {
    const first = inputs[0]!.shape;
    let same = true;
    for (let i = 1; i < inputs.length; i++) same &&= sameShape(inputs[i]!.shape, first);
    const shape = same ? first : broadcastShapes(this.name, inputs);
    return launch(this.kernel(compute), inputs, dtype, shape, scalars);
  }

  saves(index: number): Saved {
    let saved = this.saved[index];
    if (saved === undefined) {
      const operands = this.cotangentRule(index)?.operands ?? [];
      saved = { inputs: operands.filter((o) => o < this.arity), output: operands.includes(this.arity) };
      this.saved[index] = saved;
    }
    return saved;
  }

  batch(inputs: readonly Tensor[], batched: readonly boolean[], params: ElementwiseParams): Tensor {
    const rank = Math.max(...inputs.map((x, i) => x.rank - Number(batched[i])));
    return apply(
      this,
      inputs.map((x, i) => (batched[i] ? withRank(x, rank) : x)),
      params,
    );
  }

  private kernel(compute: ComputeDType): ElementwiseKernel {
    let kernel = this.kernels.get(compute);
    if (kernel === undefined) {
      kernel = { kind: "elementwise", expressions: [this.expression], compute };
      this.kernels.set(compute, kernel);
    }
    return kernel;
  }

  /** ∂expression/∂(argument `index`), in terms of the inputs and the output. */
  private partial(index: number): Expr {
    this.partialRules[index] ??= s.substitute(
      derivative(this.expression, (leaf) => (leaf.value === index ? s.one : null)),
      // What the expression itself computes need not be computed again.
      (node) => (node === this.expression && node.operands.length > 0 ? s.argument(this.arity) : undefined),
    );
    return this.partialRules[index];
  }

  private cotangentRule(index: number): Derived | null {
    let rule = this.cotangentRules[index];
    if (rule === undefined) {
      const product = s.mul(this.partial(index), s.argument(this.arity + 1));
      rule = s.isConstant(product, 0) ? null : derived(`${this.name}.vjp${index}`, product);
      this.cotangentRules[index] = rule;
    }
    return rule;
  }

  private tangentRule(active: readonly boolean[]): Derived | null {
    const key = active.map(Number).join("");
    let rule = this.tangentRules.get(key);
    if (rule === undefined) {
      const terms = active.map((on, i) => (on ? s.mul(this.partial(i), s.argument(this.arity + 1 + i)) : s.zero));
      const sum = terms.reduce((a, b) => s.add(a, b));
      rule = s.isConstant(sum, 0) ? null : derived(`${this.name}.jvp`, sum);
      this.tangentRules.set(key, rule);
    }
    return rule;
  }

  private pullBack(cotangents: readonly Tensor[], call: Call<ElementwiseParams>, index: number): Tensor | null {
    const rule = this.cotangentRule(index);
    if (rule === null) return null;
    const result = this.applyDerived(rule, cotangents, call, call.dtypes[index]!);
    return sumTo(result, call.shapes[index]!);
  }

  private pushForward(tangents: readonly (Tensor | null)[], call: Call<ElementwiseParams>): Tensor | null {
    const rule = this.tangentRule(tangents.map((t) => t !== null));
    if (rule === null) return null;
    const result = this.applyDerived(rule, tangents, call, call.params.dtype);
    return broadcastTo(result, call.output().shape);
  }

  /** @param rest the values of the arguments beyond the inputs and the output. */
  private applyDerived(
    { op, operands }: Derived,
    rest: readonly (Tensor | null)[],
    call: Call<ElementwiseParams>,
    dtype: DType,
  ): Tensor {
    const { arity } = this;
    const values = new Array<Tensor>(operands.length);
    for (let i = 0; i < operands.length; i++) {
      const o = operands[i]!;
      values[i] = o < arity ? call.input(o) : o === arity ? call.output() : rest[o - arity - 1]!;
    }
    const isValueItself = op.expression.op === "argument" && values[0]!.dtype === dtype;
    if (isValueItself) return values[0]!;
    return apply(op, values, dtype === call.params.dtype ? call.params : { ...call.params, dtype });
  }
}

/** The operation that computes `expression`, over the arguments that occur in it. */
function derived(name: string, expression: Expr): Derived {
  const operands = s.argumentsOf(expression);
  const compact = s.substitute(expression, (node) =>
    node.op === "argument" ? s.argument(operands.indexOf(node.value)) : undefined,
  );
  return { op: new ElementwiseOp(name, operands.length, compact), operands };
}
