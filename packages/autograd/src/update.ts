import type { ElementwiseKernel } from "./backend/backend.ts";
import { backend } from "./backend/current.ts";
import { type ComputeDType, computeDType } from "./dtype.ts";
import { ArgumentError, checkFunction, checkInteger, checkNumber, checkOptions, shown } from "./errors.ts";
import { argument, checkExpression, type Expr, parameter } from "./scalar/expression.ts";
import { listOf, sameShape } from "./shape.ts";
import { Parameter, type Tensor, tensorIn } from "./tensor.ts";

/** What a rule is built from: the elements of the parameters and of the other tensors, and the run-time numbers. */
export interface UpdateOperands {
  readonly targets: readonly Expr[];
  readonly others: readonly Expr[];
  readonly scalars: readonly Expr[];
}

/** How many of each an {@link InPlaceUpdate} takes. */
export interface UpdateCounts {
  readonly targets: number;
  readonly others: number;
  readonly scalars: number;
}

/**
 * A change of parameters in place, all elements by the same expressions, in one pass over memory without temporaries:
 * what an optimizer does to a weight and its running means. It is not recorded.
 *
 * @example
 * ```ts
 * const sgd = new InPlaceUpdate("sgd", { targets: 1, others: 1, scalars: 1 }, ({ targets: [w], others: [g], scalars: [rate] }) => [
 *   scalar.sub(w, scalar.mul(rate, g)),
 * ]);
 * const weight = parameter([1, 2]);
 * sgd.run([weight], [tensor([10, 10])], [0.1]);
 * weight; // [0, 1]
 * ```
 */
export class InPlaceUpdate {
  readonly name: string;
  private readonly counts: UpdateCounts;
  private readonly expressions: readonly Expr[];
  private readonly kernels = new Map<ComputeDType, ElementwiseKernel>();

  /**
   * @param rule gives the new value of each target; all are computed from the old values.
   * @throws {ArgumentError} when it does not, or counts are none.
   */
  constructor(name: string, counts: UpdateCounts, rule: (operands: UpdateOperands) => readonly Expr[]) {
    if (typeof name !== "string") {
      throw new ArgumentError({ op: "InPlaceUpdate", message: `the name is ${shown(name)}`, hint: "give a string" });
    }
    this.name = name;
    this.counts = checkOptions(name, counts, ["targets", "others", "scalars"]);
    checkInteger(name, "the number of targets", counts.targets, 1);
    checkInteger(name, "the number of others", counts.others, 0);
    checkInteger(name, "the number of scalars", counts.scalars, 0);
    const list = (count: number, make: (index: number) => Expr): Expr[] =>
      Array.from({ length: count }, (_, i) => make(i));
    const results = checkFunction(
      name,
      rule,
    )({
      targets: list(counts.targets, argument),
      others: list(counts.others, (i) => argument(counts.targets + i)),
      scalars: list(counts.scalars, parameter),
    });
    this.expressions = listOf(name, "the values that the rule gives", results);
    for (const expression of this.expressions) checkExpression(name, "a value that the rule gives", expression);
    if (this.expressions.length !== counts.targets) {
      throw new ArgumentError({
        op: name,
        message: `the rule gives ${this.expressions.length} values for ${counts.targets} targets`,
      });
    }
  }

  /**
   * Changes `targets`, which have one shape and dtype; `others` have the same.
   * @throws {ArgumentError} when counts, shapes or dtypes differ, or something is not what it has to be.
   */
  run(targets: readonly Parameter[], others: readonly Tensor[], scalars: readonly number[] = []): void {
    const { counts } = this;
    for (const target of listOf(this.name, "targets", targets)) {
      if (target instanceof Parameter) continue;
      throw new ArgumentError({
        op: this.name,
        message: `a target is ${shown(target)}, not a parameter`,
        hint: "parameter(…) makes tensors that may change",
      });
    }
    for (const other of listOf(this.name, "others", others)) tensorIn(this.name, "one of the others", other);
    for (const scalar of listOf(this.name, "scalars", scalars)) {
      checkNumber(this.name, "a scalar", scalar, () => true, "it is a number");
    }
    const first = targets[0];
    const inputs: readonly Tensor[] = [...targets, ...others];
    if (
      first === undefined ||
      targets.length !== counts.targets ||
      others.length !== counts.others ||
      scalars.length !== counts.scalars ||
      inputs.some((x) => x.dtype !== first.dtype || !sameShape(x.shape, first.shape))
    ) {
      throw new ArgumentError({
        op: this.name,
        message: `takes ${counts.targets} parameters and ${counts.others} tensors of one shape and dtype, and ${counts.scalars} numbers`,
        operands: inputs,
      });
    }
    const compute = computeDType(first.dtype);
    let kernel = this.kernels.get(compute);
    if (kernel === undefined) {
      kernel = { kind: "elementwise", expressions: this.expressions, compute };
      this.kernels.set(compute, kernel);
    }
    backend().run(kernel, inputs, targets, scalars);
    for (const target of targets) target.storage.version++;
  }
}
