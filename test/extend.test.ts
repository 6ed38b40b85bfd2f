import * as g from "@gradiente/autograd";
import { broadcastableShapes, tensors } from "@gradiente/autograd/arbitraries";
import {
  allocate,
  apply,
  defineElementwise,
  defineLinear,
  type Op,
  pointwise,
  scalar as s,
} from "@gradiente/autograd/extend";
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

  test("what is no expression, and what is no operation, is refused", () => {
    const js = { apply, allocate, defineElementwise, ...s } as unknown as Record<
      string,
      (...args: unknown[]) => unknown
    >;
    expect(() => js.defineElementwise!("bump", 1, () => 5)).toThrow(/^bump: the expression is 5, not an expression/);
    expect(() => js.defineElementwise!("bump", -1, s.exp)).toThrow(/^bump: arity is -1/);
    expect(() => js.defineElementwise!("bump", 1, null)).toThrow(/^bump: it was given null for a function/);
    expect(() => js.exp!(undefined)).toThrow(/^scalar: an operand is undefined, not an expression/);
    expect(() => js.select!(true, 1, 2)).toThrow(/^scalar: a mask is true, not an expression/);
    expect(() => js.apply!({}, [g.ones([2])], null)).toThrow(/^apply: the operation is an object, without forward/);
    expect(() => js.apply!(bumpOp, g.ones([2]), null)).toThrow(/^bump: inputs are a tensor float32\[2\]/);
    expect(() => js.apply!(bumpOp, [1, 2], null)).toThrow(/^bump: an input is 1, not a tensor/);
    expect(() => js.allocate!("float", [2])).toThrow(/^allocate: dtype is "float".*"float32"/);
    expect(() => js.allocate!("float32", [1.5])).toThrow(/^allocate: shape \[1.5\] has the length 1.5/);
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

  test("a wrong one is found out, and told what is wrong with it", () => {
    const cube = (changed: Partial<Op<null>>): ((x: g.Tensor) => g.Tensor) => {
      const op: Op<null> = {
        name: "cube",
        forward: ([x]) => g.noGrad(() => x!.pow(3)),
        saves: () => ({ inputs: [0], output: false }),
        vjp: ([cotangent], call) => cotangent!.mul(call.input(0).square().mul(3)),
        jvp: ([tangent], call) => tangent!.mul(call.input(0).square().mul(3)),
        batch: ([x]) => apply(op, [x!], null),
        ...changed,
      };
      return (x) => apply(op, [x], null);
    };
    const x = g.tensor([1, 2], { dtype: "float64", requiresGrad: true });
    expect(cube({})).toPassGradcheck([x]);
    const doubled = cube({ vjp: ([cotangent], call) => cotangent!.mul(call.input(0).square().mul(2)) });
    expect(() => g.gradcheck(doubled, [x])).toThrow(
      /2 of 8 derivatives differ\n {2}reverse: .*analytic 2, numerical 2\.99/,
    );
    expect(() => expect(doubled).toPassGradcheck([x])).toThrow(/analytic 8, numerical 12\.0/);
    const forgetful = cube({ saves: () => ({ inputs: [], output: false }) });
    expect(() => forgetful(x).sum().backward()).toThrow(/input 0 of cube is not there: .*does not save.*saves/);
    const summed = cube({ vjp: ([cotangent]) => cotangent!.sum() });
    expect(() => summed(x).sum().backward()).toThrow(
      /cube: the cotangent is float64\[\] where the value was float64\[2\]/,
    );
    expect(() => pointwise(bumpOp, "float", [1])).toThrow(/bump: there are 1 operands for 2/);
  });

  test("may be an object of a class, whose rules read what it holds", () => {
    class Scaled implements Op<null> {
      readonly name = "scaled";
      readonly factor = 3;
      forward([x]: readonly g.Tensor[]): g.Tensor {
        return g.noGrad(() => x!.mul(this.factor));
      }
      saves() {
        return { inputs: [], output: false };
      }
      vjp([cotangent]: readonly g.Tensor[]): g.Tensor {
        return cotangent!.mul(this.factor);
      }
      jvp([tangent]: readonly (g.Tensor | null)[]): g.Tensor {
        return tangent!.mul(this.factor);
      }
      batch([x]: readonly g.Tensor[]): g.Tensor {
        return apply(this, [x!], null);
      }
    }
    const x = g.tensor([1, 2], { dtype: "float64", requiresGrad: true });
    const scaled = new Scaled();
    expect((y: g.Tensor) => apply(scaled, [y], null)).toPassGradcheck([x]);
    apply(scaled, [x], null).sum().backward();
    expect(x.grad!.toArray()).toEqual([3, 3]);
  });

  test("a check that compares nothing does not pass", () => {
    const whole = g.tensor([1], { dtype: "int32" });
    expect(() => g.gradcheck((x) => x.neg(), [whole])).toThrow(/no input is floating-point/);
    expect(() => g.gradcheck((x) => x.argmax(), [g.tensor([1], { dtype: "float64" })])).toThrow(
      /no result is floating/,
    );
  });
});
