import { gradients } from "../backward.ts";
import { checkFunction } from "../errors.ts";
import { zeros, zerosLike } from "../ops/index.ts";
import { isRecording, withRecording } from "../recording.ts";
import { type Tensor, tensorIn } from "../tensor.ts";
import { alias, seenFromOutside, withoutNode } from "./grad.ts";
import { checkTangents } from "./jvp.ts";

/**
 * The value of `f`, and the function that pulls a cotangent of it back to the arguments. The pull-back may be called
 * any number of times.
 *
 * @param primals floating-point tensors.
 * @returns `[value, pullBack]`, where `pullBack(cotangent)` gives one gradient per argument.
 *
 * @example
 * ```ts
 * const [y, pullBack] = vjp((x) => x.square(), tensor([1, 2]));
 * y; // [1, 4]
 * pullBack(tensor([1, 10])); // [[2, 40]]
 * ```
 */
export function vjp(
  f: (...inputs: Tensor[]) => Tensor,
  ...primals: readonly Tensor[]
): [value: Tensor, pullBack: (cotangent: Tensor) => Tensor[]] {
  checkFunction("vjp", f);
  const outer = isRecording();
  return withRecording(true, () => {
    const aliases = primals.map((x) => alias("vjp", x));
    const value = tensorIn("vjp", "the function's result", f(...aliases));
    const seen = seenFromOutside([value], aliases);
    const pullBack = (cotangent: Tensor): Tensor[] => {
      tensorIn("vjp", "the cotangent", cotangent);
      if (value.node === null) return primals.map(zerosLike);
      const createGraph = isRecording() && (seen || cotangent.node !== null || cotangent.trace !== null);
      return gradients(value, aliases, { cotangents: cotangent, retainGraph: true, createGraph });
    };
    return [outer && seen ? value : withoutNode(value), pullBack];
  });
}

/**
 * The value of `f` at a point, and its derivative there as a linear function of the direction: `f` is evaluated once,
 * and each direction then costs one pass. The passes transpose the recorded reverse pass, which is linear in its
 * cotangent (J. Townsend, "A new trick for calculating Jacobian vector products", 2017).
 *
 * @returns `[value, pushForward]`, where `pushForward(...tangents)` takes one direction per argument.
 *
 * @example
 * ```ts
 * const [y, pushForward] = linearize((x) => x.square(), tensor([1, 2]));
 * y; // [1, 4]
 * pushForward(tensor([1, 10])); // [2, 40]
 * ```
 */
export function linearize(
  f: (...inputs: Tensor[]) => Tensor,
  ...primals: readonly Tensor[]
): [value: Tensor, pushForward: (...tangents: Tensor[]) => Tensor] {
  checkFunction("linearize", f);
  return withRecording(true, () => {
    const aliases = primals.map((x) => alias("linearize", x));
    const value = tensorIn("linearize", "the function's result", f(...aliases));
    const seen = seenFromOutside([value], aliases);
    const cotangent = alias("linearize", zeros(value.shape, { dtype: value.dtype }));
    const pulled = value.node === null ? [] : gradients(value, aliases, { cotangents: cotangent, createGraph: true });
    const pushForward = (...tangents: Tensor[]): Tensor => {
      checkTangents("linearize", primals, tangents);
      const used = pulled.flatMap((g, i) => (g.node === null ? [] : [i]));
      if (used.length === 0) return zerosLike(value);
      const createGraph = isRecording() && (seen || tangents.some((t) => t.node !== null || t.trace !== null));
      const roots = used.map((i) => pulled[i]!);
      const cotangents = used.map((i) => tangents[i]!);
      return gradients(roots, [cotangent], { cotangents, retainGraph: true, createGraph })[0]!;
    };
    return [seen ? value : withoutNode(value), pushForward];
  });
}
