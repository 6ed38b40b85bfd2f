import * as g from "@gradiente/autograd";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cases, notDifferentiable } from "../packages/autograd/src/gradcheck/cases/index.ts";
import { Sampler } from "../packages/autograd/src/gradcheck/sampler.ts";
import * as ops from "../packages/autograd/src/ops/index.ts";

const numRuns = Number(process.env.GRADCHECK_RUNS ?? 6);
const only = process.env.GRADCHECK_OP;
const seed = Number(process.env.GRADCHECK_SEED ?? Date.now() % 2 ** 31);

const names = Object.keys(cases).filter((name) => only === undefined || name === only);

/** The same elements in another order in memory, or with gaps between them. */
function spread(x: g.Tensor, integer: (low: number, high: number) => number): g.Tensor {
  const copy = (y: g.Tensor): g.Tensor => g.tensor({ data: y.data, shape: y.shape }, { dtype: y.dtype });
  if (x.rank > 0 && integer(0, 2) > 0) {
    const axis = integer(0, x.rank - 1);
    return integer(0, 1) === 0 ? copy(x.flip(axis)).flip(axis) : copy(x.moveAxis(axis, 0)).moveAxis(0, axis);
  }
  const axis = integer(0, x.rank);
  const gap = g.full(x.shape, 7, { dtype: x.dtype });
  return copy(g.stack([gap, x, gap], { axis })).select(axis, 1);
}

describe.each(names)("%s", (name) => {
  const check = (checker: typeof g.gradcheck): void => {
    const property = fc.property(fc.gen(), (gen) => {
      const source = { integer: (low: number, high: number) => gen(fc.integer, { min: low, max: high }) };
      const { f, inputs } = cases[name]!(new Sampler(source));
      checker(f, inputs);
    });
    fc.assert(property, { numRuns, seed });
  };

  test("vmap does to every member of a batch what the operation does to one", () => {
    const property = fc.property(fc.gen(), (gen) => {
      const source = { integer: (low: number, high: number) => gen(fc.integer, { min: low, max: high }) };
      const { f, inputs } = cases[name]!(new Sampler(source));
      const others = inputs.map((x) => (source.integer(0, 2) > 0 ? x.flatten().flip().reshape(x.shape) : null));
      others[0] ??= inputs[0]!;
      const expected = [inputs, others.map((x, i) => x ?? inputs[i]!)].map((xs) => [f(...xs)].flat() as g.Tensor[]);
      const all = g.vmap((...xs: g.Tensor[]) => [f(...xs)].flat() as g.Tensor[], {
        inAxes: others.map((x) => (x === null ? null : 0)),
      })(...inputs.map((x, i) => (others[i] ? g.stack([x, others[i]]) : x)));
      for (const [k, y] of all.entries()) {
        const both = g.stack([expected[0]![k]!, expected[1]![k]!]);
        expect(y.shape).toEqual(both.shape);
        expect(g.all(g.lessEqual(y.sub(both).abs(), both.abs().mul(1e-12).add(1e-12))).item()).toBe(1);
      }
    });
    fc.assert(property, { numRuns, seed });
  });

  test("values and gradients of views are those of copies, however the elements lie", () => {
    const property = fc.property(fc.gen(), (gen) => {
      const source = { integer: (low: number, high: number) => gen(fc.integer, { min: low, max: high }) };
      const { f, inputs } = cases[name]!(new Sampler(source));
      const [expected, found] = [inputs, inputs.map((x) => spread(x, source.integer))].map((xs) => {
        const leaves = xs.map((x) => x.detach());
        const floats = leaves.filter((x) => x.dtype === "float64");
        for (const x of floats) x.requiresGrad = true;
        const results = [f(...leaves)].flat() as g.Tensor[];
        const roots = results.filter((y) => y.requiresGrad);
        if (roots.length === 0) return results;
        const cotangents = roots.map((y) => g.arange(y.size).mul(0.7).cast("float64").sin().reshape(y.shape));
        return [...results, ...g.gradients(roots, floats, { cotangents })];
      }) as [g.Tensor[], g.Tensor[]];
      expect(found.map((y) => y.shape)).toEqual(expected.map((y) => y.shape));
      for (const [k, y] of found.entries()) {
        const [a, b] = [y.data, expected[k]!.data];
        for (let i = 0; i < a.length; i++) expect(Math.abs(a[i]! - b[i]!)).toBeLessThan(1e-9 * (1 + Math.abs(b[i]!)));
      }
    });
    fc.assert(property, { numRuns, seed });
  });

  test("third derivatives are those of central differences, along a random direction", () => {
    const property = fc.property(fc.gen(), (gen) => {
      const source = { integer: (low: number, high: number) => gen(fc.integer, { min: low, max: high }) };
      const { f, inputs } = cases[name]!(new Sampler(source));
      const isSmall = inputs.reduce((sum, x) => sum + x.size, 0) <= 14;
      const floats = inputs.flatMap((x, i) => (x.dtype === "float64" ? [i] : []));
      // The gradient of a number that depends on every result, and not linearly.
      const energy = (...xs: g.Tensor[]): g.Tensor =>
        ([f(...xs)].flat() as g.Tensor[])
          .filter((y) => y.dtype === "float64")
          .reduce(
            (sum, y, k) =>
              sum.add(
                y
                  .square()
                  .mul(0.5 + 0.1 * k)
                  .sum(),
              ),
            g.zeros([], { dtype: "float64" }),
          );
      if (isSmall) g.gradgradcheck((...xs) => g.grad(energy, floats)(...xs), inputs, { fast: true });
    });
    fc.assert(property, { numRuns: 2, seed: 7 });
  });

  test("first derivatives are those of central differences", () => check(g.gradcheck));
  test("second derivatives are those of central differences", () => check(g.gradgradcheck));
});

