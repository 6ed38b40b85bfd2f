import { describe, expect, test } from "vitest";
import * as g from "../index.ts";

const f64 = (value: g.NestedArray): g.Tensor => g.tensor(value, { dtype: "float64" });
const close = (x: g.Tensor, expected: g.NestedArray): void => {
  const y = f64(expected);
  expect(x.shape).toEqual(y.shape);
  expect(Math.max(0, ...Array.from(x.sub(y).abs().data))).toBeLessThan(1e-9);
};
const xex = (x: g.Tensor): g.Tensor => x.mul(x.exp());
const [e, at] = [Math.exp(0.3), f64(0.3)];

describe("second derivatives of x·eˣ at 0.3, every way round", () => {
  const push = (f: (x: g.Tensor) => g.Tensor) => (x: g.Tensor) => g.jvp(f, [x], [g.onesLike(x)])[1];
  const expected = 2.3 * e;
  test("reverse over reverse", () => close(g.grad(g.grad(xex))(at), expected));
  test("forward over reverse", () => close(push(g.grad(xex))(at), expected));
  test("reverse over forward", () => close(g.grad(push(xex))(at), expected));
  test("forward over forward", () => close(push(push(xex))(at), expected));
  test("third, mixed", () => {
    close(g.grad(push(g.grad(xex)))(at), 3.3 * e);
    close(push(g.grad(push(xex)))(at), 3.3 * e);
    close(g.grad(g.grad(push(xex)))(at), 3.3 * e);
    close(push(push(g.grad(xex)))(at), 3.3 * e);
  });
  test("under vmap", () => {
    const points = f64([0.3, 1]);
    const values = [2.3 * e, 3 * Math.E];
    close(g.vmap(g.grad(g.grad(xex)))(points), values);
    close(g.vmap(push(g.grad(xex)))(points), values);
    close(g.grad((x) => g.vmap(g.grad(xex))(x).sum())(points), values);
    close(push(g.vmap(g.grad(xex)))(points), values);
  });
});

describe("perturbation confusion", () => {
  // d/dx [x · d/dy (x + y)] = 1, which engines that confuse the two levels make 2.
  const inner = {
    reverse: (x: g.Tensor): g.Tensor => g.grad((y) => x.add(y))(f64(1)),
    forward: (x: g.Tensor): g.Tensor => g.jvp((y) => x.add(y), [f64(1)], [f64(1)])[1],
  };
  test.each(Object.entries(inner))("inner %s", (_, d) => {
    const f = (x: g.Tensor): g.Tensor => x.mul(d(x));
    close(g.grad(f)(f64(1)), 1);
    close(g.jvp(f, [f64(1)], [f64(1)])[1], 1);
  });
  test("inner derivative of the same variable", () => {
    // d/dx [x² · d/dx x³] = d/dx 3x⁴ = 12x³
    const f = (x: g.Tensor): g.Tensor => x.square().mul(g.grad((y) => y.pow(3))(x));
    close(g.grad(f)(f64(2)), 96);
    close(g.jvp(f, [f64(2)], [f64(1)])[1], 96);
    close(g.vmap(g.grad(f))(f64([1, 2])), [12, 96]);
  });
});

test("grad over nested arrays and objects", () => {
  const params = { layers: [{ w: f64([[1, 2]]), b: f64([3]) }], scale: f64(2), name: "net" };
  const loss = (p: typeof params, x: g.Tensor): g.Tensor =>
    p.layers[0]!.w.matmul(x).add(p.layers[0]!.b).mul(p.scale).sum();
  const found = g.grad(loss)(params, f64([5, 7]));
  close(found.layers[0]!.w, [[10, 14]]);
  close(found.layers[0]!.b, [2]);
  close(found.scale, 22);
  expect(found.name).toBe("net");
});

