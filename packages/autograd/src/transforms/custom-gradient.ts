import { gradients } from "../backward.ts";
import { ArgumentError } from "../errors.ts";
import { foreign, type Op, savesAll } from "../op.ts";
import { zerosLike } from "../ops/index.ts";
import { withRecording } from "../recording.ts";
import { apply } from "../tape.ts";
import { type Tensor, tensorIn } from "../tensor.ts";
import { alias } from "./grad.ts";
import { vmap } from "./vmap.ts";

/** A function with its own derivative. */
export interface CustomGradient {
  /** The value. What it does is not differentiated. */
  readonly forward: (...inputs: Tensor[]) => Tensor;
  /**
   * The gradients, one per input, of its shape and dtype; null for none. Written with operations of this package, it
   * can be differentiated again.
   */
  readonly backward: (cotangent: Tensor, context: CustomContext) => Tensor | null | readonly (Tensor | null)[];
}

/** What {@link CustomGradient.backward} may use. */
export interface CustomContext {
  readonly inputs: readonly Tensor[];
  readonly output: Tensor;
}

function customOp(arity: number, { forward, backward }: CustomGradient): Op<null> {
  const saved = savesAll(arity);
  const rule = (cotangent: Tensor, inputs: readonly Tensor[], output: Tensor): readonly (Tensor | null)[] => {
    const result = backward(cotangent, { inputs, output });
    const list = Array.isArray(result) ? (result as readonly (Tensor | null)[]) : [result as Tensor | null];
    if (list.length === arity) {
      list.forEach((gradient, i) => {
        if (gradient !== null) tensorIn("customGradient", `gradient ${i} that backward gave`, gradient);
      });
      return list;
    }
    throw new ArgumentError({
      op: "customGradient",
      message: `backward gave ${list.length} gradients for ${arity} inputs`,
      operands: inputs,
    });
  };
  const pulled = new WeakMap<object, { cotangent: Tensor; gradients: readonly (Tensor | null)[] }>();
  const indices = Array.from({ length: arity }, (_, i) => i);
  const op: Op<null> = {
    name: "customGradient",
    forward: (inputs) => {
      const value = withRecording(false, () => forward(...inputs));
      return tensorIn("customGradient", "the value of forward", value).clone();
    },
    saves: () => saved,
    vjp: ([cotangent], call, index) => {
      // The user's rule gives all gradients at once; the engine asks for one after the other.
      let known = pulled.get(call);
      if (known?.cotangent !== cotangent) {
        const inputs = indices.map((i) => call.input(i));
        known = { cotangent: cotangent!, gradients: rule(cotangent!, inputs, call.output()) };
        pulled.set(call, known);
      }
      if (index === arity - 1) pulled.delete(call);
      return known!.gradients[index]!;
    },
    // The rule is linear in the cotangent: its transpose is the push-forward.
    jvp: (tangents, call) =>
      withRecording(true, () => {
        const output = call.output();
        const cotangent = alias("customGradient", zerosLike(output));
        const gradientsOf = rule(
          cotangent,
          indices.map((i) => call.input(i)),
          output,
        );
        const used = indices.filter((i) => tangents[i] && gradientsOf[i]?.node);
        if (used.length === 0) return null;
        const options = { cotangents: used.map((i) => tangents[i]!), createGraph: true };
        const roots = used.map((i) => gradientsOf[i]!);
        return gradients(roots, [cotangent], options)[0]!;
      }),
    batch: (inputs, batched) => {
      const inAxes = batched.map((b) => (b ? 0 : null));
      const all = customOp(arity, {
        forward: vmap(forward, { inAxes }),
        backward: (cotangent, context) => {
          const each = vmap(
            (ct: Tensor, y: Tensor, ...xs: Tensor[]) =>
              rule(ct, xs, y).map((gradient, i) => gradient ?? zerosLike(xs[i]!)),
            { inAxes: [0, 0, ...inAxes] },
          )(cotangent, context.output, ...context.inputs);
          return each.map((gradient, i) => (batched[i] ? gradient : gradient.sum({ axis: 0 })));
        },
      });
      return apply(all, inputs, null);
    },
  };
  return foreign(op);
}

/**
 * A function whose derivative is given rather than found: for numerically better formulas, straight-through
 * estimators, clipped gradients. All inputs are tensors.
 *
 * @param rules `forward` and `backward`, as {@link CustomGradient} describes them.
 * @throws {ArgumentError} when one of them is no function, or `backward` gives too few gradients or other than tensors.
 *
 * @example
 * ```ts
 * const roundStraightThrough = customGradient({ forward: (x) => x.round(), backward: (cotangent) => cotangent });
 * grad((x) => roundStraightThrough(x).mul(3))(tensor(1.7)); // 3
 * ```
 */
export function customGradient(rules: CustomGradient): (...inputs: Tensor[]) => Tensor {
  if (typeof rules !== "object" || rules === null) {
    throw new ArgumentError({ op: "customGradient", message: "there are no rules", hint: "{ forward, backward }" });
  }
  for (const name of ["forward", "backward"] as const) {
    if (typeof rules[name] === "function") continue;
    throw new ArgumentError({
      op: "customGradient",
      message: `${name} is ${typeof rules[name]}, not a function`,
      hint: "write customGradient({ forward: (x) => …, backward: (cotangent, { inputs, output }) => … })",
    });
  }
  const ops = new Map<number, Op<null>>();
  return (...inputs) => {
    for (const x of inputs) tensorIn("customGradient", "an argument", x);
    let op = ops.get(inputs.length);
    if (op === undefined) {
      op = customOp(inputs.length, rules);
      ops.set(inputs.length, op);
    }
    return apply(op, inputs, null);
  };
}
