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
});
