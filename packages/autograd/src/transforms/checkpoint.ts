import { gradients } from "../backward.ts";
import { checkFunction } from "../errors.ts";
import { viewOf } from "../launch.ts";
import { foreign, type Op, savesAll } from "../op.ts";
import { zeros } from "../ops/index.ts";
import { isRecording, withRecording } from "../recording.ts";
import { apply } from "../tape.ts";
import { type Tensor, tensorIn } from "../tensor.ts";
import { capturedBy } from "./captured.ts";
import { alias } from "./grad.ts";

interface CheckpointParams {
  readonly f: (...args: Tensor[]) => Tensor;
  readonly value: Tensor;
  /** How many of the inputs are arguments; the others are recorded tensors that `f` uses besides. */
  readonly arity: number;
  computed: { readonly cotangent: Tensor; readonly gradients: readonly Tensor[] } | null;
}

const checkpointOp: Op<CheckpointParams> = foreign({
  name: "checkpoint",
  forward: (_, { value }) => viewOf(value, value.shape, value.strides),
  saves: (index, { arity }) => savesAll(Math.max(arity, index + 1)),
  vjp: ([cotangent], call, index) => {
    const { params, shapes } = call;
    if (params.computed?.cotangent !== cotangent) {
      const outer = isRecording();
      params.computed = withRecording(true, () => {
        const inputs = shapes.map((_, i) => call.input(i));
        const targets = inputs.map((x, i) => (i < params.arity && x.node !== null ? alias("checkpoint", x) : x));
        const y = params.f(...targets.slice(0, params.arity));
        const wanted = targets.filter((x) => x.node !== null);
        const found = gradients(y, wanted, { cotangents: cotangent!, createGraph: outer });
        let at = 0;
        const all = targets.map((x) => (x.node === null ? zeros([]) : found[at++]!));
        return { cotangent: cotangent!, gradients: all };
      });
    }
    const { gradients: all } = params.computed!;
    if (index === shapes.length - 1) params.computed = null;
    return all[index]!;
  },
  jvp: null,
  batch: (inputs, _, { f, arity }) => f(...inputs.slice(0, arity)),
});

/**
 * `f(...args)`, keeping nothing of its inner steps: the backward pass computes them again. Trades time for memory.
 * Gradients reach the arguments and every recorded tensor that `f` uses, such as a layer's weights.
 *
 * @param f gives the same result each time it is called with the same arguments; random numbers would differ.
 *
 * @example
 * ```ts
 * grad((x) => checkpoint((y) => y.exp().sin(), x))(tensor(0)); // 0.540302
 * ```
 */
export function checkpoint(f: (...args: Tensor[]) => Tensor, ...args: readonly Tensor[]): Tensor {
  checkFunction("checkpoint", f);
  for (const x of args) tensorIn("checkpoint", "an argument", x);
  // Forward mode and batches keep nothing anyway.
  if (!isRecording() || args.some((x) => x.trace !== null)) return f(...args);
  const { value, captured } = capturedBy(() => {
    const result = f(...args.map((x) => (x.node === null ? x : alias("checkpoint", x))));
    return tensorIn("checkpoint", "the function's result", result);
  }, args);
  if (value.trace !== null) return f(...args);
  // What depends on nothing recorded has no backward pass that could compute it again.
  if (value.node === null) return value;
  const params: CheckpointParams = { f, value: value.detach(), arity: args.length, computed: null };
  return apply(checkpointOp, [...args, ...captured], params);
}
