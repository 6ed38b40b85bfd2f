import { beforeAll, describe, expect, test } from "vitest";
import * as g from "../index.ts";

// Second derivatives against what calculus says, both modes in every combination, on both backends.

type T = g.Tensor;
const f64 = (data: g.TensorLike): T => g.tensor(data, { dtype: "float64" });
const ones = (x: T): T => g.onesLike(x);
const push = (f: (x: T) => T) => (x: T) => g.jvp(f, [x], [ones(x)])[1];

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const sech2 = (x: number): number => 1 / Math.cosh(x) ** 2;

/** Functions of a number, and their second derivatives. */
const scalar: Readonly<Record<string, readonly [(x: T) => T, (x: number) => number]>> = {
  x·eˣ: [(x) => x.mul(x.exp()), (x) => (x + 2) * Math.exp(x)],
  "sigmoid(x)·x": [(x) => x.sigmoid().mul(x), (x) => sigmoid(x) * (1 - sigmoid(x)) * (2 + x * (1 - 2 * sigmoid(x)))],
  "x·tanh x": [(x) => x.mul(x.tanh()), (x) => 2 * sech2(x) * (1 - x * Math.tanh(x))],
};

/** Functions of a vector to a number, and their Hessians. */
const point = [0.3, -1.2, 0.7, 2];
const p = ((e) => e.map((v) => v / e.reduce((a, b) => a + b)))(point.map(Math.exp)) as number[];
const delta = (i: number, j: number): number => Number(i === j);
const matrix = (f: (j: number, k: number) => number): number[][] => point.map((_, j) => point.map((_, k) => f(j, k)));
const vector: Readonly<Record<string, readonly [(x: T) => T, number[][]]>> = {
  logSumExp: [(x) => g.logSumExp(x), matrix((j, k) => p[j]! * (delta(j, k) - p[k]!))],
  "softmax, its third element": [
    (x) => g.softmax(x).select(0, 2),
    matrix((j, k) => p[2]! * ((delta(2, j) - p[j]!) * (delta(2, k) - p[k]!) - p[j]! * (delta(j, k) - p[k]!))),
  ],
  "logSoftmax, its first element": [
    (x) => g.logSoftmax(x).select(0, 0),
    matrix((j, k) => -p[j]! * (delta(j, k) - p[k]!)),
  ],
  // Windows [0.3, -1.2] and [0.7, 2]: the cube of the larger of each.
  maxPool: [
    (x) =>
      g
        .maxPool(x.reshape([1, 4, 1]), { size: 2 })
        .pow(3)
        .sum(),
    matrix((j, k) => (j === k && (j === 0 || j === 3) ? 6 * point[j]! : 0)),
  ],
};

describe.each(["reference", "wasm"] as const)("second derivatives on %s", (backend) => {
  beforeAll(() => g.setBackend(backend));

  test.each(Object.entries(scalar))("%s", (_, [f, expected]) => {
    const ways = [
      g.grad(g.grad(f)),
      push(g.grad(f)),
      g.grad(push(f)),
      push(push(f)),
      g.vmap(g.grad(g.grad(f))),
      g.hessian(f),
    ];
    for (const x of [-3, -0.4, 0, 0.3, 2]) {
      for (const [i, second] of ways.entries()) {
        const found = i === 4 ? second(f64([x])) : second(f64(x));
        expect(found.item()).toBeCloseTo(expected(x), 12);
      }
    }
  });

  test.each(Object.entries(vector))("%s", (_, [f, expected]) => {
    const x = f64(point);
    const rows = (d: (v: T) => T): T => g.stack(point.map((_, i) => d(f64(point.map((_, k) => delta(i, k))))));
    const ways = [
      g.hessian(f)(x),
      g.jacobian(g.grad(f), { mode: "reverse" })(x),
      g.jacobian(g.jacobian(f, { mode: "forward" }), { mode: "forward" })(x),
      g.jacobian(g.jacobian(f, { mode: "forward" }), { mode: "reverse" })(x),
      rows((v) => g.hvp(f, x, v)),
    ];
    for (const found of ways) {
      expect(found.sub(f64(expected)).abs().max().item()).toBeLessThan(1e-13);
    }
  });

  test("a gradient penalty through a two-layer network", () => {
    // (|∂y/∂x| - 1)² for y = v·tanh(W x), by the weights: what calculus gives.
    const [w, v, x] = [
      f64([
        [0.5, -0.3],
        [0.8, 0.2],
        [-0.6, 0.9],
      ]),
      f64([0.7, -1.1, 0.4]),
      f64([0.2, -0.5]),
    ];
    const penalty = (a: T, b: T): T => {
      const slope = g.grad((u: T) => a.matmul(u).tanh().mul(b).sum())(x);
      return slope.square().sum().sqrt().sub(1).square();
    };
    const [dw, dv] = g.grad(penalty, [0, 1])(w, v) as [T, T];
    const h = w.matmul(x).tanh();
    const d = g.sub(1, h.square());
    const slope = w.transpose().matmul(v.mul(d));
    const norm = slope.square().sum().sqrt();
    const outer = slope.mul(norm.sub(1).mul(2).div(norm));
    const along = w.matmul(outer);
    const expectedV = along.mul(d);
    const turned = along.mul(v).mul(h).mul(d).mul(-2);
    const expectedW = g.outer(v.mul(d), outer).add(g.outer(turned, x));
    expect(dv.sub(expectedV).abs().max().item()).toBeLessThan(1e-13);
    expect(dw.sub(expectedW).abs().max().item()).toBeLessThan(1e-13);
  });
});