test("vjp, linearize, jacobian and hessian", () => {
  const f = (x: g.Tensor): g.Tensor => x.square().mul(f64([[1], [2], [3]]));
  const x = f64([2, 3]);
  const full = [
    [
      [4, 0],
      [0, 6],
    ],
    [
      [8, 0],
      [0, 12],
    ],
    [
      [12, 0],
      [0, 18],
    ],
  ];
  for (const mode of ["auto", "forward", "reverse"] as const) close(g.jacobian(f, { mode })(x), full);
  const [y, push] = g.linearize(f, x);
  expect(y.shape).toEqual([3, 2]);
  close(push(f64([1, 0])), [
    [4, 0],
    [8, 0],
    [12, 0],
  ]);
  close(push(f64([0, 1])), [
    [0, 6],
    [0, 12],
    [0, 18],
  ]);
  const [, pullBack] = g.vjp(f, x);
  close(pullBack(g.ones([3, 2], { dtype: "float64" }))[0]!, [24, 36]);
  const cubic = (v: g.Tensor): g.Tensor =>
    v
      .pow(3)
      .sum()
      .add(v.select(0, 0).mul(v.select(0, 1)));
  close(g.hessian(cubic)(x), [
    [12, 1],
    [1, 18],
  ]);
  close(g.hvp(cubic, x, f64([1, 1])), [13, 19]);
  close(g.jacobian(g.hessian((v) => v.pow(3).sum()))(f64([1])), [[[6]]]);
});

test("vmap with axes, nested, and over shared arguments", () => {
  const a = f64([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  close(g.vmap((row) => row.sum())(a), [6, 15]);
  close(g.vmap((column) => column.sum(), { inAxes: 1 })(a), [5, 7, 9]);
  const outer = g.vmap((x) => g.vmap((y) => x.mul(y))(f64([1, 10])))(f64([1, 2]));
  close(outer, [
    [1, 10],
    [2, 20],
  ]);
  expect(g.vmap((x) => x, { outAxes: 1 })(a).shape).toEqual([3, 2]);
  expect(() => g.vmap((x, y) => x.add(y))(f64([1, 2]), f64([1, 2, 3]))).toThrow(/different lengths: 2, 3/);
  expect(() => g.vmap((x) => (x.item() > 0 ? x : x.neg()))(f64([1]))).toThrow(/no elements to read/);
});

test("per-example gradients", () => {
  const w = f64([1, 2]);
  const loss = (v: g.Tensor, x: g.Tensor): g.Tensor => v.mul(x).sum().square();
  close(
    g.vmap(g.grad(loss), { inAxes: [null, 0] })(
      w,
      f64([
        [1, 0],
        [0, 1],
      ]),
    ),
    [
      [2, 0],
      [0, 4],
    ],
  );
});

describe("customGradient", () => {
  const tripled = g.customGradient({ forward: (x) => x.square(), backward: (c, { inputs: [x] }) => c.mul(x!).mul(3) });
  test("uses its own rule, to second order, in both modes and under vmap", () => {
    close(g.grad(tripled)(f64(2)), 6);
    close(g.grad(g.grad(tripled))(f64(2)), 3);
    close(g.jvp(tripled, [f64(2)], [f64(1)])[1], 6);
    close(g.vmap(g.grad(tripled))(f64([1, 2])), [3, 6]);
    close(g.jvp(g.grad(tripled), [f64(2)], [f64(1)])[1], 3);
  });
  test("gives several gradients, and refuses a wrong number", () => {
    const f = g.customGradient({ forward: (x, y) => x.mul(y), backward: (c) => [c.mul(10), null] });
    expect(
      g
        .grad(f, [0, 1])(f64(1), f64(2))
        .map((x) => x.item()),
    ).toEqual([10, 0]);
    const wrong = g.customGradient({ forward: (x, y) => x.mul(y), backward: (c) => c });
    expect(() => g.grad(wrong)(f64(1), f64(2))).toThrow(/1 gradients for 2 inputs/);
  });
});

describe("checkpoint", () => {
  test("computes inner steps again, and reaches captured tensors", () => {
    let calls = 0;
    const w = g.tensor(3, { dtype: "float64", requiresGrad: true });
    const x = g.tensor(2, { dtype: "float64", requiresGrad: true });
    const y = g.checkpoint((v) => {
      calls++;
      return v.square().mul(w).sin();
    }, x);
    expect(calls).toBe(1);
    y.mul(2).backward();
    expect(calls).toBe(2);
    expect(w.grad!.item()).toBeCloseTo(8 * Math.cos(12));
    expect(x.grad!.item()).toBeCloseTo(24 * Math.cos(12));
  });
  test("second derivatives, forward mode and vmap", () => {
    const f = (x: g.Tensor): g.Tensor => g.checkpoint(xex, x);
    close(g.grad(g.grad(f))(at), 2.3 * e);
    close(g.jvp(g.grad(f), [at], [f64(1)])[1], 2.3 * e);
    close(g.vmap(g.grad(f))(f64([0.3])), [1.3 * e]);
  });
});
