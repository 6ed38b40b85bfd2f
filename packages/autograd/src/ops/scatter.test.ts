import { expect, test } from "vitest";
import * as g from "../index.ts";

const f64 = (data: g.TensorLike): g.Tensor => g.tensor(data, { dtype: "float64" });

test("scatterReduce of products is differentiated where factors are 0", () => {
  const places = g.tensor([1, 1, 0, 1], { dtype: "int32" });
  const f = (x: g.Tensor, v: g.Tensor): g.Tensor => g.scatterReduce(x, places, v, { reduce: "prod" });
  const [x, v] = [f64([2, 5, 7]), f64([3, 0, 4, 6])];
  expect(f(x, v).toArray()).toEqual([8, 0, 7]);
  const [dx, dv] = g.grad((a: g.Tensor, b: g.Tensor) => f(a, b).sum(), [0, 1])(x, v) as unknown as g.Tensor[];
  expect(dx!.toArray()).toEqual([4, 0, 1]);
  expect(dv!.toArray()).toEqual([0, 90, 2, 0]);
  // ∂²/∂v₀∂v₁ of x₁·v₀·v₁·v₃.
  const second = g.hessian((b: g.Tensor) => f(x, b).sum())(v);
  expect(second.at(0, 1).item()).toBe(30);
  expect(second.at(0, 3).item()).toBe(0);
  const alone = g.scatterReduce(x, places, v, { reduce: "prod", includeSelf: false });
  expect(alone.toArray()).toEqual([4, 0, 7]);
});

test("scatterReduce refuses unknown reductions, and leaves alone what nothing falls on", () => {
  const none = g.zeros([0], { dtype: "int32" });
  for (const reduce of ["sum", "mean", "prod", "amax", "amin"] as const) {
    expect(g.scatterReduce([1, 2], none, g.zeros([0]), { reduce }).toArray()).toEqual([1, 2]);
  }
  expect(() => g.scatterReduce([1], [0], [1], { reduce: "max" as "amax" })).toThrow(/did you mean "amax"/);
});
