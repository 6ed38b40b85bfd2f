import { viewOf } from "../launch.ts";
import { zeros } from "../ops/index.ts";
import { leaf, type Node } from "../tape.ts";
import type { Tensor } from "../tensor.ts";

/**
 * The result of `body`, and the tensors recorded before it that its result depends on, besides `known` ones: handles
 * that show where they are on the tape, whose elements are not to be read.
 */
export function capturedBy(
  body: () => Tensor,
  known: readonly Tensor[],
): { readonly value: Tensor; readonly captured: readonly Tensor[] } {
  const before = leaf(zeros([])).sequence;
  const value = body();
  const seen = new Set<Node>();
  const captured = new Map<string, Tensor>();
  const stack = value.node === null ? [] : [value.node];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (seen.has(node) || node.sequence < before) continue;
    seen.add(node);
    for (const [i, parent] of node.parents.entries()) {
      if (parent === null) continue;
      const output = node.parentOutputs[i]!;
      if (parent.sequence >= before) stack.push(parent);
      else if (!known.some((x) => x.node === parent && x.outputIndex === output)) {
        const [shape, dtype] = [parent.outputShapes[output]!, parent.outputDTypes[output]!];
        const handle = viewOf(zeros([], { dtype }), shape, new Array<number>(shape.length).fill(0));
        handle.node = parent;
        handle.outputIndex = output;
        captured.set(`${parent.sequence},${output}`, handle);
      }
    }
  }
  return { value, captured: [...captured.values()] };
}