/** Points where rules take special care, or would divide 0 by 0. */
const specialPoints: Readonly<Record<string, readonly (readonly number[])[]>> = {
  acosh: [[2]],
  asinh: [[0], [1]],
  atan2: [
    [0, 1],
    [1, 0],
  ],
  digamma: [[1], [2]],
  erf: [[0]],
  gelu: [[0]],
  hypot: [
    [0, 1],
    [1, 0],
  ],
  lgamma: [[1], [2], [3]],
  logAddExp: [
    [0, 0],
    [0, 50],
  ],
  logSigmoid: [[0]],
  mish: [[0]],
  pow: [
    [1, 0],
    [2, 0],
    [2, 1],
    [0.5, 2],
  ],
  silu: [[0]],
  sinc: [[0], [1], [2]],
  softplus: [[0]],
  tanhShrink: [[0]],
  xlogy: [
    [0, 1],
    [0, 2],
    [1, 1],
  ],
};

describe("derivatives to third order at special points", () => {
  test.each(Object.entries(specialPoints))("%s", (name, points) => {
    const f = (ops as unknown as Record<string, (...xs: g.Tensor[]) => g.Tensor>)[name]!;
    const slope = (...xs: g.Tensor[]): g.Tensor[] =>
      g.grad((...ys: g.Tensor[]) => f(...ys).sum(), [...xs.keys()])(...xs);
    for (const point of points) {
      const inputs = point.map((value) => g.tensor(value, { dtype: "float64" }));
      g.gradcheck(f, inputs);
      g.gradgradcheck(f, inputs);
      g.gradgradcheck(slope, inputs);
    }
  });
  test("powers at 0", () => {
    for (const power of [2, 3, 4]) g.gradgradcheck((x) => g.pow(x, power), [g.tensor([0, 1], { dtype: "float64" })]);
  });
});

test("every exported operation is checked, or listed with the reason why not", () => {
  const exported = Object.entries(ops).flatMap(([name, value]) => (typeof value === "function" ? [name] : []));
  const missing = exported.filter((name) => !(name in cases) && !(name in notDifferentiable));
  expect(missing).toEqual([]);
  const both = Object.keys(cases).filter((name) => name in notDifferentiable);
  expect(both).toEqual([]);
  const unknown = [...Object.keys(cases), ...Object.keys(notDifferentiable)].filter((name) => !exported.includes(name));
  expect(unknown).toEqual([]);
});

describe("gradcheck", () => {
  const x = g.tensor([[0.5, -1, 2]], { dtype: "float64" });
  const wrong = (a: g.Tensor): g.Tensor => a.square().add(g.stopGradient(a).mul(3));

  test("names input, element, analytic and numerical value", () => {
    expect(() => g.gradcheck(wrong, [x])).toThrow(
      /reverse: output 0 at \[0, 1\] by input 0 at \[0, 1\]: analytic -2, /,
    );
  });

  test("reports without throwing when asked", () => {
    const report = g.gradcheck(wrong, [x], { throws: false });
    expect(report.passed).toBe(false);
    expect(report.worst).toBeGreaterThan(1);
    expect(report.mismatches[0]!.kink).toBe(false);
  });

  test("finds a wrong derivative by random projection", () => {
    expect(g.gradcheck((a) => a.sin(), [x], { fast: true }).compared).toBeGreaterThan(0);
    expect(() => g.gradcheck(wrong, [x], { fast: true })).toThrow(g.GradcheckError);
  });

  test("says where a kink explains the difference", () => {
    const report = g.gradcheck((a) => a.relu(), [g.tensor([0], { dtype: "float64" })], { throws: false });
    expect(report.mismatches[0]!.kink).toBe(true);
  });

  test("says where the function is not finite", () => {
    expect(() => g.gradcheck((a) => a.log(), [g.tensor([-1], { dtype: "float64" })])).toThrow(
      /numerical NaN \(the function is not finite here: choose another point\)/,
    );
  });

  test("says what the numbers mean in second derivatives", () => {
    const { mismatches, legend } = g.gradgradcheck((a, b) => a.mul(g.stopGradient(b)).mul(b), [x, x], {
      throws: false,
    });
    expect(mismatches.some(({ input }) => input < 2)).toBe(true);
    expect(legend).toMatch(/inputs from 2 on are cotangents/);
    expect(() => g.gradgradcheck(wrong, [x])).not.toThrow();
    expect(() => g.gradgradcheck((a) => a.mul(g.stopGradient(a)), [x])).toThrow(/output i is the gradient by/);
  });

  test("refuses what is no function, and no point", () => {
    expect(() => g.gradcheck(3 as never, [x])).toThrow(/^gradcheck: .* for a function/);
    expect(() => g.gradcheck((a) => a, [])).toThrow("gradcheck: inputs is empty");
  });

  test("detects functions that are not deterministic", () => {
    let calls = 0;
    expect(() => g.gradcheck((a) => a.mul(calls++), [x])).toThrow(/not deterministic/);
  });

  test("detects results whose shape changes", () => {
    let calls = 0;
    expect(() => g.gradcheck((a) => g.broadcastTo(a, [1 + calls++, 3]), [x])).toThrow(/then float64\[/);
  });

  test("promotes float32 with a warning", () => {
    expect(g.gradcheck((a) => a.exp(), [g.tensor([0.5])]).warnings[0]).toMatch(/promoted to float64/);
  });
});
