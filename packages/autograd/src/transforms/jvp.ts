import { isFloat } from "../dtype.ts";
import { ArgumentError, checkFunction, describe, GradientError } from "../errors.ts";
import type { Op } from "../op.ts";
import { zerosLike } from "../ops/index.ts";
import { listOf, sameShape } from "../shape.ts";
import { applyAll, Call } from "../tape.ts";
import { type Tensor, tensorIn } from "../tensor.ts";
import type { Trace } from "../trace.ts";
import { differentiated } from "./grad.ts";
import { asList, atNextLevel, handle } from "./level.ts";

/** A value and the direction in which it moves; null stands for not at all. */
class Dual implements Trace {
  readonly level: number;
  readonly primal: Tensor;
  readonly tangent: Tensor | null;

  constructor(level: number, primal: Tensor, tangent: Tensor | null) {
    this.level = level;
    this.primal = primal;
    this.tangent = tangent;
  }

  get behind(): Tensor {
    return this.primal;
  }

  process(op: Op, inputs: readonly Tensor[], params: unknown): readonly Tensor[] {
    const duals = inputs.map((x) => dualAt(this.level, x));
    const primals = inputs.map((x, i) => duals[i]?.primal ?? x);
    const tangents = duals.map((d) => d?.tangent ?? null);
    const outputs = applyAll(op, primals, params);
    let moved: readonly (Tensor | null)[] = [];
    if (op.jvp !== null && tangents.some((t) => t !== null)) {
      const call = new Call(op, params, primals, outputs, true);
      const result = op.jvp(tangents, call);
      moved = Array.isArray(result) ? (result as readonly (Tensor | null)[]) : [result as Tensor | null];
    }
    return outputs.map((y, i) => {
      const tangent = isFloat(y.dtype) ? (moved[i] ?? null) : null;
      if (tangent !== null && (!sameShape(tangent.shape, y.shape) || tangent.dtype !== y.dtype)) {
        throw new GradientError({
          op: op.name,
          message: `the tangent is ${describe(tangent)} where the value is ${describe(y)}`,
          hint: "a derivative rule gives tangents of the shape and dtype of the output they belong to",
        });
      }
      return handle(y, new Dual(this.level, y, tangent));
    });
  }

  read(): Tensor {
    return this.primal.trace === null ? this.primal : this.primal.trace.read(this.primal);
  }
}

function dualAt(level: number, x: Tensor): Dual | null {
  return x.trace instanceof Dual && x.trace.level === level ? x.trace : null;
}

/** A function of tensors that gives one or several. */
type TensorFunction = (...inputs: Tensor[]) => Tensor | readonly Tensor[];

/** The results of `f` and their tangents, always as lists. */
export function pushForward(
  f: TensorFunction,
  primals: readonly Tensor[],
  tangents: readonly Tensor[],
): { values: Tensor[]; tangents: Tensor[] } {
  return atNextLevel((level) => {
    const handles = primals.map((p, i) => handle(p, new Dual(level, p, isFloat(p.dtype) ? tangents[i]! : null)));
    const results = asList(f(...handles)).map((y) => {
      return { y: tensorIn("jvp", "the function's result", y), dual: dualAt(level, y) };
    });
    return {
      values: results.map(({ y, dual }) => dual?.primal ?? y),
      tangents: results.map(({ y, dual }) => dual?.tangent ?? zerosLike(y)),
    };
  });
}

/**
 * The value of `f` and its derivative in one direction, by forward mode: one pass, nothing recorded.
 *
 * @param f gives a tensor, or a list of tensors.
 * @param primals where.
 * @param tangents the direction: one tensor per primal, of its shape and dtype.
 * @returns `[value, tangent]`, both lists where `f` gives one.
 * @throws {ArgumentError} when tangents do not match the primals.
 *
 * @example
 * ```ts
 * jvp((x) => x.square(), [tensor([1, 2])], [tensor([1, 10])]); // [[1, 4], [2, 40]]
 * ```
 */
export function jvp(
  f: (...inputs: Tensor[]) => Tensor,
  primals: readonly Tensor[],
  tangents: readonly Tensor[],
): [value: Tensor, tangent: Tensor];
export function jvp(
  f: (...inputs: Tensor[]) => readonly Tensor[],
  primals: readonly Tensor[],
  tangents: readonly Tensor[],
): [values: Tensor[], tangents: Tensor[]];
export function jvp(
  f: TensorFunction,
  primals: readonly Tensor[],
  tangents: readonly Tensor[],
): [Tensor | Tensor[], Tensor | Tensor[]] {
  checkFunction("jvp", f);
  checkTangents("jvp", primals, tangents);
  let several = false;
  const result = pushForward(
    (...xs) => {
      const y = f(...xs);
      several = Array.isArray(y);
      return y;
    },
    primals,
    tangents,
  );
  return several ? [result.values, result.tangents] : [result.values[0]!, result.tangents[0]!];
}

/** Refuses directions that do not fit the point. */
export function checkTangents(op: string, primals: readonly Tensor[], tangents: readonly Tensor[]): void {
  for (const x of listOf(op, "primals", primals)) tensorIn(op, "a primal", x);
  for (const x of listOf(op, "tangents", tangents)) tensorIn(op, "a tangent", x);
  if (primals.length !== tangents.length) {
    throw new ArgumentError({
      op,
      message: `there are ${tangents.length} tangents for ${primals.length} primals`,
      operands: [...primals, ...tangents],
      hint: "give one direction for each",
    });
  }
  for (const [i, p] of primals.entries()) {
    const t = tangents[i]!;
    if (sameShape(p.shape, t.shape) && (p.dtype === t.dtype || !isFloat(p.dtype))) continue;
    throw new ArgumentError({
      op,
      message: `tangent ${i} is ${describe(t)}, but primal ${i} is ${describe(p)}`,
      hint: "a tangent has the shape and dtype of its primal",
    });
  }
}

/**
 * The Hessian of `f` times a vector, forward over reverse: the cost of a few gradients, without forming the Hessian.
 *
 * @param f has a result of size 1.
 * @param x where.
 * @param v the vector, of the shape and dtype of `x`.
 *
 * @example
 * ```ts
 * hvp((x) => x.pow(3).sum(), tensor([1, 2]), tensor([1, 1])); // [6, 12]
 * ```
 */
export function hvp(f: (x: Tensor) => Tensor, x: Tensor, v: Tensor): Tensor {
  checkTangents("hvp", [x], [v]);
  const both = differentiated("hvp", f, 0);
  return pushForward((y) => both(y)[1] as Tensor, [x], [v]).tangents[0]!;
}
