import { gradients } from "../backward.ts";
import { isFloat } from "../dtype.ts";
import { ArgumentError, checkFunction, checkInteger, GradientError } from "../errors.ts";
import { viewOf } from "../launch.ts";
import { type Op, savesNothing } from "../op.ts";
import { isRecording, withRecording } from "../recording.ts";
import { listOf } from "../shape.ts";
import { dependsOnOthers } from "../survey.ts";
import { apply, leaf } from "../tape.ts";
import { type Tensor, tensorIn } from "../tensor.ts";
import { leavesOf, mapTree } from "./tree.ts";

const aliasOp: Op<null> = {
  name: "alias",
  forward: ([x]) => viewOf(x!, x!.shape, x!.strides),
  saves: () => savesNothing,
  vjp: ([cotangent]) => cotangent!,
  jvp: ([tangent]) => tangent!,
  batch: ([x]) => apply(aliasOp, [x!], null),
};

/** @throws {GradientError} unless `x`, which errors call `what`, is a tensor of floats. */
export function checkDifferentiable(op: string, what: string, x: Tensor): void {
  tensorIn(op, what, x);
  if (isFloat(x.dtype)) return;
  throw new GradientError({
    op,
    message: "only floating-point tensors have gradients",
    operands: [x],
    hint: 'cast(x, "float32")',
  });
}

/**
 * Another handle on the same elements with a place of its own on the tape, so that derivatives with respect to it are
 * not confused with those of a surrounding differentiation with respect to `x`.
 */
export function alias(op: string, x: Tensor): Tensor {
  checkDifferentiable(op, "an argument", x);
  const handle = apply(aliasOp, [x], null);
  if (handle.node === null) handle.node = leaf(handle);
  return handle;
}

/** A handle without a place on the tape, through which transformations still see. */
export function withoutNode(x: Tensor): Tensor {
  return withRecording(false, () => apply(aliasOp, [x], null));
}

/**
 * Whether a surrounding differentiation may ask about derivatives of `roots` with respect to `targets`, so that the
 * backward pass must itself be recorded. Where there is none, results carry no graph.
 */
export function seenFromOutside(roots: readonly Tensor[], targets: readonly Tensor[]): boolean {
  return (
    [...roots, ...targets].some((x) => x.trace !== null) ||
    dependsOnOthers(
      roots.filter((y) => y.node !== null),
      targets,
    )
  );
}

/**
 * A function that gives the value of `f` and its gradient.
 *
 * @param f has a result of size 1. Its arguments may be tensors, or arrays and objects of tensors, nested.
 * @param argnums the argument to differentiate with respect to, or several. Default: the first.
 * @returns a function of the same arguments giving `[value, gradient]`, the gradient built like the argument, and a
 *   list when `argnums` is one.
 * @throws {GradientError} when an argument that is differentiated is not floating-point, or the result is not a scalar.
 *
 * @example
 * ```ts
 * valueAndGrad((x) => x.square().sum())(tensor([1, 2])); // [5, [2, 4]]
 * ```
 */
export function valueAndGrad<Args extends Tensor[]>(
  f: (...args: Args) => Tensor,
  argnums?: number,
): (...args: Args) => [value: Tensor, gradient: Tensor];
export function valueAndGrad<Args extends Tensor[]>(
  f: (...args: Args) => Tensor,
  argnums: readonly number[],
): (...args: Args) => [value: Tensor, gradients: Tensor[]];
export function valueAndGrad<Args extends unknown[], N extends number = 0>(
  f: (...args: Args) => Tensor,
  argnums?: N,
): (...args: Args) => [value: Tensor, gradient: Args[N]];
export function valueAndGrad<Args extends unknown[]>(
  f: (...args: Args) => Tensor,
  argnums: readonly number[],
): (...args: Args) => [value: Tensor, gradients: Args[number][]];
export function valueAndGrad(
  f: (...args: never[]) => Tensor,
  argnums: number | readonly number[] = 0,
): (...args: unknown[]) => [Tensor, unknown] {
  return differentiated("valueAndGrad", f, argnums);
}

/** {@link valueAndGrad} for `op`, which errors name. */
export function differentiated(
  op: string,
  f: (...args: never[]) => Tensor,
  argnums: number | readonly number[],
): (...args: unknown[]) => [Tensor, unknown] {
  checkFunction(op, f);
  const indices = typeof argnums === "number" ? [argnums] : listOf(op, "argnums", argnums);
  for (const index of indices) checkInteger(op, "an argument's number", index, 0);
  return (...args) => {
    const outer = isRecording();
    return withRecording(true, () => {
      const inputs = [...args];
      const trees = indices.map((i) => {
        if (args[i] === undefined) throw new ArgumentError({ op: op, message: `there is no argument ${i}` });
        if (leavesOf(args[i]).length === 0) {
          throw new ArgumentError({
            op: op,
            message: `argument ${i} holds no tensor`,
            hint: "tensor(…) makes one of numbers",
          });
        }
        inputs[i] = mapTree(args[i], (x) => alias(op, x));
        return inputs[i];
      });
      const aliases = trees.flatMap(leavesOf);
      const value = tensorIn(op, "the function's result", f(...(inputs as never[])));
      if (value.size !== 1) {
        throw new GradientError({
          op: op,
          message: "the function's result is not a scalar",
          operands: [value],
          hint: "reduce it, for example with sum(); jacobian() differentiates every element",
        });
      }
      const createGraph = outer && seenFromOutside([value], aliases);
      const found =
        value.node === null ? aliases.map((x) => withoutNode(x.mul(0))) : gradients(value, aliases, { createGraph });
      let at = 0;
      const built = trees.map((tree) => mapTree(tree, () => found[at++]!));
      return [createGraph ? value : withoutNode(value), typeof argnums === "number" ? built[0] : built];
    });
  };
}

/**
 * A function that gives the gradient of `f`. Gradients nest: `grad(grad(f))` is the second derivative.
 *
 * @param f has a result of size 1. Its arguments may be tensors, or arrays and objects of tensors, nested.
 * @param argnums the argument to differentiate with respect to, or several. Default: the first.
 * @throws {GradientError} when an argument that is differentiated is not floating-point, or the result is not a scalar.
 *
 * @example
 * ```ts
 * grad((x) => x.pow(3).sum())(tensor([1, 2])); // [3, 12]
 * grad(grad((x) => x.pow(3)))(tensor(2)); // 12
 * ```
 */
export function grad<Args extends Tensor[]>(f: (...args: Args) => Tensor, argnums?: number): (...args: Args) => Tensor;
export function grad<Args extends Tensor[]>(
  f: (...args: Args) => Tensor,
  argnums: readonly number[],
): (...args: Args) => Tensor[];
export function grad<Args extends unknown[], N extends number = 0>(
  f: (...args: Args) => Tensor,
  argnums?: N,
): (...args: Args) => Args[N];
export function grad<Args extends unknown[]>(
  f: (...args: Args) => Tensor,
  argnums: readonly number[],
): (...args: Args) => Args[number][];
export function grad(
  f: (...args: never[]) => Tensor,
  argnums: number | readonly number[] = 0,
): (...args: unknown[]) => unknown {
  const both = differentiated("grad", f, argnums);
  return (...args) => both(...args)[1];
}
