import { Generator } from "@gradiente/autograd";
import fc from "fast-check";
import { describe, expect, expectTypeOf, it } from "vitest";
import {
  choice,
  Dense,
  float,
  gridOf,
  gridSearch,
  hyperband,
  int,
  kFold,
  randomSearch,
  Sequential,
  SGD,
  sampleSpace,
  trainAndValidate,
} from "../index.ts";
import { gridSize, type Values } from "./space.ts";

const random = (seed: number): (() => number) => {
  const generator = new Generator(seed);
  return () => generator.next();
};
const draws = <T>(count: number, draw: () => T): T[] => Array.from({ length: count }, draw);

const space = {
  units: choice([[300, 100], [50]]),
  layers: int(1, 3),
  optimizer: choice([
    { name: "sgd", learningRate: float(1e-4, 1e-1, { log: true, points: 2 }), momentum: choice([0, 0.9]) },
    { name: "adam" },
  ]),
  bias: true,
};

describe("spaces", () => {
  it("have types that follow from what they hold", () => {
    type V = Values<typeof space>;
    expectTypeOf<V["layers"]>().toEqualTypeOf<number>();
    expectTypeOf<V["bias"]>().toEqualTypeOf<boolean>();
    const check = (v: V): number => (v.optimizer.name === "sgd" ? v.optimizer.momentum : v.units[0]);
    expect([...gridOf(space)].map(check)).toHaveLength(2 * 3 * 5);
  });

  it("give an objective its types where they are stated, and results theirs", async () => {
    const found = await randomSearch(
      {
        units: int(1, 4),
        optimizer: choice([
          { name: "sgd", momentum: float(0, 1) },
          { name: "adam", more: choice([[1], [2, 3]]) },
        ]),
      },
      ({ units, optimizer }) => {
        expectTypeOf(units).toEqualTypeOf<number>();
        const extra = optimizer.name === "sgd" ? optimizer.momentum : optimizer.more.length;
        return () => units + extra;
      },
      { trials: 3, seed: 1 },
    );
    expectTypeOf(found.best.values.units).toEqualTypeOf<number>();
    expectTypeOf(found.best.values.optimizer.name).toEqualTypeOf<"sgd" | "adam">();
    const objective = trainAndValidate(
      ({ rate }: { rate: number }, { seed }) => {
        const model = new Sequential([new Dense(1)], { seed });
        model.compile({ loss: "mse", optimizer: new SGD({ learningRate: rate }) });
        return model;
      },
      [[0], [1], [2], [3]],
      [1, 3, 5, 7],
      { folds: 2 },
    );
    expect((await gridSearch({ rate: choice([0.01, 0.1]) }, objective, { seed: 1 })).trials).toHaveLength(2);
    const inline = await hyperband(
      { rate: float(0.01, 0.1) },
      trainAndValidate(
        ({ rate }, { seed }) => {
          expectTypeOf(rate).toEqualTypeOf<number>();
          const model = new Sequential([new Dense(1)], { seed });
          model.compile({ loss: "mse", optimizer: new SGD({ learningRate: rate }) });
          return model;
        },
        [[0], [1], [2], [3]],
        [1, 3, 5, 7],
        { folds: 2 },
      ),
      { maxBudget: 3, seed: 1 },
    );
    expectTypeOf(inline.best.values).toEqualTypeOf<{ readonly rate: number }>();
    expect(inline.best.score).toBeGreaterThan(0);
  });

  it("have grids of all combinations, each once, and as many as they say", () => {
    const points = [...gridOf(space)].map((p) => JSON.stringify(p));
    expect(new Set(points).size).toBe(points.length);
    expect(gridSize(space)).toBe(points.length);
    expect(points[0]).toBe(
      '{"units":[300,100],"layers":1,"optimizer":{"name":"sgd","learningRate":0.0001,"momentum":0},"bias":true}',
    );
    expect(points.filter((p) => p.includes("adam") && p.includes("momentum"))).toEqual([]);
  });

  it("draw within bounds, and every value of a grid in the end", () => {
    const bounds = fc.tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 0, max: 50 }), fc.boolean(), fc.nat());
    fc.assert(
      fc.property(bounds, ([low, width, log, seed]) => {
        const next = random(seed);
        const whole = int(low, low + width, { log });
        const real = float(low, low + width + 1, { log });
        for (let i = 0; i < 50; i++) {
          const [n, x] = [sampleSpace(whole, next), sampleSpace(real, next)];
          expect(Number.isInteger(n) && n >= low && n <= low + width).toBe(true);
          expect(x >= low && x <= low + width + 1).toBe(true);
        }
      }),
      { numRuns: 50 },
    );
    const next = random(3);
    const seen = new Set(draws(3000, () => JSON.stringify(sampleSpace({ ...space, optimizer: "adam" }, next))));
    expect(seen.size).toBe(gridSize({ ...space, optimizer: "adam" }));
  });

  it("draw uniformly, log-uniformly where that is asked for", () => {
    const next = random(1);
    const count = 20_000;
    const below = (values: number[], limit: number): number => values.filter((v) => v < limit).length / count;
    // Three standard deviations of a fraction of 20,000 are less than 0.011.
    expect(
      below(
        draws(count, () => sampleSpace(float(1e-4, 1), next)),
        0.01,
      ),
    ).toBeCloseTo(0.01, 1);
    const logs = draws(count, () => sampleSpace(float(1e-4, 1, { log: true }), next));
    for (const [limit, share] of [
      [1e-3, 0.25],
      [1e-2, 0.5],
      [1e-1, 0.75],
    ] as const)
      expect(Math.abs(below(logs, limit) - share)).toBeLessThan(0.011);
    const steps = draws(count, () => sampleSpace(int(2, 10, { step: 4 }), next));
    expect(new Set(steps)).toEqual(new Set([2, 6, 10]));
    expect(Math.abs(below(steps, 3) - 1 / 3)).toBeLessThan(0.011);
    const orders = draws(count, () => sampleSpace(int(1, 1000, { log: true }), next));
    expect(Math.abs(below(orders, 32) - 0.5)).toBeLessThan(0.06);
  });

  it("refuse what makes no sense", () => {
    expect(() => choice([])).toThrow(/no options/);
    expect(() => choice([[1], [1]])).toThrow(/\[1\] is there twice/);
    expect(() => int(3, 1)).toThrow(/smaller first/);
    expect(() => int(0.5, 1)).toThrow(/whole numbers/);
    expect(() => int(0, 10, { log: true })).toThrow(/lower bound is 0/);
    expect(() => int(1, 10, { log: true, step: 2 })).toThrow(/exclude each other/);
    expect(() => float(0, 1, { log: true })).toThrow(/lower bound is 0/);
    expect(() => float(0, Number.POSITIVE_INFINITY)).toThrow(/bounds are 0 and Infinity/);
    expect(() => float(0, 1, { points: 0 })).toThrow(/points is 0/);
  });
});

