import * as g from "@gradiente/autograd";
import { broadcastableShapes, tensors } from "@gradiente/autograd/arbitraries";
import { apply, defineElementwise, defineLinear, type Op, pointwise, scalar as s } from "@gradiente/autograd/extend";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

expect.extend(g.gradcheckMatchers);
declare module "vitest" {
  interface Assertion {
    toPassGradcheck(inputs: readonly g.Tensor[]): void;
    toPassGradgradcheck(inputs: readonly g.Tensor[]): void;
  }
}

describe("operations added from outside the package", () => {
  // Stated as a scalar expression: kernel, both derivatives of every order and batching follow.
  const bumpOp = defineElementwise("bump", 2, (x, y) => s.exp(s.neg(s.mul(s.square(x), s.square(y)))));
  const bump = (x: g.TensorLike, y: g.TensorLike): g.Tensor => pointwise(bumpOp, "float", [x, y]);

  test("an elementwise one", () => {
    const operands = broadcastableShapes(2).chain((shapes) => fc.tuple(...shapes.map((shape) => tensors({ shape }))));
    fc.assert(
      fc.property(operands, (inputs) => {
        const f = (...xs: g.Tensor[]): g.Tensor => bump(xs[0]!, xs[1]!);
        expect(f).toPassGradcheck(inputs);
        expect(f).toPassGradgradcheck(inputs);
      }),
      { numRuns: 20 },
    );
    expect(
      g
        .vmap((x) => bump(x, 2))(g.tensor([0, 0]))
        .toArray(),
    ).toEqual([1, 1]);
  });

  // Stated by what it does and by its transpose.
  const mirrorOp: Op<null> = defineLinear(
    "mirror",
    (x) => g.noGrad(() => g.add(x, g.flip(x, -1))),
    (cotangent) => mirror(cotangent),
    (x) => mirror(x),
  );
  const mirror = (x: g.Tensor): g.Tensor => apply(mirrorOp, [x], null);

  test("a linear one", () => {
    const f = (x: g.Tensor): g.Tensor => mirror(x).square();
    fc.assert(
      fc.property(tensors({ shape: [2, 3] }), (x) => {
        expect(f).toPassGradcheck([x]);
        expect(f).toPassGradgradcheck([x]);
      }),
      { numRuns: 10 },
    );
    expect(
      g
        .vmap(mirror)(g.tensor([[1, 2]]))
        .toArray(),
    ).toEqual([[3, 3]]);
  });
});
