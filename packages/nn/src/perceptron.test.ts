import { Generator } from "@gradiente/autograd";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Perceptron } from "./perceptron.ts";

const corners = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
];

describe("Perceptron", () => {
  it("separates what can be separated, and draws the line between", () => {
    const p = new Perceptron({ seed: 5 });
    const result = p.fit(corners, [-1, -1, -1, 1]);
    expect(result).toMatchObject({ converged: true, errors: 0 });
    expect([...p.predict(corners).data]).toEqual([-1, -1, -1, 1]);
    const line = p.boundary()!;
    expect(line.slope + line.intercept).toBeLessThan(1);
    expect(line.intercept).toBeGreaterThan(0);
  });

  it("makes one update as on paper: w ← w + y·x", () => {
    const seen: number[][] = [];
    new Perceptron({ maxUpdates: 1, seed: 1 }).fit([[2, 3]], [-1], (w) => seen.push([...w]));
    expect(seen).toEqual([[-1, -2, -3]]);
  });

  it("says that XOR is not separated, and keeps the best weights in the pocket", () => {
    const result = new Perceptron({ pocket: true, maxUpdates: 200, seed: 2 }).fit(corners, [0, 1, 1, 0]);
    expect(result.converged).toBe(false);
    expect(result.updates).toBe(200);
    expect(result.errors).toBe(Math.min(...result.history));
    expect(result.message).toMatch(/may not be linearly separable/);
    expect(() => new Perceptron().fit(corners, [1, 2, 3, 4])).toThrow(/label 2 of point 1/);
  });

  it("separates whatever has a margin within (R/γ)² updates, each made for a misclassified point", () => {
    const cases = fc.record({
      seed: fc.nat(),
      features: fc.integer({ min: 1, max: 5 }),
      count: fc.integer({ min: 1, max: 60 }),
    });
    fc.assert(
      fc.property(cases, ({ seed, features, count }) => {
        const random = new Generator(seed);
        const draw = (): number => Math.fround(2 * random.next() - 1);
        const plane = Array.from({ length: features + 1 }, draw);
        const length = Math.hypot(...plane);
        const side = (x: readonly number[]): number =>
          (plane[0]! + x.reduce((s, v, k) => s + v * plane[k + 1]!, 0)) / length;
        const points = Array.from({ length: count }, () => Array.from({ length: features }, draw));
        const margin = Math.min(...points.map((x) => Math.abs(side(x))));
        fc.pre(margin > 0.02);
        const labels = points.map((x) => Math.sign(side(x)));
        const radius = Math.max(...points.map((x) => Math.hypot(1, ...x)));
        const perceptron = new Perceptron({ seed, maxUpdates: Math.floor((radius / margin) ** 2) });
        let before = Array.from({ length: features + 1 }, () => 0);
        const result = perceptron.fit(points, labels, (weights) => {
          const step = [...weights].map((w, k) => w - before[k]!);
          const picked = points.findIndex((x, i) => {
            const isStep = [1, ...x].every((v, k) => Math.abs(labels[i]! * v - step[k]!) < 1e-9);
            return isStep && labels[i]! * [1, ...x].reduce((s, v, k) => s + v * before[k]!, 0) <= 0;
          });
          expect(picked).toBeGreaterThanOrEqual(0);
          before = [...weights];
        });
        expect(result).toMatchObject({ converged: true, errors: 0 });
        expect([...perceptron.predict(points).data]).toEqual(labels);
      }),
      { numRuns: 60 },
    );
  });

  it("keeps in its pocket what misclassifies least of all it met", () => {
    const random = new Generator(3);
    const points = Array.from({ length: 40 }, () => [random.next(), random.next()]);
    const labels = points.map(([a, b]) => (random.next() < 0.15 ? 1 : Math.sign(a! - b!) || 1));
    const seen: number[] = [];
    const errorsOf = (w: ArrayLike<number>): number =>
      points.filter(([a, b], i) => (w[0]! + w[1]! * a! + w[2]! * b! >= 0 ? 1 : -1) !== labels[i]).length;
    const perceptron = new Perceptron({ pocket: true, maxUpdates: 300, seed: 1 });
    const result = perceptron.fit(points, labels, (w) => void seen.push(errorsOf(w)));
    expect(result.errors).toBe(Math.min(...seen));
    expect(errorsOf(perceptron.weights)).toBe(result.errors);
    const last = new Perceptron({ maxUpdates: 300, seed: 1 }).fit(points, labels);
    expect(last.errors).toBe(seen.at(-1));
    expect(last.message).toMatch(/not separated within 300 updates \(\d+ of 40 points misclassified\)/);
  });

  it("refuses what it cannot learn from", () => {
    expect(() => new Perceptron({ maxUpdates: -1 })).toThrow(/maxUpdates is -1/);
    expect(() => new Perceptron().fit([[1, Number.POSITIVE_INFINITY]], [1])).toThrow(/point 0 contains Infinity/);
    expect(() => new Perceptron().fit([[1, 2]], [1, -1])).toThrow(/1 points, but 2 labels/);
    expect(() => new Perceptron().fit([1, 2], [1, -1])).toThrow(/expected \(samples, features\)/);
    expect(() => new Perceptron().boundary()).toThrow(/fit has not been called/);
    expect(() => new Perceptron().predict([[1]])).toThrow(/fit has not been called/);
    const fitted = new Perceptron({ seed: 1 });
    fitted.fit([[-1], [1]], [-1, 1]);
    expect(() => fitted.boundary()).toThrow(/only for two features/);
    expect(() => fitted.predict([[1, 2]])).toThrow(/2 features, not 1/);
  });
});
