import { dependsOnOthers, gradients } from "../backward.ts";
import { isFloat } from "../dtype.ts";
import { ArgumentError, GradientError } from "../errors.ts";
import { viewOf } from "../launch.ts";
import { apply, isRecording, leaf, type Op, savesNothing, withRecording } from "../tape.ts";
import type { Tensor } from "../tensor.ts";

const aliasOp: Op<null> = {
  name: "alias",
  forward: ([x]) => viewOf(x!, x!.shape, x!.strides),
  saves: () => savesNothing,
  vjp: ([cotangent]) => cotangent!,
  jvp: ([tangent]) => tangent!,
};

/**
 * Another handle on the same elements with a place of its own on the tape, so that derivatives with respect to it are
 * not confused with those of a surrounding differentiation with respect to `x`.
 */
export function alias(op: string, x: Tensor): Tensor {
  if (!isFloat(x.dtype)) {
    throw new GradientError({
      op,
      message: "only floating-point tensors have gradients",
      operands: [x],
      hint: 'cast(x, "float32")',
    });
  }
  const handle = apply(aliasOp, [x], null);
  if (handle.node === null) handle.node = leaf(handle);
  return handle;
}

/**
 * A function that gives the value of `f` and its gradient.
 *
 * @param f has a result of size 1.
 * @param argnums the argument to differentiate with respect to, or several. Default: the first.
 * @returns a function of the same arguments giving `[value, gradient]`, the gradient a list when `argnums` is one.
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
export function valueAndGrad<Args extends Tensor[]>(
  f: (...args: Args) => Tensor,
  argnums: number | readonly number[] = 0,
): (...args: Args) => [Tensor, Tensor | Tensor[]] {
  const indices = typeof argnums === "number" ? [argnums] : argnums;
  return (...args) => {
    const outer = isRecording();
    return withRecording(true, () => {
      const inputs = [...args] as Args;
      const aliases = indices.map((i) => {
        const x = args[i];
        if (x === undefined) throw new ArgumentError({ op: "grad", message: `there is no argument ${i}` });
        const handle = alias("grad", x);
        inputs[i] = handle;
        return handle;
      });
      const value = f(...inputs);
      if (value.size !== 1) {
        throw new GradientError({
          op: "grad",
          message: "the function's result is not a scalar",
          operands: [value],
          hint: "reduce it, for example with sum(); jacobian() differentiates every element",
        });
      }
      // A surrounding differentiation sees through the results; where there is none, they carry no graph.
      const createGraph = outer && value.node !== null && dependsOnOthers([value], aliases);
      const found =
        value.node === null ? aliases.map((x) => x.mul(0).detach()) : gradients(value, aliases, { createGraph });
      const result = typeof argnums === "number" ? found[0]! : found;
      return [createGraph ? value : value.detach(), result];
    });
  };
}

/**
 * A function that gives the gradient of `f`. Gradients nest: `grad(grad(f))` is the second derivative.
 *
 * @param f has a result of size 1.
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
export function grad<Args extends Tensor[]>(
  f: (...args: Args) => Tensor,
  argnums: number | readonly number[] = 0,
): (...args: Args) => Tensor | Tensor[] {
  const both = valueAndGrad(f, argnums as number);
  return (...args) => both(...args)[1];
}
