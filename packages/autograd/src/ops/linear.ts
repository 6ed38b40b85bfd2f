import { type Op, savesNothing } from "../op.ts";
import type { Shape } from "../shape.ts";
import { apply } from "../tape.ts";
import type { Tensor } from "../tensor.ts";

/**
 * An operation that is linear in its one input: stated by what it does and by its transpose, from which both
 * derivatives follow.
 * @param batch does it to every member of a batch, along the first axis.
 * @param transpose takes a cotangent of the output to one of the input, whose shape is given.
 */
export function defineLinear<P>(
  name: string,
  forward: (x: Tensor, params: P) => Tensor,
  transpose: (cotangent: Tensor, params: P, shape: Shape) => Tensor,
  batch: (x: Tensor, params: P) => Tensor,
): Op<P> {
  const op: Op<P> = {
    name,
    forward: ([x], params) => forward(x!, params),
    saves: () => savesNothing,
    vjp: ([cotangent], { params, shapes }) => transpose(cotangent!, params, shapes[0]!),
    jvp: ([tangent], { params }) => apply(op, [tangent!], params),
    batch: ([x], _, params) => batch(x!, params),
  };
  return op;
}