describe("kFold", () => {
  const cases = fc.record({
    labels: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 2, maxLength: 200 }),
    parts: fc.integer({ min: 2, max: 12 }),
    seed: fc.option(fc.nat(), { nil: undefined }),
    stratified: fc.boolean(),
  });

  it("divides: every sample is held out once, sizes differ by at most one, and so do classes where stratified", () => {
    fc.assert(
      fc.property(cases, ({ labels, parts, seed, stratified }) => {
        fc.pre(parts <= labels.length);
        const folds = kFold(labels.length, parts, {
          ...(seed !== undefined && { seed }),
          ...(stratified && { stratify: labels }),
        });
        const held = folds.flatMap(({ validation }) => [...validation]).sort((a, b) => a - b);
        expect(held).toEqual(labels.map((_, i) => i));
        for (const { train, validation } of folds) {
          expect([...train, ...validation].sort((a, b) => a - b)).toEqual(held);
        }
        const apart = (counts: number[]): number => Math.max(...counts) - Math.min(...counts);
        expect(apart(folds.map(({ validation }) => validation.length))).toBeLessThanOrEqual(1);
        if (!stratified) return;
        for (const label of new Set(labels)) {
          const counts = folds.map(({ validation }) => [...validation].filter((i) => labels[i] === label).length);
          expect(apart(counts)).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  it("is fixed by the seed, and differs for another", () => {
    const [a, b, c] = [1, 1, 2].map((seed) => kFold(50, 5, { seed }).map(({ validation }) => [...validation]));
    expect(a).toEqual(b);
    expect(a).not.toEqual(c);
  });

  it("refuses too few and too many folds, and labels of another count", () => {
    expect(() => kFold(5, 1)).toThrow(/from 2 to the number of samples, 5/);
    expect(() => kFold(5, 6)).toThrow(/there are 6 folds/);
    expect(() => kFold(5, 2, { stratify: [0, 1] })).toThrow(/5 samples, but 2 labels/);
  });
});
